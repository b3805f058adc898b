"""The CPU route from a checkpoint to a folder that opens again and a report that says what it is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmopt.errors import InputError, UsageError
from llmopt.models.cpu.recipe import Recipe
from llmopt.models.quantizing.config import QuantizeConfig
from tests.models.auto.fakes import BF16, FP32
from tests.models.auto.small import save_encoder, write_texts
from tests.models.extras import library

torch: Any = library("torch", "semantic")

from llmopt.models.auto import route  # noqa: E402
from llmopt.models.auto.route import quantize_for_cpu  # noqa: E402
from llmopt.models.checkpoint import open_model  # noqa: E402

TOKEN8 = Recipe("torch", "int8", scales="token")
LAYERS = 6
CONFIG = QuantizeConfig(target="cpu", batch_size=2, seq_len=16, jobs=1, max_quality_drop=0.5)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_encoder(tmp_path_factory.mktemp("auto") / "model")


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(write_texts(tmp_path / "texts.txt"))


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure few recipes for a short time."""
    monkeypatch.setattr(route, "recipes", lambda task, calibrated: (FP32, BF16, TOKEN8))
    monkeypatch.setattr("llmopt.models.auto.trial.ROUNDS", 3)
    monkeypatch.setattr("llmopt.models.auto.written.ROUNDS", 3)
    monkeypatch.setattr("llmopt.models.auto.trial.MORE_ROUNDS", 3)


def test_8_bits_by_name(model: Path, data: str, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    config = replace(CONFIG, scheme="int8", data=data, price_per_month=Decimal(100), skip=("*.output.dense",))
    threads = torch.get_num_threads()
    report = quantize_for_cpu(model, tmp_path / "out", config, progress=lambda *given: told.append(given))
    assert torch.get_num_threads() == threads
    assert (report.scheme, report.format, report.target) == ("torch int8 per token, 2 layers kept", "torch", "cpu")
    assert (len(report.layers), report.tensors.quantized) == (LAYERS - 2, LAYERS - 2)
    assert sum(kept.reason == "--skip *.output.dense" for kept in report.kept) == 4
    assert all(layer.sqnr_db is not None and layer.sqnr_db > 30 for layer in report.layers)
    assert report.quality is not None
    assert report.quality.task == "embed"
    assert 20 <= report.quality.inputs <= 40
    assert report.speedup is not None
    assert (report.speedup.base, report.speedup.strongest) == ("torch float32", "torch float32")
    assert (report.speedup.batch_size, report.speedup.seq_len, report.speedup.threads) == (2, 16, 1)
    assert report.cost is not None
    assert report.cost.price_per_month == 100
    assert [variant.name for variant in report.frontier if variant.chosen] == [report.scheme]
    assert {variant.engine for variant in report.frontier} == {"torch"}
    assert told[-1] == (told[-1][1], told[-1][1], f"judging {report.scheme} as it was written")
    assert report.peak_memory_bytes > report.working_memory_bytes >= 0
    assert report.bytes_after < report.bytes_before
    reopened = open_model(tmp_path / "out", device="cpu")
    assert len(reopened.predict(reopened.encode(["the team"]))[0]) == 64
    assert "open_model" in report.load_line


def test_auto_tells_the_sensitivity_of_each_layer(model: Path, data: str, tmp_path: Path) -> None:
    report = quantize_for_cpu(model, tmp_path / "out", replace(CONFIG, data=data))
    assert report.quality is not None
    names = {variant.name.partition(",")[0] for variant in report.frontier}
    assert names == {FP32.name, BF16.name, TOKEN8.name}
    assert [one.quality_drop for one in report.frontier if one.name == FP32.name] == [0.0]
    assert any(variant.on_frontier for variant in report.frontier)
    if report.scheme.startswith(TOKEN8.name):
        assert all(layer.sensitivity is not None for layer in report.layers)
    assert not report.failures


def test_without_data_auto_takes_no_8_bits_and_says_so(model: Path, tmp_path: Path) -> None:
    report = quantize_for_cpu(model, tmp_path / "out", QuantizeConfig(target="cpu", batch_size=1, seq_len=8, jobs=1))
    assert report.scheme in (FP32.name, BF16.name)
    assert report.quality is None
    assert report.warnings[0].startswith("no --data")
    assert any(variant.name == TOKEN8.name for variant in report.frontier)


def test_gates_that_do_not_hold_are_told_and_the_result_is_written(model: Path, data: str, tmp_path: Path) -> None:
    config = replace(CONFIG, scheme="int8", data=data, max_quality_drop=0.0, min_speedup=1000.0)
    report = quantize_for_cpu(model, tmp_path / "out", config)
    assert report.failures[-1].endswith("the gate is 1000x")
    assert (tmp_path / "out" / "llmopt-model.json").is_file()


def test_requests_are_no_longer_than_the_model_reads(model: Path, tmp_path: Path) -> None:
    config = QuantizeConfig(target="cpu", scheme="bf16", batch_size=1, seq_len=500, jobs=1)
    report = quantize_for_cpu(model, tmp_path / "out", config)
    assert report.speedup is not None
    assert report.speedup.seq_len == 64
    assert "requests have 64 tokens: the model reads no more" in report.warnings
    assert {layer.scheme for layer in report.layers} == {"bfloat16"}


def test_mistakes_leave_nothing_behind(model: Path, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("a single text\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"one\.txt: 1 text, too few to choose on one half"):
        quantize_for_cpu(model, tmp_path / "out", replace(CONFIG, data=str(tmp_path / "one.txt")))
    with pytest.raises(UsageError, match="--scheme w4a16 is not made for --target cpu"):
        quantize_for_cpu(model, tmp_path / "out", replace(CONFIG, scheme="w4a16"))
    with pytest.raises(InputError, match="no such folder"):
        quantize_for_cpu(tmp_path / "nothing", tmp_path / "out", CONFIG)
    with pytest.raises(UsageError, match="lies inside the source"):
        quantize_for_cpu(model, model / "out", CONFIG)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("out")]
