"""`llmopt quantize` around a function that stands for the library's: options, exit codes, and what is told early."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import pytest

from llmopt.cli.quantize_asked import Typed, config_of, settled
from llmopt.models.quantizing import api
from llmopt.models.quantizing.config import QuantizeConfig
from llmopt.models.quantizing.report import QuantizeReport
from tests.cli.conftest import Llmopt
from tests.conftest import ROOT
from tests.report.quantize_reports import AUTO, WEIGHTS


@dataclass
class Library:
    """Stands for `llmopt.models.quantize`: keeps what it is called with."""

    report: QuantizeReport = WEIGHTS
    calls: list[tuple[str, str, QuantizeConfig]] = field(default_factory=list)
    raised: type[BaseException] | None = None

    def __call__(
        self, src: str, dst: str, config: QuantizeConfig, *, progress: Callable[[int, int, str], None]
    ) -> QuantizeReport:
        self.calls.append((src, dst, config))
        progress(1, 2, "timing onnx int8")
        if self.raised is not None:
            raise self.raised
        return self.report


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch, workdir: Path) -> Library:
    found = Library()
    monkeypatch.setattr(api, "quantize", found)
    (workdir / "src").mkdir()
    (workdir / "data.txt").write_text("one\ntwo\n")
    return found


def test_a_run_without_wishes(llmopt: Llmopt, library: Library) -> None:
    outcome = llmopt("quantize", "src", "dst")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("Quantized\n\nmodels/llama -> models/llama-w4a16, w4a16: 1.31 GB -> 403 MB (-69.3%)")
    assert library.calls == [("src", "dst", QuantizeConfig())]


def test_every_option_reaches_the_library(llmopt: Llmopt, library: Library) -> None:
    more = ("--scheme", "int8", "--target", "cpu", "--group-size", 64, "--skip", "*.a", "--skip", "re:b", "--jobs", 3)
    checks = ("--data", "data.txt", "--max-quality-drop", "2%", "--min-speedup", "1.5x", "--price-per-month", "$1,000")
    rest = ("--max-memory", "1GiB", "--resume", "--trust-pickle", "--batch-size", 4, "--seq-len", 64, "-q")
    assert llmopt("quantize", "src", "dst", *more, *checks, *rest).code == 0
    assert library.calls[0][2] == QuantizeConfig(
        scheme="int8",
        target="cpu",
        group_size=64,
        skip=("*.a", "re:b"),
        data="data.txt",
        max_quality_drop=0.02,
        min_speedup=1.5,
        price_per_month=Decimal(1000),
        jobs=3,
        max_memory_bytes=1024**3,
        resume=True,
        trust_pickle=True,
        batch_size=4,
        seq_len=64,
    )


def test_a_gate_is_exit_1_after_the_report(llmopt: Llmopt, library: Library) -> None:
    library.report = replace(AUTO, failures=("too slow", "too bad\x1b[31m"))
    outcome = llmopt("quantize", "src", "dst")
    assert outcome.code == 1
    assert outcome.out.endswith(f"    {AUTO.load_line}\n")
    assert outcome.err == "llmopt: check failed: too slow\nllmopt: check failed: too bad\\x1b[31m\n"
    written = llmopt("quantize", "src", "dst", "-o", "report.json", "-q")
    assert (written.code, written.out) == (1, "")
    assert json.loads(Path("report.json").read_text())["failed_checks"] == ["too slow", "too bad\x1b[31m"]


def test_the_gate_by_default_is_in_the_plot(llmopt: Llmopt, library: Library) -> None:
    library.report = replace(AUTO, failures=())
    plain = llmopt("quantize", "src", "dst", "--target", "cpu").out
    assert "== gate" not in plain
    with_data = llmopt("quantize", "src", "dst", "--target", "cpu", "--data", "data.txt").out
    assert "== gate 2%" in with_data
    asked = llmopt("quantize", "src", "dst", "--target", "cpu", "--data", "data.txt", "--max-quality-drop", "3%").out
    assert "== gate 3%" in asked


def test_csv_has_all_tensors_and_stderr_the_warnings(llmopt: Llmopt, library: Library) -> None:
    outcome = llmopt("quantize", "src", "dst", "--format", "csv")
    assert outcome.code == 0
    assert outcome.out.startswith("name,shape,scheme,sqnr_db,sensitivity,bytes_before,bytes_after,kept\n")
    assert len(outcome.out.splitlines()) == 1 + len(WEIGHTS.layers) + len(WEIGHTS.kept)
    assert outcome.err == f"llmopt: warning: {WEIGHTS.warnings[0]}\n"


def test_a_step_summary_gets_markdown(llmopt: Llmopt, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    assert llmopt("quantize", "src", "dst", "--format", "json").code == 0
    assert Path("summary.md").read_text().startswith("### Quantized\n\n**models/llama")


def test_progress_is_for_terminals_only(llmopt: Llmopt, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert "50% timing onnx int8" in llmopt("quantize", "src", "dst").err
    assert llmopt("quantize", "src", "dst", "-q").err == ""


def test_a_run_that_is_stopped_says_how_to_go_on(llmopt: Llmopt, library: Library) -> None:
    library.raised = KeyboardInterrupt
    stopped = llmopt("quantize", "src", "dst")
    assert (stopped.code, stopped.err) == (130, "llmopt: stopped; the same command with --resume goes on\n")
    assert llmopt("quantize", "src", "dst", "-q").err == ""
    assert llmopt("quantize", "src", "dst", "--target", "cpu").err == ""


REFUSED = [
    (("src", "dst", "--scheme", "int4"), "--scheme 'int4': not one of int8, w8a8, w8a16, w4a16, bf16, auto"),
    (("src", "dst", "--target", "gpu"), "--target 'gpu': not one of transformers, vllm, cpu"),
    (("src", "dst", "--target", "cpu", "--scheme", "w4a16"), "--scheme w4a16 is not made for --target cpu"),
    (("src", "dst", "--group-size", "0"), "--group-size '0': not a whole number of 1 or more"),
    (("src", "dst", "--jobs", "two"), "--jobs 'two': not a whole number of 1 or more"),
    (("src", "dst", "--max-memory", "lots"), "--max-memory 'lots': not a size"),
    (("src", "dst", "--max-memory", "8MB"), "--max-memory 8,000,000 bytes is less than torch alone takes"),
    (("src", "dst", "--max-quality-drop", "0.02"), "--max-quality-drop '0.02': a percentage ends in %"),
    (("src", "dst", "--max-quality-drop", "101%"), "--max-quality-drop '101%': more than all of it"),
    (("src", "dst", "--max-quality-drop", "2%"), "--max-quality-drop is measured on real inputs"),
    (("src", "dst", "--target", "cpu", "--min-speedup", "50%"), "--min-speedup '50%': not how many times faster"),
    (("src", "dst", "--target", "cpu", "--min-speedup", "0"), "--min-speedup '0': not how many times faster"),
    (("src", "dst", "--min-speedup", "1.5"), "--min-speedup is for --target cpu"),
    (("src", "dst", "--batch-size", "4"), "--batch-size is for --target cpu"),
    (("src", "dst", "--price-per-month", "1000"), "--price-per-month is for --target cpu"),
    (("src", "dst", "--target", "cpu", "--price-per-month", "free"), "--price-per-month 'free': not an amount"),
    (("src", "dst", "--data", "nowhere.txt"), "nowhere.txt: no such file"),
    (("src", "dst", "--data", "src"), "src: a folder"),
    (("nowhere", "dst"), "nowhere: no such file or folder"),
    (("", "dst"), "an empty name: no such file or folder"),
    (("src\0", "dst"), "src\\x00: no such file or folder"),
    (("src", ""), "an empty name: no name for a folder"),
    (("src", "a\0b"), "a\\x00b: embedded null byte"),
    (("src", "data.txt"), "data.txt: exists"),
    (("src", "full"), "full: exists"),
    (("src", "src/dst"), "src/dst: lies inside the source src"),
    (("src", "dst", "--format", "yaml"), "there is no output format 'yaml'"),
    (("src", "dst", "-o", "no/x.json"), "no/x.json: cannot be written"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_what_makes_no_sense_is_one_clear_line(
    arguments: tuple[str, ...], message: str, llmopt: Llmopt, library: Library
) -> None:
    Path("full").mkdir()
    Path("full/file").touch()
    outcome = llmopt("quantize", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"llmopt: error: {message}")
    assert len(outcome.err.splitlines()) <= 2
    assert library.calls == []


def test_settings_that_do_not_go_with_the_target_are_left_out(llmopt: Llmopt, library: Library) -> None:
    own = 'min-speedup = 2\nmax-quality-drop = "2%"\nbatch-size = 4\nscheme = "w8a8"\nskip = ["a", "b"]\n'
    Path("llmopt.toml").write_text(f"[quantize]\n{own}")
    assert llmopt("quantize", "src", "dst").code == 0
    found = library.calls[0][2]
    assert (found.min_speedup, found.max_quality_drop, found.batch_size, found.scheme) == (None, None, 8, "w8a8")
    assert found.skip == ("a", "b")
    assert llmopt("quantize", "src", "dst", "--target", "cpu", "--data", "data.txt").code == 0
    found = library.calls[1][2]
    assert (found.min_speedup, found.max_quality_drop, found.batch_size) == (2.0, 0.02, 4)


def test_the_defaults_are_those_of_the_library() -> None:
    assert config_of(Typed()) == QuantizeConfig()
    assert settled(Typed(min_speedup="2"), ()) == Typed(min_speedup="2")


def test_no_drop_at_all_can_be_asked_for() -> None:
    assert config_of(Typed(data="x", max_quality_drop="0%")).max_quality_drop == 0.0


HEAVY = ("numpy", "safetensors", "torch", "transformers")


@pytest.mark.parametrize("arguments", [("--help",), ("nowhere", "dst"), (".", "dst", "--scheme", "x")])
def test_nothing_heavy_is_loaded_to_tell_a_mistake(arguments: tuple[str, ...]) -> None:
    code = "import sys; from llmopt.cli.main import run; run(['quantize', *sys.argv[1:]]); print('\\n', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert not set(done.stdout.splitlines()[-1].split()) & set(HEAVY)
