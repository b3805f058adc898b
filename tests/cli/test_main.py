"""The entry point: exit codes, one line on stderr, no traceback, closed pipes."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from typing import Annotated, NoReturn

import pytest
import typer

from llmopt import __version__
from llmopt.cli import main, registry
from llmopt.cli.options import VerboseOption
from llmopt.cli.registry import Entry
from llmopt.errors import CheckFailed, InputError, LlmoptError
from tests.cli.conftest import Llmopt

FAILURE: list[BaseException] = []


def fail(verbose: VerboseOption = False) -> NoReturn:
    """Raise what the test put in."""
    raise FAILURE[0]


subcommands = typer.Typer()


@subcommands.command("one")
def one(number: Annotated[int, typer.Option()] = 1) -> None:
    """Print a number."""
    sys.stdout.write(f"{number}\n")


@pytest.fixture(autouse=True)
def commands(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    entries = (Entry("fail", "Fail.", __name__, "fail"), Entry("many", "Many.", __name__, "subcommands"))
    monkeypatch.setattr(registry, "COMMANDS", (*registry.COMMANDS, *entries))
    yield
    FAILURE.clear()


def test_help_lists_every_command(llmopt: Llmopt) -> None:
    outcome = llmopt("--help")
    assert outcome.code == 0
    assert outcome.err == ""
    for entry in registry.COMMANDS:
        assert f"  {entry.name}" in outcome.out
        assert entry.help in outcome.out
    assert llmopt("-h").out == outcome.out


def test_version(llmopt: Llmopt) -> None:
    outcome = llmopt("--version")
    assert (outcome.code, outcome.out) == (0, f"llmopt {__version__}\n")


def test_no_command_is_wrong_usage_and_shows_the_help_on_stderr(llmopt: Llmopt) -> None:
    outcome = llmopt()
    assert (outcome.code, outcome.out) == (2, "")
    assert "Commands:" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["many", "one", "--nmber", "2"], "No such option: --nmber"),
        (["many", "one", "--number", "two"], "Invalid value for '--number'"),
        (["many", "one", "extra"], "Got unexpected extra argument"),
        (["fial"], "No such command 'fial'. Did you mean 'fail'?"),
        (["many", "two"], "No such command 'two'"),
        (["--nope"], "No such option: --nope"),
    ],
)
def test_wrong_usage_is_one_line_and_a_hint(arguments: list[str], message: str, llmopt: Llmopt) -> None:
    outcome = llmopt(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    first, hint, end = outcome.err.split("\n")
    assert first.startswith(f"llmopt: error: {message}")
    assert hint.startswith("llmopt: hint: llmopt")
    assert hint.endswith("--help")
    assert end == ""


def test_a_command_with_subcommands_runs(llmopt: Llmopt) -> None:
    assert llmopt("many", "one", "--number", "3").out == "3\n"
    assert "Print a number." in llmopt("many", "--help").out


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (LlmoptError("broken", "mend it"), 2, ["llmopt: error: broken", "llmopt: hint: mend it"]),
        (InputError("a.jsonl:3: \x1b[31mbad"), 2, ["llmopt: error: a.jsonl:3: \\x1b[31mbad"]),
        (CheckFailed("one\ntwo"), 1, ["llmopt: check failed: one", "llmopt: check failed: two"]),
        (KeyboardInterrupt(), 130, []),
        (RuntimeError("Query interrupted"), 130, []),  # what duckdb makes of Ctrl-C
        (typer.Abort(), 130, []),
        (typer.Exit(4), 4, []),
        (BrokenPipeError(32, "Broken pipe"), 0, []),
        (SystemExit(5), 5, []),
    ],
)
def test_exit_codes(error: BaseException, code: int, lines: list[str], llmopt: Llmopt) -> None:
    FAILURE.append(error)
    outcome = llmopt("fail")
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.splitlines() == lines


def test_a_bug_says_so_and_shows_its_traceback_only_when_asked(llmopt: Llmopt) -> None:
    FAILURE.append(ZeroDivisionError("division by zero"))
    short, long = llmopt("fail"), llmopt("fail", "-v")
    assert short.code == long.code == 3
    assert short.err.startswith("llmopt: error: this is a bug in llmopt: ZeroDivisionError: division by zero\n")
    assert "Traceback" not in short.err
    assert "Traceback" in long.err


def test_main_exits_with_the_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["llmopt", "--version"])
    with pytest.raises(SystemExit) as caught:
        main.main()
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"llmopt {__version__}\n"


def test_a_letter_that_stdout_lacks_is_spelled_out(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    with pytest.raises(SystemExit):
        main.main(["--version"])
    sys.stdout.write("é")
    sys.stdout.flush()
    assert raw.getvalue().endswith(b"\\xe9")


def test_on_a_terminal_help_is_drawn_by_rich(monkeypatch: pytest.MonkeyPatch, llmopt: Llmopt) -> None:
    monkeypatch.setattr(registry, "markup_mode", lambda: "rich")
    assert "╭" in llmopt("many", "--help").out
