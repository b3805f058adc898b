"""What a query leaves of JSON is valid JSON, its values byte for byte as they were."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.errors import InputError
from llmopt.prompts.context import Context
from llmopt.prompts.edits import applied
from llmopt.prompts.segments.parse import parse
from llmopt.prompts.select.select import selected
from llmopt.prompts.select.units import units_of
from llmopt.tokens.api import tokenizer_for

CONTEXT = Context(tokenizer_for())
GAP = "…"
ROWS = [
    {"id": number, "name": f"user{number}", "role": ("reader", "writer", "admin")[number % 3], "left": None}
    for number in range(40)
]


def shortened(text: str, query: str, share: float) -> str:
    budget = int(share * CONTEXT.tokens(text))
    result = applied(text, selected([parse(text)], query, budget, CONTEXT)[0])
    assert CONTEXT.tokens(result) <= budget
    return result


def is_part(part: Any, whole: Any) -> bool:
    """Whether a value is what is left of another one, with signs in the gaps."""
    if isinstance(part, list) and isinstance(whole, list):
        at = 0
        for item in part:
            if item == GAP:
                continue
            while at < len(whole) and not is_part(item, whole[at]):
                at += 1
            if at == len(whole):
                return False
            at += 1
        return True
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(
            (key, value) == (GAP, GAP) or (key in whole and is_part(value, whole[key])) for key, value in part.items()
        )
    return bool(part == whole)


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("wrapped", [False, True])
def test_the_elements_of_an_array_are_units(indent: int | None, wrapped: bool) -> None:
    value = {"status": "ok", "total": 40, "rows": ROWS} if wrapped else ROWS
    found = json.loads(shortened(json.dumps(value, indent=indent), "role of user23", 0.2))
    rows = found["rows"] if wrapped else found
    assert ROWS[23] in rows
    assert GAP in rows
    assert is_part(found, value)


def test_an_element_that_is_too_large_loses_members() -> None:
    value = [
        {"title": f"Deed {number}", "text": "one two three four five six seven " * 9, "pages": [1, 2, 3], "x": None}
        for number in range(3)
    ]
    text = json.dumps(value)
    result = shortened(text, "title of deed 1", 0.2)
    assert '"title": "Deed 1"' in result
    assert "six seven" not in result
    assert is_part(json.loads(result), value)


def test_json_lines_stay_whole() -> None:
    text = "\n".join(map(json.dumps, ROWS))
    found = [json.loads(line) for line in shortened(text, "role of user23", 0.2).splitlines()]
    assert ROWS[23] in found
    assert all(row == GAP or row in ROWS for row in found)


def test_json_within_prose_stays_valid() -> None:
    text = f"The tool was asked. It said {json.dumps(ROWS)}. Then it rained, and nobody came to the mill again."
    result = shortened(text, "role of user23", 0.25)
    start = result.index("[")
    found = json.loads(result[start : result.rindex("]") + 1])
    assert ROWS[23] in found
    assert is_part(found, ROWS)


def test_a_sentence_does_not_end_within_json() -> None:
    text = 'It was told {"a": "One is here. Two is there.", "b": "Three. Four."} and more. Then it went.'
    parts = [text[unit.start : unit.end] for unit in units_of(parse(text))]
    assert any('{"a": "One is here. Two is there.", "b": "Three. Four."}' in part for part in parts)


def test_nothing_that_would_not_be_shorter_is_left_out() -> None:
    text = json.dumps([1, 2, {"name": "the miller of the valley", "town": "Hue", "street": "by the river", "n": 1}, 3])
    result = shortened(text, "miller", 0.9)
    assert json.loads(result)[:2] == [1, 2] or GAP in result


def test_placeholders_in_strings_stay() -> None:
    prompts = ["Summarise {name}.", "Use %(tone)s words.", "By {{ author }}.", "<NAME> asks."]
    text = json.dumps([*prompts, *("Rain falls in the valley all day, and nobody comes." for _ in range(9))])
    result = shortened(text, "rain", 0.5)
    for part in ("{name}", "%(tone)s", "{{ author }}", "<NAME>"):
        assert part in result
    assert is_part(json.loads(result), json.loads(text))


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=60),
        st.sampled_from(("the oven of the mill burns beech wood", "…", '"', "a, b: [c]", "{name}")),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=12), st.dictionaries(st.text(max_size=8), inner, max_size=6)),
    max_leaves=60,
)


@settings(max_examples=120, deadline=None)
@given(
    st.one_of(st.lists(VALUES, min_size=2), st.dictionaries(st.text(max_size=8), VALUES, min_size=2)),
    st.sampled_from([None, 2]),
    st.booleans(),
    st.floats(0.1, 0.9),
)
def test_any_json(value: Any, indent: int | None, plain: bool, share: float) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=plain)
    try:
        result = shortened(text, "oven of the mill", share)
    except InputError as error:
        least = int(error.hint.split()[1])
        result = applied(text, selected([parse(text)], "oven", least, CONTEXT)[0])
        assert CONTEXT.tokens(result) <= least
    if any(span.kind == "json" for span in parse(text).spans):
        assert is_part(json.loads(result), value)
