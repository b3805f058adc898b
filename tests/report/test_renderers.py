"""Every renderer on the same report: nothing cut, nothing hostile passed on, numbers whole."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import UsageError
from llmopt.report import as_csv, as_json, as_markdown, as_screen, as_text
from llmopt.report.render import FORMATS, Format, Screen, format_of, format_of_file, render
from llmopt.report.table import Column, Note, Report, Table
from tests.report.hostile import CONTROLS, HOSTILE

COLUMNS = (
    Column("model", "model"),
    Column("day", "day", "date", priority=3),
    Column("tokens", "tokens", "int", priority=2),
    Column("cost_usd", "cost", "money"),
    Column("share", "share", "percent", priority=1),
)
ROWS = (
    ("gpt-4", date(2024, 5, 1), 1234567890, Decimal("33000.033"), Decimal("0.99999")),
    ("a-model-with-a-name-that-is-longer-than-a-narrow-terminal", None, 3, Decimal("0.000001"), Decimal("0.00001")),
)
REPORT = Report(
    "Title",
    "One sentence with $1.00.",
    (
        Table("main", "Main", COLUMNS, ROWS, total=("total", None, 1234567893, Decimal("33000.033001"), Decimal(1))),
        Table("empty", "Nothing here", COLUMNS, (), notes=(Note("no rows"),)),
        Table("more", "Background", COLUMNS[:1], (("x_y",),), detail=True, notes=(Note("beware", "warning"),)),
    ),
    (Note("a note"), Note("a warning about @me and https://x.example", "warning")),
)


def of(text: str) -> Report:
    """A report with `text` wherever a log's text can stand."""
    table = Table("t", text, COLUMNS[:1] + COLUMNS[2:3], ((text, 1),), total=(text, 1), notes=(Note(text, "warning"),))
    return Report(text, text, (table,), (Note(text),))


def test_plain_text_is_aligned_and_complete() -> None:
    text = as_text.render(REPORT)
    lines = text.splitlines()
    assert lines[5].split() == ["model", "day", "tokens", "cost", "share"]
    assert lines[7].split() == ["gpt-4", "2024-05-01", "1,234,567,890", "$33,000.03", "100.0%"]
    assert ROWS[1][0] in text
    assert lines[7].endswith("%")
    assert len({len(line) for line in lines[5:11]}) == 1
    assert "warning: a warning about" in text


def test_csv_holds_the_table_that_was_made_for_it() -> None:
    made = replace(REPORT, csv=REPORT.tables[-1])
    assert as_csv.render(made) == as_csv.render(replace(REPORT, tables=REPORT.tables[-1:]))


def test_csv_is_exact_and_can_be_added_up() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv.render(REPORT))))
    assert [row["model"] for row in rows] == [row[0] for row in ROWS]
    assert sum(Decimal(row["cost_usd"]) for row in rows) == Decimal("33000.033001")
    assert rows[1]["day"] == ""


def test_markdown_folds_details_and_marks_warnings() -> None:
    text = as_markdown.render(REPORT)
    assert "<details><summary>Background</summary>\n\n| model |" in text
    assert "| gpt-4 | 2024-05-01 | 1,234,567,890 | $33,000.03 | 100.0% |" in text
    assert "| **total** | **-** |" in text
    assert "- :warning: beware" in text
    assert "<!-- -->@<!-- -->me" in text
    assert "https:<!-- -->//<!-- -->x" in text
    assert "`x_y`" in text


@pytest.mark.parametrize("width", [1, 30, 44, 60, 80, 200])
def test_a_terminal_gets_whole_numbers_and_is_told_what_was_dropped(width: int) -> None:
    text = as_screen.render(REPORT, width, color=False)
    assert "$33,000.03" in text
    assert "\x1b" not in text
    kept = as_screen.fitting(REPORT.tables[0], max(width, 20))
    for i, (label, number) in enumerate(
        zip(("day", "tokens", "share"), ("2024-05-01", "1,234,567,890", "100.0%"), strict=True)
    ):
        shown = (1, 2, 4)[i] in kept
        assert (number in text) == shown
        assert shown or re.search(rf"Not\s+shown\s.*{label}", text, re.DOTALL)


def test_a_narrow_terminal_drops_the_least_important_column_first() -> None:
    sizes = [tuple(as_screen.fitting(REPORT.tables[0], width)) for width in range(10, 120)]
    assert sorted(set(sizes), key=len) == [(0, 3), (0, 3, 4), (0, 2, 3, 4), (0, 1, 2, 3, 4)]
    assert [len(kept) for kept in sizes] == sorted(len(kept) for kept in sizes)


def test_lines_fit_the_terminal_when_the_columns_do() -> None:
    text = as_screen.render(REPORT, 60, color=False)
    assert max(len(line) for line in text.splitlines()) <= 60


def test_color_is_only_where_it_is_asked_for() -> None:
    assert "\x1b[1m" in as_screen.render(REPORT, 80, color=True)


def test_a_report_may_lack_title_headline_and_notes() -> None:
    bare = Report("", "", (Table("t", "", COLUMNS[:1], (("x",),)), Table("u", "", COLUMNS[:1], ())))
    assert as_text.render(bare) == "model\n-----\nx\n"
    assert as_markdown.render(bare) == "| model |\n| --- |\n| x |\n"
    assert "x" in as_screen.render(bare, 80, color=False)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("screen", [None, Screen(80, color=False)])
def test_no_renderer_passes_on_what_a_terminal_obeys(text: str, format: Format, screen: Screen | None) -> None:
    out = render(of(text), {"model": text}, format, screen)
    assert not CONTROLS & set(out)
    assert "\n" in out
    out.encode("utf-8")


@pytest.mark.parametrize("text", ["[bold red]markup[/]", "[/]", "[link=x]"])
def test_rich_markup_in_data_is_text(text: str) -> None:
    assert text in as_screen.render(of(text), 80, color=False)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "=cmd|' /C calc'!A0"])
def test_csv_text_is_never_a_formula(text: str) -> None:
    assert next(csv.DictReader(io.StringIO(as_csv.render(of(text)))))["model"] == f"'{text}"


@given(st.text(max_size=30))
def test_markdown_cells_stay_in_their_column(text: str) -> None:
    lines = as_markdown.render(of(text)).splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    assert len(rows) == 4
    for row in rows:
        assert len(re.findall(r"(?<!\\)\|", row)) == 3


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("gpt-4o", "gpt-4o"),
        ("@cf/meta/llama", "`@cf/meta/llama`"),
        ("a|b", r"`a\|b`"),
        ("a`b", "`` a`b ``"),
        ("<b>", "`<b>`"),
        ("www.x.com", "`www.x.com`"),
        ("", ""),
    ],
)
def test_markdown_values_are_code_where_they_need_be(text: str, markdown: str) -> None:
    assert as_markdown.literal(text) == markdown


def test_a_long_markdown_table_is_shortened_and_says_so() -> None:
    rows = tuple((f"model {i}", i) for i in range(1234))
    table = Table("t", "", COLUMNS[:1] + COLUMNS[2:3], rows, total=("total", sum(range(1234))))
    text = as_markdown.render(Report("", "", (table,)))
    assert "| model 99 |" in text
    assert "| model 100 |" not in text
    assert f"**{sum(range(1234)):,}**" in text
    assert "1,134 more rows are left out here" in text


@dataclass(frozen=True)
class Inner:
    usd: Decimal
    day: date


@dataclass(frozen=True)
class Outer:
    inner: Inner
    names: tuple[str, ...]
    counts: dict[str, int]


def test_dataclasses_become_json_without_losing_a_digit() -> None:
    value = Outer(Inner(Decimal("0.1000000000000000000001"), date(2024, 5, 1)), ("a",), {"n": 1})
    assert as_json.plain(value) == {
        "inner": {"usd": "0.1000000000000000000001", "day": "2024-05-01"},
        "names": ["a"],
        "counts": {"n": 1},
    }
    with pytest.raises(TypeError, match="set has no JSON form"):
        as_json.plain({"x"})
    with pytest.raises(TypeError, match="type has no JSON form"):
        as_json.plain(Inner)


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none() | st.booleans()))
def test_json_reads_back_to_what_was_written(payload: dict[str, str | int | None]) -> None:
    assert json.loads(as_json.render(payload)) == payload


@pytest.mark.parametrize("text", HOSTILE)
def test_json_keeps_every_character(text: str) -> None:
    assert json.loads(as_json.render({"model": text}))["model"] == text


def test_a_document_carries_schema_and_version() -> None:
    assert list(as_json.document("cost", {"x": 1})) == ["schema", "llmopt", "x"]
    assert as_json.document("cost", {})["schema"] == "llmopt.cost/1"


def test_formats_are_found_by_name_and_by_suffix() -> None:
    assert [format_of(name) for name in FORMATS] == list(FORMATS)
    assert format_of_file(Path("a/report.MD")) == "markdown"
    assert format_of_file(Path("report.xyz")) is None
    with pytest.raises(UsageError, match="'yaml'"):
        format_of("yaml")
