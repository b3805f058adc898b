"""Bars and sparklines of characters."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.report import as_screen, as_text
from llmopt.report.as_screen import DETAIL
from llmopt.report.table import Column, Report, Table
from llmopt.report.text_bars import bar, sparkline

AMOUNTS = st.decimals(min_value=0, max_value=10**9, places=6)


def test_a_sparkline_is_as_high_as_each_share_of_the_highest() -> None:
    assert sparkline([Decimal(8), Decimal(4), Decimal(0), Decimal("0.01")]) == "█▅ ▁"
    assert sparkline([Decimal(8), Decimal(4)], boxes=False) == "#+"
    assert sparkline([]) == ""
    assert sparkline([Decimal(0)]) == " "


@pytest.mark.parametrize(
    ("value", "drawn", "plain"),
    [
        ("8", "████", "####"),
        ("5", "██▌", "##"),
        ("0.001", "▏", "#"),
        ("0", "", ""),
        ("-1", "", ""),
    ],
)
def test_a_bar_is_as_long_as_its_share_of_the_longest(value: str, drawn: str, plain: str) -> None:
    assert bar(Decimal(value), Decimal(8), 4) == drawn
    assert bar(Decimal(value), Decimal(8), 4, boxes=False) == plain


@given(AMOUNTS, AMOUNTS, st.integers(1, 20), st.booleans())
def test_no_bar_is_wider_than_its_room_and_more_is_never_shorter(
    one: Decimal, other: Decimal, width: int, boxes: bool
) -> None:
    small, large = sorted((one, other))
    bars = [bar(value, large, width, boxes=boxes) for value in (small, large)]
    assert len(bars[0]) <= len(bars[1]) <= width
    assert bool(bars[0]) == (small > 0)


COLUMNS = (
    Column("day", "day"),
    Column("requests", "requests", "int", priority=2),
    Column("detail", "detail", "int", priority=DETAIL),
    Column("share", "share", "percent", priority=1, bar=True),
)
ROWS = tuple((f"2026-03-0{day}", 1000 * day, 10**9, Decimal(day) / 10) for day in range(1, 5))
REPORT = Report("", "", (Table("days", "", COLUMNS, ROWS, total=("total", 10_000, 4 * 10**9, Decimal(1))),))
BAR = re.compile("[█-▏]+|#+")


def drawn(width: int, *, boxes: bool = True, report: Report = REPORT) -> list[str]:
    """Every bar on a screen."""
    return BAR.findall(as_screen.render(report, width, color=False, boxes=boxes))


def test_a_table_with_room_has_a_bar_beside_each_share() -> None:
    assert drawn(100) == ["████", "████████", "████████████", "████████████████"]
    assert drawn(100, boxes=False) == ["####", "########", "############", "################"]


def test_details_give_way_to_bars_and_are_named() -> None:
    text = as_screen.render(REPORT, 46, color=False)
    assert len(drawn(46)) == len(ROWS)
    assert "Not shown on this narrow terminal: detail." in text


@pytest.mark.parametrize("width", range(20, 60))
def test_no_other_column_and_no_text_gives_way(width: int) -> None:
    kept = set(as_screen.fitting(REPORT.tables[0], width)) - {2}
    text = as_screen.render(REPORT, width, color=False)
    assert ("requests" in text.split("Not shown")[0]) == (1 in kept)
    assert max(len(line) for line in text.splitlines()) <= width
    assert drawn(width) or width < 36  # 10 + 8 + 6 columns, 5 of the bar, and the gaps; fewer without `requests`


def test_one_row_alone_has_no_bar() -> None:
    one = Report("", "", (Table("days", "", COLUMNS, ROWS[:1]),))
    assert drawn(100, report=one) == []


def test_unknown_shares_have_no_bar() -> None:
    rows = (*ROWS, ("2026-03-05", 0, 0, None))
    assert len(drawn(100, report=Report("", "", (Table("days", "", COLUMNS, rows),)))) == len(ROWS)


def test_no_bar_reaches_a_pipe() -> None:
    assert not BAR.search(as_text.render(REPORT))
