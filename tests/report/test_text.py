from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.report.table import Cell, Column, Kind
from llmopt.report.text import HOSTILE, cell_width, clean, exact, iso, shown


@pytest.mark.parametrize(
    ("cell", "kind", "text"),
    [
        (None, "int", "-"),
        ("gpt-4", "text", "gpt-4"),
        (1234567, "int", "1,234,567"),
        (Decimal("33000"), "money", "$33,000.00"),
        (Decimal("0.1234"), "percent", "12.3%"),
        (Decimal("0.0005"), "percent", "0.1%"),
        (Decimal("1.50"), "int", "1.5"),
        (0, "money", "$0.00"),
        (date(2024, 5, 1), "date", "2024-05-01"),
        (datetime(2024, 5, 1, 12, tzinfo=UTC), "date", "2024-05-01T12:00:00Z"),
    ],
)
def test_cells_for_people(cell: Cell, kind: Kind, text: str) -> None:
    assert shown(cell, Column("x", "x", kind)) == text


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        ("a\nb", r"a\nb"),
        (1234567, "1234567"),
        (Decimal("1E-7"), "0.0000001"),
        (date(2024, 5, 1), "2024-05-01"),
    ],
)
def test_cells_for_machines(cell: Cell, text: str) -> None:
    assert exact(cell) == text


def test_instants_are_shown_in_utc_whatever_their_zone() -> None:
    assert iso(datetime(2024, 5, 1, 1, tzinfo=timezone(timedelta(hours=2)))) == "2024-04-30T23:00:00Z"
    assert iso(datetime(2024, 5, 1, 1)) == "2024-05-01T01:00:00Z"  # noqa: DTZ001 - what is tested


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("\x1b[31m", r"\x1b[31m"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\u202e", r"\u202e"),
        ("\udcff", r"\udcff"),
        ("\U000e0041", r"\U000e0041"),
        ("mô hình 模型 🙂", "mô hình 模型 🙂"),
    ],
)
def test_hostile_characters_are_spelled_out_and_letters_stay(text: str, spelled: str) -> None:
    assert clean(text) == spelled


@given(st.text())
def test_nothing_hostile_is_left(text: str) -> None:
    assert not HOSTILE.search(clean(text))


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("模型", 4), ("🙂", 2), ("e\u0301", 1), ("", 0)])
def test_width_counts_terminal_columns(text: str, width: int) -> None:
    assert cell_width(text) == width
