"""The evaluation: all figures are there, the same each time, and a compressor that loses something is caught."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from llmopt.prompts import api
from llmopt.prompts.evaluation import evaluate as evaluating
from llmopt.prompts.evaluation import metrics, retention, savings
from llmopt.prompts.evaluation.evaluate import evaluate
from llmopt.prompts.evaluation.metrics import Evaluation
from llmopt.prompts.result import Compressed
from llmopt.tokens.api import tokenizer_for

MODULES: tuple[ModuleType, ...] = (evaluating, retention, savings)


def small(data: Path | None = None, *, timed: bool = False) -> Evaluation:
    return evaluate(data, tokenizer=tokenizer_for(), prompts=28, questions=6, timed=timed)


def value(found: Evaluation, name: str) -> float | None:
    return next(metric.value for metric in found.metrics if metric.name == name)


def test_every_figure_is_there_with_its_goal() -> None:
    found = small()
    assert found == small()
    assert found.data == "built-in"
    assert found.tokenizer == "o200k_base"
    goals = {metric.name: metric.goal for metric in found.metrics}
    assert goals["safe at lossless"] == goals["safe at safe"] == goals["safe at aggressive"] == 100
    assert goals["JSON, minified"] == 33
    assert goals["answers kept at 25%"] == 99
    assert goals["system prompts, aggressive"] is None
    assert len(goals) == len(found.metrics)
    assert {metric.unit for metric in found.metrics} == {"%"}
    for metric in found.metrics:
        assert (metric.ok is None) == (metric.goal is None or metric.value is None)
        assert metric.detail
        assert metric.n >= 0


def test_nothing_is_lost_and_no_budget_exceeded() -> None:
    found = small()
    assert found.failures == ()
    for name in ("safe at lossless", "safe at safe", "safe at aggressive", "JSON values unchanged", "error lines kept"):
        assert value(found, name) == 100
    assert value(found, "RAG content kept") == 100
    assert value(found, "over budget") == 0


def test_time_is_measured_on_demand_only() -> None:
    names = {metric.name: metric.unit for metric in small(timed=True).metrics}
    assert names["time a context"] == "ms"
    assert names["JSON speed"] == "MB/s"


def test_data_of_ones_own_is_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    rows = [
        {
            "title": "t",
            "context": f"Room {n} is {n} metres long and blue.",
            "qas": [{"question": f"How long is room {n}?", "answers": [f"{n} metres"]}],
        }
        for n in range(20, 40)
    ]
    path.write_text("\n".join([*map(json.dumps, rows), "oops"]), encoding="utf-8")
    found = small(path)
    assert found.data == str(path)
    assert found.bad_rows == (f"{path}:21: no JSON: Expecting value at column 1",)
    kept = value(found, "answers kept at 25%")
    assert kept is not None
    assert kept >= 80


def lossy(text: str, **options: object) -> Compressed:
    """Drop each third word, as no compressor should."""
    words = text.split(" ")
    return Compressed(text, " ".join(word for at, word in enumerate(words) if at % 3), (), tokenizer_for())


def test_a_compressor_that_loses_words_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in MODULES:
        monkeypatch.setattr(module, "compress", lossy)
    found = small()
    for name in ("safe at lossless", "safe at safe", "safe at aggressive", "error lines kept", "RAG content kept"):
        figure = value(found, name)
        assert figure is not None
        assert figure < 60
    over = value(found, "over budget")
    assert over is not None
    assert over > 50
    assert any(metric.ok is False for metric in found.metrics)
    assert found.failures[0].fault
    assert found.failures[0].kind == "system"


def test_one_that_grows_or_is_not_idempotent_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def growing(text: str, **options: object) -> Compressed:
        return Compressed(text, text + "!", (), tokenizer_for())

    monkeypatch.setattr(evaluating, "compress", growing)
    told = evaluating.all_faults("Say it.", "safe", tokenizer_for())
    assert "longer by 1 characters" in told
    assert "compressed again it changes" in told
    monkeypatch.setattr(evaluating, "compress", api.compress)
    assert not evaluating.all_faults("Say it.", "safe", tokenizer_for())


def test_figures_of_nothing_are_unknown_not_zero() -> None:
    assert metrics.share(0, 0) is None
    assert metrics.mean([]) is None
    assert metrics.at_least("n", None, 5.0, 0, "").ok is None
    assert metrics.at_most("n", 1.0, 0.0, 1, "").ok is False
    assert metrics.at_most("n", 1.0, None, 1, "").ok is None
