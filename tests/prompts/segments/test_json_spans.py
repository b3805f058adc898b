"""Valid JSON anywhere, and what only looks like it."""

from __future__ import annotations

import json

import pytest

from llmopt.prompts.segments.parse import parse
from tests.prompts.segments.shown import block_kinds, guarded, kinds, spans


@pytest.mark.parametrize(
    "value",
    [
        '{"a": 1}',
        '{"a": {"b": [1, 2, {"c": null}]}, "d": "}"}',
        '["a", "b"]',
        '[{"a": 1},\n {"a": 2}]',
        '{ "a" :\t1.50e+10 , "a": 2 }',
        '{"q": "say \\"hi\\" {x} [y] `z` <b> \\u00e9"}',
        "[1, 2, 3]",
        "[[1, 2], [3]]",
        '{"a": []}',
        '{"đường": "phố"}',
        '{"n": 123456789012345678901234567890}',
        '{"n": 1e999}',
    ],
)
@pytest.mark.parametrize(
    "frame", ["{}", "Input: {}", "Text before\n\n{}\n\nand behind.", "({}).", "  {}  ", "a\r\n{}\r\nb"]
)
def test_json_is_one_span_wherever_it_stands(value: str, frame: str) -> None:
    assert spans(frame.replace("{}", value), "json") == [value]


def test_several_values_are_several_spans() -> None:
    assert spans('{"a": 1}\n{"a": 2}\n{"a": 3}', "json") == ['{"a": 1}', '{"a": 2}', '{"a": 3}']
    assert spans('[1, 2]{"a": 2} x ["b"]', "json") == ["[1, 2]", '{"a": 2}', '["b"]']


@pytest.mark.parametrize(
    "text", ["see [1].", "see [x]", "[12] and [3]", 'x["name"]', "row['a']", "[]", "[true]", "f(a)[0]"]
)
def test_citations_and_subscripts_are_no_json(text: str) -> None:
    assert spans(text, "json") == []


def test_empty_braces_are_a_placeholder() -> None:
    assert kinds("Hi {} and {}") == [("placeholder", "{}"), ("placeholder", "{}")]


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1,}',
        '[{"a": 1}, {"a": 2},]',
        "{'a': 'b', 'c': [1, 2]}",
        '{"a": 1 // one\n}',
        '{"a": {name}, "b": "c"}',
        '{{"a": "{name}", "b": 1}}',
        '{"a": NaN}',
        '{"a": "\\x"}',
        '{"a": 01}',
        '{"lone": "\\ud800"}',
        "{a: 1, b: [1, 2]}",
        '["a", "b", ...]',
        '{"a": "b"\n\n"c": 2}',
        '{\n  "a": <number>,\n  "b": "..."\n}',
    ],
)
def test_json_that_does_not_parse_is_guarded_whole(text: str) -> None:
    assert guarded(f"Use  this: {text} and  go on") == [text]


@pytest.mark.parametrize("text", ['{"a": 1, "b": [1, 2', '[{"a": 1}, {"b": 2', '{"a": "b', "{'a': 1"])
def test_unbalanced_json_is_guarded_to_the_end_of_its_paragraph(text: str) -> None:
    assert guarded(f"Before\n\n{text} more\nand more\n\nFree  text") == [f"{text} more\nand more"]


def test_a_value_in_a_keep_region_goes_to_the_region() -> None:
    assert kinds('<keep>{"a": 1}</keep>') == [("keep", '<keep>{"a": 1}</keep>')]
    assert kinds('```\n{"a": 1}\n```') == [("fence", '```\n{"a": 1}\n```')]


def test_a_keep_region_in_a_value_guards_the_value() -> None:
    text = '{"a": "<keep>x  y</keep>", "b": 1}'
    assert guarded(text) == [text]


def test_json_over_lines_is_data_and_json_behind_a_label_is_not() -> None:
    assert block_kinds('{\n  "a": 1\n}\n') == ["data"]
    assert block_kinds('{"a": 1}\n{"a": 2}\n') == ["data"]
    assert block_kinds('Give the answer as {"a": 1} please.') == ["prose"]


def test_deeply_nested_text_is_found_or_guarded_but_never_fails() -> None:
    for depth in (50, 5000, 100_000):
        text = "[" * depth + '"x"' + "]" * depth
        found = parse(text)
        assert found.spans[0].start == 0
        assert found.spans[0].kind == "json" or found.spans[0].guarded


def test_a_value_longer_than_a_window_is_found() -> None:
    value = json.dumps([{"name": f"item {number}", "tags": ["a", "b"]} for number in range(2000)], indent=1)
    assert spans(f"Data: {value} end {value}", "json") == [value, value]
    assert guarded(f"Data: {value[:-1]}") == [value[:-1]]


def test_values_that_close_before_the_text_breaks_are_found() -> None:
    assert spans('x [1, 2, {"a": 1} {"b": 2}', "json") == []
    assert spans('(see ["a", "b"] and {"c": 3', "json") == ['["a", "b"]']
