"""`llmopt distill` around a function that stands for the library's: options, exit codes, and what is told early."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import pytest

from llmopt.cli.distill_asked import Typed, config_of, settled
from llmopt.models.distill.config import DistillConfig
from llmopt.models.distill.report import DistillReport
from tests.cli.conftest import Llmopt
from tests.conftest import ROOT
from tests.models.extras import library as optional
from tests.report.distill_reports import CLASSIFY, EMBED

optional("torch", "models")
optional("transformers", "models")

from llmopt.models.distill import api  # noqa: E402


@dataclass
class Library:
    """Stands for `llmopt.models.distill.distill`: keeps what it is called with."""

    report: DistillReport = CLASSIFY
    calls: list[tuple[str, str, str, DistillConfig]] = field(default_factory=list)
    raised: type[BaseException] | None = None

    def __call__(
        self, teacher: str, dst: str, data: str, config: DistillConfig, *, progress: Callable[[int, int, str], None]
    ) -> DistillReport:
        self.calls.append((teacher, dst, data, config))
        progress(1, 2, "epoch 1.2 of 3, loss 0.081, 4 min left")
        if self.raised is not None:
            raise self.raised
        return self.report


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch, workdir: Path) -> Library:
    found = Library()
    monkeypatch.setattr(api, "distill", found)
    monkeypatch.delenv("RANK", raising=False)
    (workdir / "big").mkdir()
    (workdir / "texts.txt").write_text("one\ntwo\n")
    return found


def test_a_run_without_wishes(llmopt: Llmopt, library: Library) -> None:
    outcome = llmopt("distill", "big", "small", "--data", "texts.txt")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("Distilled\n\nmodels/topics -> models/topics-small, a narrower config")
    assert library.calls == [("big", "small", "texts.txt", DistillConfig())]


def test_every_option_reaches_the_library(llmopt: Llmopt, library: Library) -> None:
    Path("held.jsonl").write_text('{"text": "x"}\n')
    learned = ("--student", "layers=3", "--loss", "kd", "--temperature", "4.5", "--soft-weight", "80%")
    how = ("--epochs", 5, "--max-time", "10m", "--batch-size", 32, "--lr", "3e-4", "--seed", 7, "--device", "cpu")
    checks = ("--min-quality", "95%", "--min-speedup", "2x", "--price-per-month", "$1,000", "--resume", "-q")
    more = ("--data", "texts.txt", "--eval", "held.jsonl")
    assert llmopt("distill", "big", "small", *more, *learned, *how, *checks).code == 0
    assert library.calls[0][3] == DistillConfig(
        student="layers=3",
        loss="kd",
        temperature=4.5,
        soft_weight=0.8,
        epochs=5,
        max_time_s=600.0,
        batch_size=32,
        lr=3e-4,
        seed=7,
        resume=True,
        device="cpu",
        eval="held.jsonl",
        min_quality=0.95,
        min_speedup=2.0,
        price_per_month=Decimal(1000),
    )


def test_a_gate_is_exit_1_after_the_report(llmopt: Llmopt, library: Library) -> None:
    library.report = replace(EMBED, failures=("too slow", "too bad\x1b[31m"))
    outcome = llmopt("distill", "big", "small", "--data", "texts.txt")
    assert outcome.code == 1
    assert outcome.out.endswith(f"    {EMBED.load_line}\n")
    assert outcome.err == "llmopt: check failed: too slow\nllmopt: check failed: too bad\\x1b[31m\n"
    written = llmopt("distill", "big", "small", "--data", "texts.txt", "-o", "report.json", "-q")
    assert (written.code, written.out) == (1, "")
    assert json.loads(Path("report.json").read_text())["failed_checks"] == ["too slow", "too bad\x1b[31m"]


def test_csv_has_the_figures_and_stderr_the_warnings(llmopt: Llmopt, library: Library) -> None:
    outcome = llmopt("distill", "big", "small", "--data", "texts.txt", "--format", "csv")
    assert outcome.code == 0
    assert outcome.out.startswith("figure,teacher,student,untrained,value,low,high\nparameters,22716000,4386000,")
    assert outcome.err == f"llmopt: warning: {CLASSIFY.quality.warnings[0]}\n"


def test_a_step_summary_gets_markdown(llmopt: Llmopt, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    assert llmopt("distill", "big", "small", "--data", "texts.txt", "--format", "json").code == 0
    assert Path("summary.md").read_text().startswith("### Distilled\n\n**models/topics")


def test_progress_is_for_terminals_only(llmopt: Llmopt, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    arguments = ("distill", "big", "small", "--data", "texts.txt")
    assert "50% epoch 1.2 of 3, loss 0.081, 4 min left" in llmopt(*arguments).err
    assert llmopt(*arguments, "-q").err == ""


def test_of_several_processes_the_first_reports(
    llmopt: Llmopt, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    library.report = replace(CLASSIFY, failures=("too slow",))
    monkeypatch.setenv("RANK", "1")
    outcome = llmopt("distill", "big", "small", "--data", "texts.txt")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    monkeypatch.setenv("RANK", "0")
    assert llmopt("distill", "big", "small", "--data", "texts.txt").code == 1


def test_a_run_that_is_stopped_says_how_to_go_on(llmopt: Llmopt, library: Library) -> None:
    library.raised = KeyboardInterrupt
    stopped = llmopt("distill", "big", "small", "--data", "texts.txt")
    assert (stopped.code, stopped.err) == (130, "llmopt: stopped; the same command with --resume goes on\n")
    assert llmopt("distill", "big", "small", "--data", "texts.txt", "-q").err == ""


REFUSED = [
    ((), "there is nothing to learn from"),
    (("--data", "texts.txt", "--loss", "mse"), "--loss 'mse': not one of kd, embed, lm"),
    (("--data", "texts.txt", "--temperature", "hot"), "--temperature 'hot': not a number"),
    (("--data", "texts.txt", "--temperature", "nan"), "--temperature 'nan': not a number"),
    (("--data", "texts.txt", "--temperature", "0"), "--temperature 0 makes no sense"),
    (("--data", "texts.txt", "--temperature", "-2"), "--temperature -2 makes no sense"),
    (("--data", "texts.txt", "--soft-weight", "1.5"), "--soft-weight '1.5': not a share from 0 to 1"),
    (("--data", "texts.txt", "--soft-weight", "half"), "--soft-weight 'half': not an amount"),
    (("--data", "texts.txt", "--loss", "embed", "--temperature", "4"), "--temperature is for --loss kd and lm"),
    (("--data", "texts.txt", "--loss", "embed", "--soft-weight", "1"), "--soft-weight is for --loss kd and lm"),
    (("--data", "texts.txt", "--epochs", "0"), "--epochs '0': not a whole number of 1 or more"),
    (("--data", "texts.txt", "--epochs", "1.5"), "--epochs '1.5': not a whole number of 1 or more"),
    (("--data", "texts.txt", "--max-time", "10"), "--max-time '10': a duration ends in its unit"),
    (("--data", "texts.txt", "--max-time", "0s"), "--max-time '0s': more than 0 is needed"),
    (("--data", "texts.txt", "--batch-size", "0"), "--batch-size '0': not a whole number of 1 or more"),
    (("--data", "texts.txt", "--lr", "fast"), "--lr 'fast': not a number"),
    (("--data", "texts.txt", "--lr", "2"), "--lr 2 makes no sense"),
    (("--data", "texts.txt", "--seed", "-1"), "--seed '-1': not a whole number of 0 or more"),
    (("--data", "texts.txt", "--min-quality", "0.95"), "--min-quality '0.95': a percentage ends in %"),
    (("--data", "texts.txt", "--min-quality", "101%"), "--min-quality '101%': more than all of it"),
    (("--data", "texts.txt", "--min-speedup", "50%"), "--min-speedup '50%': not how many times faster"),
    (("--data", "texts.txt", "--price-per-month", "free"), "--price-per-month 'free': not an amount"),
    (("--data", "texts.txt", "--student", "layers=none"), "--student layers=none makes no sense"),
    (("--data", "texts.txt", "--student", "small.json"), "--student small.json: no such file"),
    (("--data", "texts.txt", "--student", "models/none"), "models/none: no such file or folder"),
    (("--data", "nowhere.txt"), "nowhere.txt: no such file"),
    (("--data", "n" * 300), f"{'n' * 80}: File name too long"),
    (("--data", "big"), "big: a folder"),
    (("--data", "texts.txt", "--eval", "nowhere.txt"), "nowhere.txt: no such file"),
    (("--data", "texts.txt", "--eval", "big"), "big: a folder"),
    (("--data", "-", "--eval", "-"), "--data and --eval are both stdin"),
    (("--data", "texts.txt", "--format", "yaml"), "there is no output format 'yaml'"),
    (("--data", "texts.txt", "-o", "no/x.json"), "no/x.json: cannot be written"),
]
PLACES = [
    (("nowhere", "small"), "nowhere: no such file or folder"),
    (("", "small"), "an empty name: no such file or folder"),
    (("big\0", "small"), "big\\x00: no such file or folder"),
    (("big", ""), "an empty name: no name for a folder"),
    (("big", "a\0b"), "a\\x00b: embedded null byte"),
    (("big", "texts.txt"), "texts.txt: exists"),
    (("big", "full"), "full: exists"),
    (("big", "big"), "big: the result would replace its source"),
    (("big", "big/small"), "big/small: lies inside the source big"),
]
CASES = [
    *((("big", "small", *more), message) for more, message in REFUSED),
    *(((*places, "--data", "texts.txt"), message) for places, message in PLACES),
]


@pytest.mark.parametrize(("arguments", "message"), CASES)
def test_what_makes_no_sense_is_one_clear_line(
    arguments: tuple[str, ...], message: str, llmopt: Llmopt, library: Library
) -> None:
    Path("full").mkdir()
    Path("full/file").touch()
    outcome = llmopt("distill", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"llmopt: error: {message}")
    assert len(outcome.err.splitlines()) <= 2
    assert library.calls == []


@pytest.mark.parametrize("student", ["layers=0,2", "static", "small.json", "other"])
def test_students(student: str, llmopt: Llmopt, library: Library) -> None:
    Path("small.json").write_text("{}")
    Path("other").mkdir()
    assert llmopt("distill", "big", "small", "--data", "texts.txt", "--student", student).code == 0
    assert library.calls[0][3].student == student


def test_a_glob_is_left_to_the_reader(llmopt: Llmopt, library: Library) -> None:
    assert llmopt("distill", "big", "small", "--data", "*.txt").code == 0
    assert library.calls[0][2] == "*.txt"


def test_settings_of_other_commands_are_left_out(llmopt: Llmopt, library: Library) -> None:
    Path("llmopt.toml").write_text(
        'batch-size = "1,2,4"\ndevice = "cuda:0,cuda:1"\nresume = "sweep.jsonl"\n[distill]\nmin-quality = "90%"\n'
    )
    assert llmopt("distill", "big", "small", "--data", "texts.txt").code == 0
    assert library.calls[0][3] == DistillConfig(min_quality=0.9)
    assert llmopt("distill", "big", "small", "--data", "texts.txt", "--batch-size", "1,2").code == 2
    Path("llmopt.toml").write_text('[distill]\ntemperature = 5\nloss = "embed"\n')
    assert llmopt("distill", "big", "small", "--data", "texts.txt").code == 0
    assert llmopt("distill", "big", "small", "--data", "texts.txt", "--loss", "kd").code == 0
    assert [call[3].temperature for call in library.calls[1:]] == [None, 5.0]


def test_the_defaults_are_those_of_the_library() -> None:
    assert config_of(Typed()) == DistillConfig()
    assert settled(Typed(batch_size="1,2"), ()) == Typed(batch_size="1,2")


def test_all_that_the_teacher_has_can_be_asked_for() -> None:
    assert config_of(Typed(min_quality="100%", soft_weight="0")).min_quality == 1.0


HEAVY = ("numpy", "safetensors", "torch", "transformers")


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("nowhere", "dst", "--data", "README.md"), (".", "/tmp/x", "--student", "x=", "--data", "README.md")],
)
def test_nothing_heavy_is_loaded_to_tell_a_mistake(arguments: tuple[str, ...]) -> None:
    code = "import sys; from llmopt.cli.main import run; run(['distill', *sys.argv[1:]]); print('\\n', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert not set(done.stdout.splitlines()[-1].split()) & set(HEAVY)
