"""`llmopt compress eval`: a table of figures beside their goals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from llmopt.cli import compress_eval
from llmopt.prompts.evaluation.metrics import Evaluation, Failure, Metric
from tests.cli.conftest import Llmopt
from tests.conftest import Golden

FORMATS = [("table", "txt"), ("json", "json"), ("csv", "csv"), ("markdown", "md"), ("html", "html")]
RESULT = Evaluation(
    (
        Metric("safe at safe", 99.5, 100.0, 200, "%", "made-up prompts", ok=False),
        Metric("logs", 41.25, 30.0, 12, "%", "seven formats", ok=True),
        Metric("speed", None, 15.0, 0, "MB/s", "not measured", ok=None),
    ),
    (Failure("safe", "logs", 17, "a number is gone"),),
    "built-in",
    (),
    "o200k_base",
    0,
)


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Figures that are known; returns what was asked for."""
    asked: dict[str, object] = {}

    def evaluate(data: Path | None, **options: object) -> Evaluation:
        asked.update(options, data=data)
        return RESULT

    monkeypatch.setattr(compress_eval, "evaluate", evaluate)
    return asked


@pytest.mark.parametrize(("format", "suffix"), FORMATS)
def test_every_format(
    llmopt: Llmopt, golden: Golden, faked: dict[str, object], workdir: Path, format: str, suffix: str
) -> None:
    outcome = llmopt("compress", "eval", "--format", format)
    assert (outcome.code, outcome.err) == (0, "")
    golden(f"cli/compress-eval.{suffix}", outcome.out)


def test_what_is_asked_arrives(llmopt: Llmopt, faked: dict[str, object], workdir: Path) -> None:
    assert llmopt("compress", "eval", "data.jsonl", "--prompts", "7", "--questions", "0", "--seed", "3").code == 0
    assert (faked["data"], faked["prompts"], faked["questions"], faked["seed"]) == (Path("data.jsonl"), 7, None, 3)


def test_strict_fails_where_a_goal_is_missed(
    llmopt: Llmopt, faked: dict[str, object], workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = llmopt("compress", "eval", "--strict")
    assert outcome.code == 1
    assert outcome.err == "llmopt: check failed: safe at safe: 99.5 %, not 100\n"
    good = replace(RESULT, metrics=RESULT.metrics[1:])
    monkeypatch.setattr(compress_eval, "evaluate", lambda data, **options: good)
    assert llmopt("compress", "eval", "--strict").code == 0


def test_settings_of_its_own(llmopt: Llmopt, faked: dict[str, object], workdir: Path) -> None:
    Path("llmopt.toml").write_text('format = "json"\n[compress]\nlevel = "safe"\n[compress.eval]\nprompts = "5"\n')
    assert json.loads(llmopt("compress", "eval").out)["schema"] == "llmopt.compress.eval/1"
    assert faked["prompts"] == 5


def test_help_and_a_file_of_that_name(llmopt: Llmopt, workdir: Path) -> None:
    assert "--strict" in llmopt("compress", "eval", "--help").out
    Path("eval").write_text("a  prompt\n")
    assert llmopt("compress", "./eval").out == "a prompt"


def test_a_small_real_run(llmopt: Llmopt, workdir: Path) -> None:
    outcome = llmopt("compress", "eval", "--prompts", "3", "--questions", "2", "--format", "json")
    assert outcome.code == 0
    report = json.loads(outcome.out)
    assert {metric["n"] for metric in report["metrics"] if metric["name"].startswith("safe")} == {3}
    assert llmopt("compress", "eval", "none.jsonl").code == 2
