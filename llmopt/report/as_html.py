"""One HTML page that needs nothing else: no address is loaded, and only its own script runs. To be passed on.

It opens from disk, in light and dark, on a phone and on paper; its numbers can be sorted and saved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from llmopt.report.about import About
from llmopt.report.page import looks
from llmopt.report.page.figures import figure
from llmopt.report.page.tables import notes, section
from llmopt.report.table import Report
from llmopt.report.text import clean, iso

_HYPHEN = re.compile(r"\w-\w")
_LONGEST = 30
"""Characters of a word that is never broken."""
_META = '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width,initial-scale=1">'


def render(report: Report, about: About | None = None) -> str:
    """Return `report` as a page of its own.

    Args:
        report: what there is to say.
        about: what made it, for the foot of the page; None: nobody knows.
    """
    title = _text(report.title)
    policy = f'<meta http-equiv="Content-Security-Policy" content="{escape(looks.policy())}">'
    head = f'{_META}\n{policy}\n<link rel="icon" href="data:,">\n<title>{title}</title>\n<style>{looks.style()}</style>'
    body = "\n".join(_blocks(report, about))
    script = f"<script>{looks.script()}</script>"
    return f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}\n{script}\n</body>\n</html>\n'


def _blocks(report: Report, about: About | None) -> Iterator[str]:
    """Yield the parts: the answer, what to beware of, charts, tables, remarks, where it comes from."""
    yield '<a class="skip" href="#tables">Skip to the tables</a>\n<header>'
    if report.title:
        yield f"<h1>{_text(report.title)}</h1>"
    if report.headline:
        yield f'<p class="answer">{_unbroken(report.headline)}</p>'
    yield from notes([note for note in report.notes if note.level == "warning"])
    yield "</header>\n<main>"
    yield from (figure(chart) for chart in report.drawn)
    yield '<div id="tables" tabindex="-1">'
    yield from (section(table) for table in report.tables if table.rows or table.title or table.notes)
    yield "</div>"
    yield from notes([note for note in report.notes if note.level != "warning"])
    yield "</main>"
    lines = list(_foot(report, about))
    if lines:
        yield "\n".join(["<footer>", *(f"<p>{line}</p>" for line in lines), "</footer>"])


def _foot(report: Report, about: About | None) -> Iterator[str]:
    if about is not None:
        yield _text(f"llmopt {about.llmopt}, Python {about.python}")
    if report.prices is not None:
        yield _text(f"Prices of {iso(report.prices.date)}, sha256 {report.prices.sha256}")
    if about is not None and about.command:
        yield f"<code>{_text(about.command)}</code>"


def _unbroken(text: str) -> str:
    """Return a sentence whose dates and names with hyphens stay on one line."""
    words = clean(text).split(" ")
    return " ".join(
        f'<span class="one">{escape(word)}</span>' if len(word) <= _LONGEST and _HYPHEN.search(word) else escape(word)
        for word in words
    )


def _text(text: str) -> str:
    return escape(clean(text))
