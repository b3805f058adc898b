"""CSV rows: types come back, and what is no flat table is refused."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import InputError
from llmopt.prompts.forms import csv_rows
from llmopt.prompts.forms.numbers import Spelled

HOSTILE = (
    "", " ", " a", "a ", "true", "false", "null", "1", "-1", "05", "1e5", "1.", "a,b", '"', '""', 'a"b', "\n", "a\nb",
    "\t", "-", "é", "日本", "\u2028", "\ufeff", "```", "=1+1",
)  # fmt: skip
STRINGS = st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
CELLS = st.none() | st.booleans() | st.integers() | st.sampled_from([0.5, -1.25, 1e-7, 2.5e30]) | STRINGS


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, Any]]:
    keys = draw(st.lists(STRINGS, min_size=1, max_size=4, unique=True))
    row = st.tuples(*[CELLS for _ in keys]).map(lambda cells: dict(zip(keys, cells, strict=True)))
    return draw(st.lists(row, min_size=1, max_size=4))


@given(tables())
def test_values_come_back(value: list[dict[str, Any]]) -> None:
    back = csv_rows.decode(csv_rows.encode(value), number=json.loads)
    assert json.dumps(back) == json.dumps(value)


@given(tables())
def test_other_readers_see_the_same_cells(value: list[dict[str, Any]]) -> None:
    """Python's own reader finds every string as it is."""
    rows = list(csv.reader(io.StringIO(csv_rows.encode(value), newline="")))
    assert rows[0] == list(value[0])
    assert len(rows) == len(value) + 1
    for row, item in zip(rows[1:], value, strict=True):
        assert [cell for cell, kept in zip(row, item.values(), strict=True) if isinstance(kept, str)] == [
            kept for kept in item.values() if isinstance(kept, str)
        ]


def test_what_is_written() -> None:
    value = [
        {"id": 1, "name": "Ann", "note": "a, b", "zip": "05", "code": "7", "ok": True, "gone": None, "rate": 1.0},
        {"id": 2, "name": "", "note": 'say "x"', "zip": "1e5", "code": "null", "ok": False, "gone": 0, "rate": 0.5},
    ]
    assert csv_rows.encode(value) == (
        'id,name,note,zip,code,ok,gone,rate\n1,Ann,"a, b",05,"7",true,null,1\n2,"","say ""x""","1e5","null",false,0,0.5'
    )
    assert csv_rows.encode([{"a": Spelled("1.0")}]) == "a\n1.0"


def test_crlf_and_a_last_line_break_are_read() -> None:
    assert csv_rows.decode('a,b\r\n1,"x"\r\n') == [{"a": 1, "b": "x"}]


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        "a",
        [{}],
        [1],
        [{"a": 1}, {"b": 1}],
        [{"a": 1, "b": 2}, {"b": 1, "a": 2}],
        [{"a": [1]}],
        [{"a": {}}],
        [{"a": "\r"}],
        [{"a": "\x00"}],
        [{"\x1b": 1}],
        [{"a": "\ud800"}],
        [{"a": 10**400}],
    ],
)
def test_what_does_not_fit(value: Any) -> None:
    with pytest.raises(InputError):
        csv_rows.encode(value)


@pytest.mark.parametrize("text", ["a,a\n1,2", "a\n1,2", "a,b\n1", 'a\n"x', 'a\n"x"y', 'a\nx"y', 'a"b\n1'])
def test_what_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        csv_rows.decode(text)


@pytest.mark.untraced
@pytest.mark.parametrize("character", '",\n a')
def test_reading_is_linear(character: str) -> None:
    for text in (character * 500_000, 'a\n"' + character * 500_000):
        with contextlib.suppress(InputError):
            csv_rows.decode(text)
