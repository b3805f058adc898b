"""A page shows everything and runs nothing."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from llmopt.report import as_html
from llmopt.report.table import Column, Note, Report, Table
from tests.report.hostile import HOSTILE

TAGS = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "strong"}
TAGS |= {"table", "thead", "tbody", "tfoot", "tr", "th", "td"}
COLUMNS = (Column("text", "Text"), Column("tokens", "Tokens", "int"))


class Page(HTMLParser):
    """Collects the tags and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(text: str) -> Page:
    table = Table("t", text, COLUMNS, ((text, 1234),), total=(text, 1234), notes=(Note(text, "warning"),))
    page = Page()
    page.feed(as_html.render(Report(text, text, (table,), (Note(text),))))
    return page


def test_everything_is_there() -> None:
    page = page_of("a text")
    assert page.text.count("a text") == 8
    assert page.text.count("1,234") == 2
    assert "warning: a text" in page.text


@pytest.mark.parametrize("text", [*HOSTILE, "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</style>"])
def test_nothing_hostile_gets_through(text: str) -> None:
    page = page_of(text)
    assert page.tags <= TAGS
    assert page.attributes <= {"charset", "lang", "class", "name", "content"}
    assert not {"\x1b", "\u202e", "\0"} & set(page.text)


def test_a_report_of_nothing_is_a_page() -> None:
    page = Page()
    page.feed(as_html.render(Report("", "", (Table("t", "", COLUMNS, ()),))))
    assert "table" not in page.tags
