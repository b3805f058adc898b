"""The entry point: run a command, and turn what it raises into one line on stderr and an exit code.

0 fine; 1 a check that the user asked for failed; 2 usage, bad input, bad settings, a missing extra; 3 a bug;
130 Ctrl-C. A closed pipe (`llmopt cost logs | head -1`) is fine.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from typing import Annotated, Any

import typer

from llmopt import __version__
from llmopt.cli.fast import spare
from llmopt.cli.registry import LazyGroup, markup_mode
from llmopt.cli.settings import is_anything_set
from llmopt.cli.typed import TYPED
from llmopt.errors import CheckFailed, LlmoptError
from llmopt.report.text import clean

BUG = 3
INTERRUPTED = 130
_QUERY_INTERRUPTED = "Query interrupted"
"""What duckdb raises, as a RuntimeError, in the place of the KeyboardInterrupt that comes while it works."""


def main(arguments: list[str] | None = None) -> None:
    """Run `llmopt` with `arguments` (default: those of the process) and exit."""
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - closed by the caller
    if sys.stdout is None:
        sys.stderr.write("llmopt: error: standard output is closed\n")
        sys.exit(LlmoptError.exit_code)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter is no reason to fail
    code = run(sys.argv[1:] if arguments is None else arguments)
    _flush()
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run `llmopt` with `arguments` and return the exit code."""
    state: dict[str, Any] = {}
    TYPED.set(tuple(arguments))
    try:
        result = _command()(arguments, prog_name="llmopt", standalone_mode=False, obj=state)
        return result if isinstance(result, int) else 0
    except LlmoptError as error:
        _complain(error)
        _blame(error, arguments)
        return error.exit_code
    except typer.TyperException as error:
        return _usage(error)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except SystemExit as ending:
        # The parser turns a closed pipe into exit code 1; here it is the reader's choice, and fine.
        return 0 if isinstance(ending.__context__, BrokenPipeError) else int(ending.code or 0)
    except Exception as error:  # noqa: BLE001 - the outermost handler: whatever gets here is a bug
        if str(error) == _QUERY_INTERRUPTED:
            return INTERRUPTED
        _bug(error, verbose=bool(state.get("verbose")))
        return BUG


def _command() -> LazyGroup:
    app = typer.Typer(
        cls=LazyGroup,
        rich_markup_mode=markup_mode(),
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    group = typer.main.get_command(app)
    assert isinstance(group, LazyGroup)  # noqa: S101 - get_command gives no narrower type
    for param in group.params:
        spare(param)
    return group


def _version(value: bool) -> None:
    if value:
        sys.stdout.write(f"llmopt {__version__}\n")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Measure what LLM traffic costs, cut it, and prove the saving."""


def _complain(error: LlmoptError) -> None:
    word = "check failed" if isinstance(error, CheckFailed) else "error"
    lines = error.message.split("\n") if isinstance(error, CheckFailed) else [error.message]
    for line in lines:
        sys.stderr.write(f"llmopt: {word}: {clean(line)}\n")
    if error.hint:
        sys.stderr.write(f"llmopt: hint: {clean(error.hint)}\n")


def _blame(error: LlmoptError, arguments: list[str]) -> None:
    """Say which setting an error comes from, where it is none of what was typed."""
    if isinstance(error, CheckFailed) or not is_anything_set():
        return
    from llmopt.cli.settings_origin import blamed  # it loads every command, which an error without settings need not do

    for one in blamed(error.message, arguments):
        sys.stderr.write(f"llmopt: hint: {one.option} {clean(one.value)} is set by {clean(one.where)}\n")


def _usage(error: typer.TyperException) -> int:
    """Report what the command-line parser found wrong."""
    context = getattr(error, "ctx", None)
    message = error.format_message()
    if context is None or message.startswith("Usage:") or "\n" in message:
        sys.stderr.write(f"{message}\n" if "\n" in message else f"llmopt: error: {clean(message)}\n")
        return 2
    sys.stderr.write(f"llmopt: error: {clean(message)}\n")
    sys.stderr.write(f"llmopt: hint: {context.command_path} --help\n")
    return 2


def _bug(error: Exception, *, verbose: bool) -> None:
    if verbose:
        traceback.print_exception(error)
    text = clean(f"{type(error).__name__}: {error}".split("\n")[0])
    sys.stderr.write(f"llmopt: error: this is a bug in llmopt: {text}\n")
    if not verbose:
        sys.stderr.write("llmopt: hint: run it again with -v for the traceback, and report it\n")


def _flush() -> None:
    """Flush stdout; where nobody takes it, keep the interpreter from complaining about that at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
