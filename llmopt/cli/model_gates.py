"""Options that `quantize` and `bench` share: real inputs, what may be lost, what must be gained, what machines cost."""

from __future__ import annotations

import re
from glob import has_magic
from pathlib import Path
from typing import Annotated

import typer

from llmopt.cli import values
from llmopt.errors import InputError, UsageError

CHECKS, MONEY = "Checks (exit 1 where one does not hold)", "Money"
"""Panels in the help."""
_TIMES = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*x?", re.IGNORECASE)

DataOption = Annotated[
    str | None,
    typer.Option(
        help="Real inputs to measure quality on: lines of text, JSONL (with labels or prompts) or CSV; - is stdin.",
        metavar="FILE",
    ),
]
MaxQualityDropOption = Annotated[
    str | None,
    typer.Option("--max-quality-drop", help="Quality that may be lost.", metavar="2%", rich_help_panel=CHECKS),
]
PricePerMonthOption = Annotated[
    str | None,
    typer.Option(
        "--price-per-month", help="Dollars that the machines cost now.", metavar="1000", rich_help_panel=MONEY
    ),
]


def quality_drop(text: str | None, flag: str = "--max-quality-drop") -> float | None:
    """Return a share from `2%`; None for None.

    Raises:
        UsageError: no percentage, or more than all.
    """
    share = values.percentage(text, flag)
    if share is not None and share > 1:
        raise UsageError(f"{flag} {text!r}: more than all of it", f"such as {flag} 2%")
    return None if share is None else float(share)


def times_faster(text: str | None, flag: str = "--min-speedup") -> float | None:
    """Return a ratio above 0 from `1.5` or `1.5x`; None for None.

    Raises:
        UsageError: anything else, such as `50%`, which could mean 0.5 or 1.5.
    """
    if text is None:
        return None
    match = _TIMES.fullmatch(text.strip())
    if match is None or not 0 < float(match[1]) < float("inf"):
        raise UsageError(f"{flag} {text!r}: not how many times faster", f"such as {flag} 1.5")
    return float(match[1])


def from_settings(ctx: typer.Context) -> list[str]:
    """Return the names of the options that come from a file of settings or a variable, not from the command line."""
    sources = {name: ctx.get_parameter_source(name) for name in ctx.params}
    return [name for name, source in sources.items() if source is not None and source.name == "DEFAULT_MAP"]


def check_data(path: str | None, max_quality_drop: str | None) -> None:
    """Find what is wrong with the file of inputs, and with a gate that needs one, before a model is loaded.

    Raises:
        UsageError: there is a gate and nothing to measure quality on.
        InputError: no such file.
    """
    if path is None and max_quality_drop is not None:
        raise UsageError("--max-quality-drop is measured on real inputs", "add --data FILE")
    check_file(path, "--data")


def check_file(path: str | None, flag: str) -> None:
    """Find what is wrong with the name of a file of texts; None and `-` are fine, and a glob is left to the reader.

    Raises:
        InputError: no such file.
    """
    if path is None or path == "-":
        return
    hint = f"name a file of texts with {flag}"
    try:
        there, folder = Path(path).exists(), Path(path).is_dir()
    except OSError as error:
        raise InputError(f"{path[:80]}: {error.strerror}", hint) from error
    if not there and not has_magic(path):
        raise InputError(f"{path}: no such file", hint)
    if folder:
        raise InputError(f"{path}: a folder", f"name one file of texts with {flag}")
