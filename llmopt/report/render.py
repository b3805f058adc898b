"""Choose a renderer by the name of a format, and a format by the suffix of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from llmopt.errors import UsageError
from llmopt.report import as_csv, as_html, as_json, as_markdown, as_text
from llmopt.report.about import About
from llmopt.report.as_json import Json
from llmopt.report.picture import PICTURES, Picture
from llmopt.report.table import Report

Format = Literal["table", "json", "csv", "markdown", "html"]
FORMATS: tuple[Format, ...] = get_args(Format)
SUFFIXES: dict[str, Format | Picture] = {
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".txt": "table",
    ".svg": "svg",
    ".png": "png",
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
        report: the result for people (table, csv, markdown, html).
        payload: the same result for machines, with its schema header (`as_json.document`).
        format: `table`, `json`, `csv`, `markdown` or `html`.
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
    if screen is None:
        return as_text.render(report)
    from llmopt.report import as_screen  # rich takes 50 ms to load, and a pipe does not need it

    return as_screen.render(report, screen.width, color=screen.color, boxes=screen.boxes)


def format_of(name: str) -> Format | Picture:
    """Return the format called `name`.

    Raises:
        UsageError: there is none.
    """
    for known in (*FORMATS, *PICTURES):
        if name == known:
            return known
    raise UsageError(f"there is no output format {name!r}", f"choose one of {', '.join(FORMATS)}")


def format_of_file(path: Path) -> Format | Picture | None:
    """Return the format that the suffix of `path` stands for; None for an unknown suffix."""
    return SUFFIXES.get(path.suffix.lower())
