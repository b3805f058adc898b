"""Choose a renderer by the name of a format, and a format by the suffix of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from llmopt.errors import UsageError
from llmopt.report import as_csv, as_html, as_json, as_markdown, as_text
from llmopt.report.about import About
from llmopt.report.as_json import Json
from llmopt.report.picture import PICTURES, Picture
from llmopt.report.table import Report

Format = Literal["table", "json", "csv", "markdown", "html", "junit", "sarif", "focus"]
CHECK_FORMATS: tuple[Format, ...] = ("junit", "sarif")
"""Those that hold checks and findings, not the report."""
COST_FORMATS: tuple[Format, ...] = ("focus",)
"""Those of `llmopt cost` alone."""
FORMATS: tuple[Format, ...] = tuple(name for name in get_args(Format) if name not in (*CHECK_FORMATS, *COST_FORMATS))
"""Those that hold the report of any command."""
SUFFIXES: dict[str, Format | Picture] = {
    ".focus.csv": "focus",
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".txt": "table",
    ".svg": "svg",
    ".png": "png",
    ".xml": "junit",
    ".sarif": "sarif",
}


@dataclass(frozen=True, slots=True)
class Screen:
    """A terminal that the text will be shown on."""

    width: int
    """Columns."""
    color: bool = True
    boxes: bool = True
    """Whether it has box-drawing characters."""


def render(
    report: Report,
    payload: Mapping[str, Json],
    format: Format,
    screen: Screen | None = None,
    about: About | None = None,
) -> str:
    """Return one result as text.

    Args:
        report: the result for people (table, csv, markdown, html), and its checks and findings (junit, sarif).
        payload: the same result for machines, with its schema header (`as_json.document`).
        format: one of `FORMATS`, `CHECK_FORMATS` or, where the report has it, `COST_FORMATS`.
        screen: the terminal; None for a pipe or a file, where a table is plain and as wide as it needs.
        about: what made it, for the foot of a page.
    """
    if format == "json":
        return as_json.render(payload)
    if format == "csv":
        return as_csv.render(report)
    if format == "markdown":
        return as_markdown.render(report)
    if format == "html":
        return as_html.render(report, about)
    if format == "focus":
        return as_csv.render(replace(report, csv=report.focus))
    if format in CHECK_FORMATS:
        return _checks(report, payload, format)
    if screen is None:
        return as_text.render(report)
    from llmopt.report import as_screen  # rich takes 50 ms to load, and a pipe does not need it

    return as_screen.render(report, screen.width, color=screen.color, boxes=screen.boxes)


def _checks(report: Report, payload: Mapping[str, Json], format: Format) -> str:
    # only CI asks for these, and XML takes some milliseconds to load
    from llmopt.report import as_junit, as_sarif

    return as_junit.render(report, payload) if format == "junit" else as_sarif.render(report, payload)


def format_of(name: str, formats: Sequence[Format] = (*FORMATS, *CHECK_FORMATS)) -> Format | Picture:
    """Return the format called `name`.

    Args:
        name: as the user typed it.
        formats: those that the command has.

    Raises:
        UsageError: there is none.
    """
    for known in (*formats, *PICTURES):
        if name == known:
            return known
    raise UsageError(f"there is no output format {name!r}", f"choose one of {', '.join(formats)}")


def format_of_file(path: Path) -> Format | Picture | None:
    """Return the format that the suffix of `path` stands for, or its last two; None for an unknown one."""
    last_two = "".join(path.suffixes[-2:]).lower()
    return SUFFIXES.get(last_two) or SUFFIXES.get(path.suffix.lower())
