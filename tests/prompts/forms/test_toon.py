"""TOON: what the specification shows, what it forbids, and that every value comes back as it was."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import InputError
from llmopt.prompts.forms import toon
from llmopt.prompts.forms.numbers import Spelled

HOSTILE = (
    "", " ", " a", "a ", "\ta", "a\t", "true", "false", "null", "True", "-", "- a", "-1", "05", "1e5", "+1", "1.", ".5",
    "0x10", "1_000", "a,b", "a|b", "a:b", "key: value", "[]", "[2]: a", "{a}", '"', '"a"', 'a"b', "\\", "a\\n", "\n",
    "a\nb", "\r", "\x00", "\x1f", "\x7f", "#", "a#b", "\ufeff", "\u00a0a", "\u2028", "```", "٣", "½", "é", "日本", "🎉",
)  # fmt: skip
STRINGS = st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
KEYS = st.sampled_from(("id", "name", "a.b", "a-b", "2k", *HOSTILE)) | STRINGS
NUMBERS = (
    st.integers(-(10**20), 10**20)
    | st.sampled_from([0.5, -1.25, 1e-7, 1.5e25, 0.1, 1e-6, 123456.789])
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
)
PRIMITIVES = st.none() | st.booleans() | NUMBERS | STRINGS


def rows_of(keys: list[str], cells: list[st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with these keys in this order."""
    return st.tuples(*cells).map(lambda row: dict(zip(keys, row, strict=True)))


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return objects with the same keys, some of them groups."""
    keys = draw(st.lists(KEYS, min_size=1, max_size=3, unique=True))
    groups = [draw(st.lists(KEYS, max_size=2, unique=True)) for _ in keys]
    columns = [rows_of(group, [PRIMITIVES for _ in group]) if group else PRIMITIVES for group in groups]
    return draw(st.lists(rows_of(keys, columns), min_size=1, max_size=3))


@st.composite
def keyed(draw: st.DrawFn) -> dict[str, Any]:
    """Return an object of objects with the same keys."""
    rows = draw(tables())
    names = draw(st.lists(KEYS, min_size=len(rows), max_size=len(rows), unique=True))
    return dict(zip(names, rows, strict=True))


VALUES = st.recursive(
    PRIMITIVES | tables() | keyed() | st.lists(PRIMITIVES, max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_values_come_back(value: Any) -> None:
    """Types and the order of keys included, as the text of JSON shows."""
    back = toon.decode(toon.encode(value), number=json.loads)
    assert json.dumps(back) == json.dumps(value)


@given(VALUES)
def test_the_text_is_tidy(value: Any) -> None:
    text = toon.encode(value)
    lines = text.split("\n")
    assert not any(line.endswith(" ") for line in lines)
    assert not any(line.lstrip(" ").startswith("#") for line in lines)
    assert text == "" or "" not in lines


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, ""),
        ([], "[]"),
        ("a b", "a b"),
        ("05", '"05"'),
        ("\ufeff", '"\ufeff"'),
        (None, "null"),
        ({"a": {}}, "a:"),
        ({"a": []}, "a: []"),
        ({"a": "x, y", "b-c": 1}, 'a: "x, y"\n"b-c": 1'),
        ({"a": {"b": {"c": True}}}, "a:\n  b:\n    c: true"),
        ([1, "a", None], "[3]: 1,a,null"),
        ([[1, 2], []], "[2]:\n  - [2]: 1,2\n  - [0]:"),
        ([[[1]], 2], "[2]:\n  - [1]:\n    - [1]: 1\n  - 2"),
        ([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], "[2]{a,b}:\n  1,x\n  2,y"),
        ({"t": [{"a": 1, "g": {"b": 2, "c": 3}}]}, "t[1]{a,g{b,c}}:\n  1,2,3"),
        ({"x": {"a": 1}, "y y": {"a": 2}}, '[2:]{a}:\n  x: 1\n  "y y": 2'),
        ({"o": {"x": {"a": 1}, "y": {"a": 2}}}, "o[2:]{a}:\n  x: 1\n  y: 2"),
        ([{}, {"a": []}], "[2]:\n  -\n  - a: []"),
        ([{"a": {"b": 1}, "c": [{"d": 1}, 2]}], "[1]:\n  - a:\n      b: 1\n    c[2]:\n      - d: 1\n      - 2"),
        ([{"t": [{"a": 1}], "n": [1]}], "[1]:\n  - t[1]{a}:\n      1\n    n[1]: 1"),
        ([[{"a": 1}]], "[1]:\n  - [1]:\n    - a: 1"),
        ('a"\\\n\r\t\x01', '"a\\"\\\\\\n\\r\\t\\u0001"'),
    ],
)
def test_what_is_written(value: Any, text: str) -> None:
    assert toon.encode(value) == text
    assert toon.decode(text) == value


def test_tables_keep_the_order_of_keys() -> None:
    """Another order in one object means a list, since a table has one order for all."""
    value = [{"a": 1, "b": 2}, {"b": 1, "a": 2}]
    assert toon.encode(value) == "[2]:\n  - a: 1\n    b: 2\n  - b: 1\n    a: 2"
    assert json.dumps(toon.decode(toon.encode(value))) == json.dumps(value)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (1e6, "1000000"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e21, "1.5e+21"),
        (-2.5e-9, "-2.5e-9"),
        (0.1, "0.1"),
        (float("nan"), "null"),
        (float("inf"), "null"),
        (Decimal("1.50"), "1.5"),
        (Spelled("1.50"), "1.50"),
        (Spelled("1E5"), "1E5"),
        (10**30, "1" + "0" * 30),
    ],
)
def test_numbers(number: Any, text: str) -> None:
    assert toon.encode(number) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("\ufeffa: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        ("# note\na:\n  # more\n  b: 1\n\nc: 2\n", {"a": {"b": 1}, "c": 2}),
        ("a[0]:", {"a": []}),
        ("[0]:", []),
        ("a[1]:\n  - []", {"a": [[]]}),
        ("a[2|]: x,y|z", {"a": ["x,y", "z"]}),
        ("a[1\t]{b\tc}:\n  1\t2", {"a": [{"b": 1, "c": 2}]}),
        ("a[2]: x , y ", {"a": ["x", "y"]}),
        ("a[3]: 1,,", {"a": [1, "", ""]}),
        (": 1", {"": 1}),
        ("foo-bar: -x", {"foo-bar": "-x"}),
        ("a:b[2]: x", {"a": "b[2]: x"}),
        ('"a:b"[1]: x', {"a:b": ["x"]}),
        ('a: "\\u00e9"', {"a": "é"}),
        ("a: 1e400", {"a": Decimal("1e400")}),
        ("a: 0.1000000000000000000001", {"a": Decimal("0.1000000000000000000001")}),
        ("a: [2", {"a": "[2"}),
        ("a[0:]{b}:", {"a": {}}),
        ("a[1]:\n  - b: 1\n    c[1]{d}:\n      1", {"a": [{"b": 1, "c": [{"d": 1}]}]}),
        ("hello", "hello"),
        ("# nothing", {}),
    ],
)
def test_what_is_read(text: str, value: Any) -> None:
    assert toon.decode(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "hello\nworld",
        " a: 1",
        "  a: 1",
        "a: 1\n  b: 2",
        "a:\n    b: 1",
        "a:\n\tb: 1",
        "a: 1\na: 2",
        'a: "x',
        'a: "x" y',
        'a: "\\x"',
        'a: "\\ud800"',
        "a[2]: 1",
        "a[03]: 1,2,3",
        "a[-1]: 1",
        "a [1]: 1",
        "a[1] : 1",
        "a[1:]: 1",
        "a[1]{b}: 1",
        "a[1]{}:\n  1",
        "a[1]{b,}:\n  1,2",
        "a[1]{b,b}:\n  1,2",
        "a[1]{b{c}:\n  1",
        "a[1]{{c}}:\n  1",
        "a[1]{b {c}}:\n  1",
        "a[1|]{b,c}:\n  1|2",
        "a[1]{b,c}:\n  1",
        "a[1]{b}:\n  1\n  2",
        "a[2]{b}:\n  1\n\n  2",
        "a[2:]{b}:\n  x: 1\n  x: 2",
        "a[1:]{b}:\n  x",
        "a[1:]{b}:\n  x:",
        "a[2]:\n  - 1\n  2",
        "a[1]:\n  - [1]{b}:\n    1",
        "a:\n  [1]: 1",
        "a[1: 2",
        "[]\na: 1",
        "[1]: 1\na: 1",
        "a[" + "9" * 5000 + "]: 1",
        "a: 1" + "0" * 5000,
    ],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        toon.decode(text)


@given(st.text(st.sampled_from(' \n:,-[]{}"\\#|\ta1'), max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InputError):
        value = toon.decode(text)
        assert toon.decode(toon.encode(value)) == value


@pytest.mark.parametrize("value", ["\ud800", {"\udc00": 1}, 10**400, object(), [1, {2}]])
def test_what_does_not_fit(value: Any) -> None:
    with pytest.raises(InputError):
        toon.encode(value)


def test_deep_nesting_is_refused() -> None:
    value: Any = 1
    for _ in range(5000):
        value = [value]
    with pytest.raises(InputError, match="deep"):
        toon.encode(value)
    with pytest.raises(InputError, match="deep"):
        toon.decode("\n".join("  " * depth + "a:" for depth in range(5000)))


@pytest.mark.untraced
@pytest.mark.parametrize("character", '{`<" |[,:-#\\\t\n')
def test_reading_is_linear(character: str) -> None:
    """A megabyte of any character ends at once, read or refused."""
    for text in (character * 500_000, f"a: {character * 500_000}", f"a[1]{{b}}:\n  {character * 500_000}"):
        with contextlib.suppress(InputError):
            toon.decode(text)
