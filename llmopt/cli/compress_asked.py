"""Read what a user typed after the flags of `llmopt compress`, and find what cannot go together."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

from llmopt.cli import values
from llmopt.cli.options import SettingFormat
from llmopt.cli.output import Destination, destination
from llmopt.errors import InputError, UsageError
from llmopt.prompts.rewriter import Rewriter
from llmopt.prompts.select.scorer import Scorer
from llmopt.report.render import SUFFIXES, format_of_file

Printed = Literal["text", "report", "check", "diff", "audit", "nothing"]
"""What goes to stdout."""


_THOUSANDS = re.compile(r"(?<=[0-9]),(?=(?:[0-9]{3},)*[0-9]{3}\Z)(?<!\b0,)")
"""Commas between thousands; a decimal comma is none: 0,25 are not 25 tokens."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """What goes where."""

    printed: Printed
    report: Destination
    """Where and as what the report, the check or the audit on stdout goes."""
    audit: Path | None
    """A file for the audit; its suffix says as what."""
    in_place: bool
    texts: Path | None
    """File or folder for the texts."""
    is_folder: bool
    """Whether `texts` ends in a slash, and is to be a folder even if it is not there yet."""


def outputs(
    paths: Sequence[str],
    *,
    in_place: bool,
    output: Sequence[str],
    diff: bool,
    audit: str | None,
    check: bool,
    format: str | None,
    quiet: bool,
) -> Outputs:
    """Return what goes where.

    Raises:
        UsageError: flags that exclude each other, or a format that nobody knows.
    """
    named = [place for place in output if place != "-"]
    if in_place and named:
        raise UsageError("--in-place and -o exclude each other", "name one of them")
    if check and in_place:
        raise UsageError("--check only looks, --in-place writes", "name one of them")
    if in_place and "-" in paths:
        raise UsageError("standard input cannot be written in place", "name a file, or leave --in-place out")
    if len(output) > 1 and not check:
        raise UsageError("-o is given more than once", "only the report of --check goes to several files")
    printed = _printed(in_place=in_place, output=named, diff=diff, audit=audit, check=check, format=format)
    report = destination(format, [Path(place) for place in output] if check else None, quiet=quiet)
    path = None if check or not named else Path(named[0])
    is_folder = path is not None and named[0].endswith(("/", os.sep))
    return Outputs(printed, report, _audit(audit), in_place, path, is_folder)


def _printed(
    *, in_place: bool, output: Sequence[str], diff: bool, audit: str | None, check: bool, format: str | None
) -> Printed:
    named = format is not None and not isinstance(format, SettingFormat)
    asked: dict[str, Printed] = {}
    if check:
        asked["--check"] = "check"
    if diff:
        asked["--diff"] = "diff"
    if audit == "-":
        asked["--audit -"] = "audit"
    if named and not check and audit != "-":
        asked["--format"] = "report"
    if len(asked) > 1:
        raise UsageError(f"{' and '.join(asked)} all want stdout", "run them one by one, or give --audit a file")
    for printed in asked.values():
        return printed
    return "nothing" if in_place or output else "text"


def _audit(audit: str | None) -> Path | None:
    if audit is None or audit == "-":
        return None
    path = Path(audit)
    if format_of_file(path) is None:
        known = ", ".join(SUFFIXES)
        raise UsageError(f"--audit {audit}: which format? The suffix is none of {known}", "name another file")
    return path


def query_of(text: str | None) -> str | None:
    """Return a query, or what the file behind `@FILE` holds.

    Raises:
        UsageError: there is nothing in it.
        InputError: the file cannot be read.
    """
    if text is None:
        return None
    found = _file(text[1:]) if text.startswith("@") else text
    if not found.strip():
        raise UsageError("--query is empty", 'such as --query "When does the shop open?"')
    return found.strip()


def _file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        hint = "the name of a file follows @; a question that begins with @ takes a blank before it"
        raise InputError(f"--query @{path}: cannot be read: {error.strerror}", hint) from error
    except UnicodeDecodeError as error:
        raise InputError(f"--query @{path}: not UTF-8 at offset {error.start:,}", "save it as UTF-8") from error


def budget_of(text: str | None) -> int | float | None:
    """Return a budget: tokens from `800`, a share from `0.25` or `25%`; None for None.

    Raises:
        UsageError: it is neither.
    """
    if text is None:
        return None
    wrong = UsageError(f"--budget {text!r}: neither tokens nor a share", "such as --budget 800, 0.25 or 25%")
    plain = _THOUSANDS.sub("", text.strip())
    try:
        number = Decimal(plain.removesuffix("%"))
    except ArithmeticError:
        raise wrong from None
    if not number.is_finite() or number <= 0:
        raise wrong
    if plain.endswith("%"):
        number /= 100
    elif "." not in plain and "e" not in plain.lower():
        return int(number)
    if number > 1:
        raise wrong
    return float(number)


def prefix_of(text: str | None) -> int | str | None:
    """Return a stable prefix: a number of tokens, or a text that ends it; None for None."""
    if text is None:
        return None
    return values.whole(text, "--stable-prefix") if text.strip().isdecimal() else text


def scorer_of(folder: Path | None) -> Scorer | None:
    """Return the sentence model in a folder.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        InputError: it is not a sentence model.
    """
    if folder is None:
        return None
    from llmopt.models.sentences import SentenceScorer  # loads torch: only when asked for

    return SentenceScorer(folder)


def rewriter_of(folder: Path | None) -> Rewriter | None:
    """Return the LLMLingua-2 model in a folder.

    Raises:
        MissingExtraError: its library is not installed.
        InputError: it is not such a model.
    """
    if folder is None:
        return None
    from llmopt.models.lingua import LinguaRewriter  # loads torch: only when asked for

    return LinguaRewriter(folder)
