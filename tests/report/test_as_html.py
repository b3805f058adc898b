"""A page shows everything, loads nothing, and runs nothing but its own script."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from html import unescape
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from llmopt.report import as_csv, as_html
from llmopt.report.about import About
from llmopt.report.page.tables import MOST_ROWS
from llmopt.report.table import Bars, Column, Layer, Meter, Meters, Note, PriceStamp, Report, Step, Table, Waterfall
from tests.report.hostile import HOSTILE

TAGS = {"html", "head", "meta", "link", "title", "style", "script", "body", "header", "main", "footer", "a", "div"}
TAGS |= {"h1", "h2", "p", "section", "table", "thead", "tbody", "tfoot", "tr", "th", "td", "button", "span", "code"}
DRAWN = {"figure", "figcaption", "svg", "title", "desc", "path", "text", "polyline", "circle", "polygon"}
COLUMNS = (Column("text", "Text"), Column("tokens", "Tokens", "int"))
MARKUP = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</style>", "</script>", "' onclick='x")


class Page(HTMLParser):
    """Collects the tags and the text of a page; what scripts and styles hold is apart."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.links: list[dict[str, str | None]] = []
        self.text = ""
        self.apart: dict[str, str] = {"style": "", "script": ""}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "a":
            self.links.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] in self.apart and self.cdata_elem:
            self.apart[self.tags[-1]] += data
        else:
            self.text += data

    @property
    def downloads(self) -> dict[str | None, list[list[str]]]:
        """Name of each file that the page holds -> its rows."""
        found = {}
        for link in self.links:
            kind, _, data = str(link["href"]).partition(",")
            if kind == "data:text/csv;charset=utf-8":
                found[link["download"]] = list(csv.reader(io.StringIO(unquote(data))))
        return found


def report_with(text: str) -> Report:
    table = Table("t", text, COLUMNS, ((text, 1234),), total=(text, 1234), notes=(Note(text, "warning"),))
    charts = (
        Bars(text, text, text, (text, "b"), (Layer(text, (Decimal(1), Decimal(2))),), notes=(Note(text),)),
        Waterfall(text, text, (Step(text, None, Decimal(3), whole=True), Step(text, Decimal(-1), Decimal(2)))),
        Meters(text, text, (Meter(text, Decimal(1), Decimal(0), Decimal(2), Decimal(1), good=True),), unit=text),
    )
    return Report(text, text, (table,), (Note(text), Note(text, "warning"), Note(text, "code")), charts=charts)


def test_everything_is_there() -> None:
    page = Page(as_html.render(replace(report_with("a text"), charts=())))
    assert page.text.count("a text") == 10
    assert page.text.count("1,234") == 2
    assert page.text.count("warning: a text") == 2


def test_a_page_has_parts_that_a_screen_reader_knows() -> None:
    page = Page(as_html.render(report_with("x")))
    for tag in ("header", "main", "h1", "figure", "figcaption"):
        assert tag in page.tags
    headings = [tag for tag in page.tags if re.fullmatch(r"h\d", tag)]
    assert headings[0] == "h1"
    assert set(headings[1:]) == {"h2"}
    assert page.links[0] == {"class": "skip", "href": "#tables"}
    assert {"aria-label", "aria-labelledby", "scope", "tabindex", "role"} <= page.attributes


@pytest.mark.parametrize("text", [*HOSTILE, *MARKUP])
def test_nothing_hostile_gets_through(text: str) -> None:
    report = report_with(text)
    about = About("1", "3", f"llmopt cost {text}")
    rendered, harmless = as_html.render(report, about), as_html.render(report_with("harmless"), about)
    page = Page(rendered)
    assert set(page.tags) <= TAGS | DRAWN | {"pre"}
    drawn = ("path", "text", "title")  # a long label leaves room for fewer lines
    assert [tag for tag in page.tags if tag not in drawn] == [tag for tag in Page(harmless).tags if tag not in drawn]
    assert page.attributes == Page(harmless).attributes
    assert page.apart == Page(harmless).apart
    assert not {"\x1b", "\u202e", "\0"} & set(rendered)
    for link in page.links[1:]:
        assert str(link["href"]).startswith("data:text/csv;charset=utf-8,")
        assert re.fullmatch(r"[A-Za-z0-9-]+\.csv", str(link["download"]))


def test_the_policy_allows_the_own_script_and_style_and_nothing_else() -> None:
    rendered = as_html.render(report_with("x"))
    page = Page(rendered)
    policy = unescape(re.findall(r'Content-Security-Policy" content="([^"]*)"', rendered)[0])
    said = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert said["default-src"] == "'none'"
    for name, text in page.apart.items():
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert said[f"{name}-src"] == f"'sha256-{digest}'"
    assert "style" not in page.attributes
    assert not any(name.startswith("on") for name in page.attributes)
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", rendered)


def test_what_is_saved_has_the_exact_values() -> None:
    columns = (Column("name", "Name"), Column("usd", "Cost", "money"), Column("own", "Own", people=True))
    table = Table("by user", "By user", columns, (("=1+1", Decimal("0.123456789"), "x"), ("b", None, "y")))
    page = Page(as_html.render(Report("", "", (table,))))
    assert page.downloads == {"by-user.csv": [["name", "usd"], ["'=1+1", "0.123456789"], ["b", ""]]}
    assert page.downloads["by-user.csv"] == list(csv.reader(io.StringIO(as_csv.table_csv(table))))
    assert "0.123457" in page.text


def test_the_numbers_behind_every_chart_can_be_saved() -> None:
    report = report_with("x")
    bars, waterfall, meters = report.charts
    charts = (replace(bars, name="bars"), replace(waterfall, name="fall"), replace(meters, name="meters"))
    downloads = Page(as_html.render(replace(report, charts=charts))).downloads
    assert downloads["bars.csv"] == [["x", "part", "usd"], ["x", "x", "1"], ["b", "x", "2"]]
    assert downloads["fall.csv"] == [["step", "change_usd", "left_usd"], ["x", "", "3"], ["x", "-1", "2"]]
    assert downloads["meters.csv"] == [["name", "value (x)", "low", "high", "goal"], ["x", "1", "0", "2", "1"]]


def test_a_large_table_is_cut_and_says_so() -> None:
    rows = tuple((f"user {number}", number) for number in range(MOST_ROWS + 5))
    table = Table("t", "Users", COLUMNS, rows, total=("total", 1))
    page = Page(as_html.render(Report("", "", (table,))))
    assert f"user {MOST_ROWS - 1}" in page.text
    assert f"user {MOST_ROWS}" not in page.text
    assert "5 more rows are left out here, also of the CSV, and counted in the total" in page.text
    assert len(page.downloads["t.csv"]) == MOST_ROWS + 1


def test_the_foot_says_what_made_the_page() -> None:
    about = About("1.2.3", "3.11.9", "llmopt cost 'a log' --by user")
    prices = PriceStamp(date(2026, 11, 1), "ab" * 32)
    rendered = as_html.render(Report("", "", (), prices=prices), about)
    foot = unescape(rendered.partition("<footer>")[2].partition("</footer>")[0])
    assert "llmopt 1.2.3, Python 3.11.9" in foot
    assert f"Prices of 2026-11-01, sha256 {'ab' * 32}" in foot
    assert "<code>llmopt cost 'a log' --by user</code>" in foot
    assert "<footer>" not in as_html.render(Report("", "", ()))


def test_what_stands_behind_a_number_is_exact() -> None:
    columns = (Column("a", "A", "bytes"), Column("b", "B", "int"), Column("c", "C", "money"), Column("d", "D", "date"))
    row = (91_300_123, 1234, Decimal("12.345678"), None)
    rendered = as_html.render(Report("", "", (Table("t", "T", columns, (row,)),)))
    assert '<td class="number" data-v="91300123">91.3 MB</td>' in rendered
    assert '<td class="number">1,234</td>' in rendered
    assert '<td class="number" data-v="12.345678">$12.35</td>' in rendered
    assert '<td class="number" data-v="">-</td>' in rendered


def test_a_report_of_nothing_is_a_page() -> None:
    page = Page(as_html.render(Report("", "", (Table("t", "", COLUMNS, ()),))))
    assert "table" not in page.tags
    assert page.downloads == {}


def test_columns_that_lead_stand_after_the_names_and_are_saved_where_they_were() -> None:
    columns = (
        *(Column("model", "Model"), Column("team", "Team"), Column("requests", "Requests", "int")),
        *(Column("reason", "Reason"), Column("usd", "Cost", "int", leads=True), Column("own", "Own", "int")),
    )
    table = Table("wide", "Wide", columns, (("m", "t", 1, "r", 2, 3),), total=("total", "", 10, "", 20, 30))
    page = as_html.render(Report("", "", (table,)))
    grid = page[page.index("<table>") : page.index("</table>")]
    heads = re.findall(r"<button[^>]*>(\w+)</button>", grid)
    assert heads == ["Model", "Team", "Cost", "Requests", "Reason", "Own"]
    assert re.findall(r"<t[hd][^>]*>(\w*)</t[hd]>", grid) == [
        *("m", "t", "2", "1", "r", "3"),
        *("total", "", "20", "10", "", "30"),
    ]
    assert Page(page).downloads["wide.csv"][0] == ["model", "team", "requests", "reason", "usd", "own"]
