"""`quantize` takes the route of its target, looks at gates first, and compares answers where there is data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from llmopt.errors import InputError, OutOfMemory, UsageError
from llmopt.models.quantizing.config import QuantizeConfig
from tests.models.auto.small import save_encoder, write_texts
from tests.models.auto.values import a_quality
from tests.models.extras import change, library

library("torch", "semantic")
library("compressed_tensors", "models")

from llmopt.models.quantizing import answers  # noqa: E402
from llmopt.models.quantizing.api import quantize  # noqa: E402

CONFIG = QuantizeConfig(scheme="w8a16", group_size=64, jobs=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_encoder(tmp_path_factory.mktemp("api") / "model")


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(write_texts(tmp_path / "texts.txt"))


def test_without_data_only_the_error_of_weights_is_told(model: Path, tmp_path: Path) -> None:
    report = quantize(model, tmp_path / "out", CONFIG)
    assert report.quality is None
    assert not report.failures
    assert any(said.startswith("no --data") for said in report.warnings)
    assert all(layer.sqnr_db is not None for layer in report.layers)


def test_with_data_the_answers_of_the_result_are_compared(model: Path, data: str, tmp_path: Path) -> None:
    report = quantize(model, tmp_path / "out", replace(CONFIG, data=data, max_quality_drop=0.5))
    assert report.quality is not None
    assert report.quality.task == "embed"
    assert report.quality.cosine is not None
    assert 0.99 < report.quality.cosine < 1
    assert report.speedup is None
    assert not report.failures


def test_a_gate_that_does_not_hold_is_a_failure(
    model: Path, data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "compared", lambda *arguments, **named: a_quality(0.03, warnings=("few texts",)))
    report = quantize(model, tmp_path / "out", replace(CONFIG, data=data, max_quality_drop=0.02))
    assert report.failures == (f"3.00% of nearest neighbours changed on 500 texts of {data}; the gate is 2.00%",)
    assert "few texts" in report.warnings
    assert (tmp_path / "out" / "config.json").is_file()


def test_a_model_that_does_not_fit_is_converted_and_not_compared(
    model: Path, data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "available_bytes", lambda: 1_000)
    report = quantize(model, tmp_path / "out", replace(CONFIG, data=data, max_quality_drop=0.5))
    assert report.failures == ("quality could not be measured; the gate is a drop of 50.00%",)
    assert any("is written, but quality was not measured: both models take about" in said for said in report.warnings)
    assert (tmp_path / "out" / "config.json").is_file()


def test_an_architecture_that_nobody_knows_is_converted_all_the_same(tmp_path: Path, data: str) -> None:
    model = save_encoder(tmp_path / "model")
    change(model / "config.json", model_type="unheard_of", architectures=["UnheardOf"])
    report = quantize(model, tmp_path / "out", replace(CONFIG, data=data))
    assert report.quality is None
    assert report.tensors.quantized
    assert not report.failures
    assert any("quality was not measured" in said for said in report.warnings)


@pytest.mark.parametrize("config", [replace(CONFIG, min_speedup=2.0), replace(CONFIG, max_quality_drop=0.1)])
def test_gates_are_looked_at_before_anything_is_written(model: Path, tmp_path: Path, config: QuantizeConfig) -> None:
    with pytest.raises(UsageError):
        quantize(model, tmp_path / "out", config)
    assert not list(tmp_path.iterdir())


def test_data_is_read_before_anything_is_written(model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        quantize(model, tmp_path / "out", replace(CONFIG, data=str(tmp_path / "nothing.txt")))
    assert not list(tmp_path.iterdir())


def test_the_least_of_both_limits_counts(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 100 kB\nMemAvailable:      50 kB\n", encoding="ascii")
    group = tmp_path / "group"
    assert answers.available_bytes(meminfo, group) == 51_200
    group.mkdir()
    for name, text in (("memory.max", "max\n"), ("memory.current", "9000"), ("memory.stat", "inactive_file 4000\n")):
        (group / name).write_text(text, encoding="ascii")
    assert answers.available_bytes(meminfo, group) == 51_200
    (group / "memory.max").write_text("10000\n", encoding="ascii")
    assert answers.available_bytes(meminfo, group) == 5_000
    assert answers.available_bytes(tmp_path / "none", tmp_path / "none") is None


def test_a_model_that_does_not_fit_is_not_loaded_for_a_processor(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "available_bytes", lambda: 1_000)
    with pytest.raises(OutOfMemory, match="both models take about") as raised:
        quantize(model, tmp_path / "out", QuantizeConfig(target="cpu"))
    assert "--target transformers" in raised.value.hint
    assert not list(tmp_path.iterdir())


def test_code_of_a_checkpoint_is_not_run_and_no_flag_is_named_that_would(tmp_path: Path, data: str) -> None:
    model = save_encoder(tmp_path / "model")
    change(model / "config.json", model_type="unheard_of", auto_map={"AutoModel": "code.Model"})
    (model / "code.py").write_text("raise SystemExit\n", encoding="utf-8")
    with pytest.raises(InputError, match="needs Python code") as raised:
        quantize(model, tmp_path / "out", QuantizeConfig(target="cpu"))
    assert "--trust-remote-code" not in raised.value.hint
    report = quantize(model, tmp_path / "out", replace(CONFIG, data=data))
    assert any("quality was not measured" in said and "--trust" not in said for said in report.warnings)
