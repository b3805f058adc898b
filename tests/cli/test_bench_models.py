"""`llmopt bench` around a function that stands for the library's: options, exit codes, and what is told early."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmopt.bench.comparing import api
from llmopt.bench.comparing.result import BenchResult
from llmopt.cli.bench_models_asked import Typed, numbers, settled
from tests.cli.conftest import Llmopt
from tests.conftest import ROOT
from tests.report.bench_models_results import ALONE, PAIR, SEVERAL


@dataclass
class Library:
    """Stands for `llmopt.bench.compare`: keeps what it is called with."""

    result: BenchResult = field(default_factory=lambda: replace(PAIR, failures=()))
    calls: list[dict[str, Any]] = field(default_factory=list)

    def __call__(
        self, models: Sequence[str], data: str | None, *, progress: Callable[[int, int, str], None], **more: Any
    ) -> BenchResult:
        self.calls.append({"models": models, "data": data, **more})
        progress(1, 4, "round 1")
        return self.result


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch, workdir: Path) -> Library:
    found = Library()
    monkeypatch.setattr(api, "compare", found)
    (workdir / "a").mkdir()
    (workdir / "data.txt").write_text("one\ntwo\n")
    return found


def test_a_run_without_wishes(llmopt: Llmopt, library: Library) -> None:
    outcome = llmopt("bench", "a", "org/b")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("Models in turn\n\nmodels/distilbert: 1.94x as fast as models/bert-base")
    assert library.calls == [
        {
            "models": ("a", "org/b"),
            "data": None,
            "against": None,
            "batch_size": (8,),
            "seq_len": None,
            "device": "auto",
            "dtype": None,
            "task": None,
            "new_tokens": None,
            "attention": None,
            "compile": False,
            "trust_remote_code": False,
            "price_per_month": None,
            "min_speedup": None,
            "max_quality_drop": None,
            "min_rounds": 30,
            "max_time_s": 120.0,
            "ci": 0.02,
        }
    ]


def test_every_option_reaches_the_library(llmopt: Llmopt, library: Library) -> None:
    shape = ("--batch-size", "1,8", "--seq-len", "32,128", "--against", "m:f", "--data", "data.txt")
    model = ("--device", "cpu", "--dtype", "bfloat16", "--attention", "eager", "--compile", "--task", "generate")
    checks = ("--min-speedup", "1.5", "--max-quality-drop", "2%", "--price-per-month", "1000")
    rest = ("--new-tokens", 4, "--trust-remote-code", "--min-rounds", 5, "--max-time", "20s", "--ci", "5%")
    assert llmopt("bench", "a", *shape, *model, *checks, *rest).code == 0
    found = library.calls[0]
    assert (found["batch_size"], found["seq_len"], found["against"]) == ((1, 8), (32, 128), "m:f")
    assert (found["device"], found["dtype"], found["attention"], found["task"]) == (
        *("cpu", "bfloat16", "eager", "generate"),
    )
    assert (found["compile"], found["trust_remote_code"], found["new_tokens"]) == (True, True, 4)
    assert (found["min_speedup"], found["max_quality_drop"], found["price_per_month"]) == (1.5, 0.02, Decimal(1000))
    assert (found["min_rounds"], found["max_time_s"], found["ci"], found["data"]) == (5, 20.0, 0.05, "data.txt")


def test_a_gate_is_exit_1_after_the_report(llmopt: Llmopt, library: Library) -> None:
    library.result = PAIR
    outcome = llmopt("bench", "a", "b", "--format", "json")
    assert outcome.code == 1
    assert json.loads(outcome.out)["failed_checks"] == list(PAIR.failures)
    assert outcome.err == f"llmopt: check failed: {PAIR.failures[0]}\n"
    assert llmopt("bench", "a", "b", "--allow-noisy").code == 1


def test_a_noisy_machine_fails_the_run_unless_it_is_allowed(llmopt: Llmopt, library: Library) -> None:
    library.result = replace(SEVERAL, warnings=())
    outcome = llmopt("bench", "a", "b", "-o", "x.csv")
    assert outcome.code == 1
    assert "llmopt: check failed: the machine was not quiet: CPU pressure 31%" in outcome.err
    assert "warning: The machine was not quiet" not in outcome.err
    allowed = llmopt("bench", "a", "b", "--allow-noisy")
    assert (allowed.code, allowed.err) == (0, "")
    assert "warning: The machine was not quiet" in allowed.out


def test_one_model_needs_no_other(llmopt: Llmopt, library: Library) -> None:
    library.result = ALONE
    assert llmopt("bench", "a", "--against", "a").code == 0
    assert "m.py:f: 50 ms for 8 requests" in llmopt("bench", "a").out


def test_progress_is_for_terminals_only(llmopt: Llmopt, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert "25% round 1" in llmopt("bench", "a", "b").err
    assert llmopt("bench", "a", "b", "-q").err == ""


REFUSED = [
    ((), "Missing argument"),
    (("a", "--min-speedup", "2"), "--min-speedup compares a model with another"),
    (("a", "--price-per-month", "1"), "--price-per-month compares a model with another"),
    (("a", "b", "--max-quality-drop", "2%"), "--max-quality-drop is measured on real inputs"),
    (("a", "b", "--max-quality-drop", "2"), "--max-quality-drop '2': a percentage ends in %"),
    (("a", "b", "--batch-size", "0"), "--batch-size '0': not whole numbers of 1 or more"),
    (("a", "b", "--seq-len", "long"), "--seq-len 'long': not whole numbers of 1 or more"),
    (("a", "b", "--min-rounds", "0"), "--min-rounds '0': not a whole number of 3 or more"),
    (("a", "b", "--max-time", "soon"), "--max-time 'soon': not a duration"),
    (("a", "b", "--ci", "2"), "--ci '2': not between 0 and 1"),
    (("a", "b", "--task", "sing"), "--task 'sing': not one of embed, classify, generate"),
    (("a", "b", "--data", "nowhere.txt"), "nowhere.txt: no such file"),
    (("a", "./nowhere"), "./nowhere: no such folder"),
    (("a", ""), "an empty name: no such folder"),
    (("a", "x" * 5_000 + "/y/z"), "xxx"),
    (("a", "--against", "/no/where"), "/no/where: no such folder"),
    (("a", "b", "--format", "yaml"), "there is no output format 'yaml'"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_what_makes_no_sense_is_one_clear_line(
    arguments: tuple[str, ...], message: str, llmopt: Llmopt, library: Library
) -> None:
    outcome = llmopt("bench", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"llmopt: error: {message}")
    assert len(outcome.err.splitlines()) <= 2
    assert library.calls == []


def test_settings_that_do_not_go_with_one_model_are_left_out(llmopt: Llmopt, library: Library) -> None:
    Path("llmopt.toml").write_text('[bench]\nmin-speedup = 2\nmax-quality-drop = "2%"\nmax-time = 5\n')
    assert llmopt("bench", "a").code == 0
    assert (library.calls[0]["min_speedup"], library.calls[0]["max_quality_drop"]) == (None, None)
    assert llmopt("bench", "a", "b", "--data", "data.txt").code == 0
    found = library.calls[1]
    assert (found["min_speedup"], found["max_quality_drop"], found["max_time_s"]) == (2.0, 0.02, 5.0)
    assert settled(Typed(models=("a", "b"), min_speedup="2"), {"min_speedup"}).min_speedup == "2"
    assert numbers(Typed(models=("a",))).batch_sizes == (8,)


@pytest.mark.parametrize("arguments", [("--help",), ("./nowhere",)])
def test_nothing_heavy_is_loaded_to_tell_a_mistake(arguments: tuple[str, ...]) -> None:
    code = "import sys; from llmopt.cli.main import run; run(['bench', *sys.argv[1:]]); print('\\n', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert not set(done.stdout.splitlines()[-1].split()) & {"numpy", "torch", "transformers"}
