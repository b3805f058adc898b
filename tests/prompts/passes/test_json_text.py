"""The JSON pass: shorter text, the same values, nothing else touched."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.prompts.context import JSON_FORMS, Context, JsonForm
from llmopt.prompts.edits import Edit, applied
from llmopt.prompts.forms import csv_rows, toon
from llmopt.prompts.passes.json_text import json_text
from llmopt.prompts.segments.parse import parse
from llmopt.prompts.spans import Block, Segments, Span
from llmopt.tokens.api import tokenizer_for
from tests.prompts.forms.test_smallest import JSON_VALUES

TOKENIZER = tokenizer_for(encoding="o200k_base")
ROWS = [{"id": at, "name": f"user {at}"} for at in range(9)]
PRETTY = json.dumps(ROWS, indent=2)
COMPACT = json.dumps(ROWS, separators=(",", ":"))


def segments_of(before: str, text: str, after: str, *, guarded: bool = False) -> Segments:
    """Return a text in which only the middle is known, as JSON."""
    whole = before + text + after
    span = Span(len(before), len(before) + len(text), "json", guarded)
    return Segments(whole, (Block(0, len(whole), "data"),), (span,))


def edits_of(segments: Segments, json_form: JsonForm = "minified") -> list[Edit]:
    return json_text(segments, Context(TOKENIZER, json_form))


def result(segments: Segments, json_form: JsonForm = "minified") -> str:
    return applied(segments.text, edits_of(segments, json_form))


def test_pretty_json_is_minified() -> None:
    segments = segments_of("Data: ", PRETTY, " end")
    assert edits_of(segments) == [Edit(6, 6 + len(PRETTY), COMPACT, "json-minify")]


@pytest.mark.parametrize("text", [COMPACT, '["a, b: c"]', '{"a":"\\u0007\\u200b"}', "[1, 2"])
def test_what_is_short_already_or_broken_stays(text: str) -> None:
    assert edits_of(segments_of("x ", text, " y")) == []


def test_guarded_json_stays() -> None:
    for json_form in JSON_FORMS:
        assert edits_of(segments_of("", PRETTY, "", guarded=True), json_form) == []


def test_tokens_and_not_only_characters_must_not_grow() -> None:
    segments = segments_of("", '{"a": "' + "b" * 200 + '"}', "")
    before = TOKENIZER.count(segments.text).tokens
    assert TOKENIZER.count(result(segments)).tokens <= before


@pytest.mark.parametrize(
    ("before", "after"), [("", ""), ("Text:\n", "\nmore"), ("Text:\n\n  ", "  \r\nmore"), ("\n", " ")]
)
def test_json_on_lines_of_its_own_takes_another_form(before: str, after: str) -> None:
    segments = segments_of(before, PRETTY, after)
    text = result(segments, "csv")
    assert text == f"{before.rstrip(' ')}```csv\n{csv_rows.encode(ROWS)}\n```{after}"
    text = result(segments, "toon")
    assert text == f"{before.rstrip(' ')}```toon\n{toon.encode(ROWS)}\n```{after}"


@pytest.mark.parametrize(
    ("before", "after"), [("Data: ", ""), ("", " and more"), ("- ", "\n"), ("     ", ""), ("\t", "")]
)
def test_json_within_a_line_is_only_minified(before: str, after: str) -> None:
    for json_form in JSON_FORMS:
        assert result(segments_of(before, PRETTY, after), json_form) == before + COMPACT + after


@pytest.mark.untraced
@pytest.mark.parametrize("part", ['{"a": [1, 2]} ', '{"a": [1, 2]}\n', "[[1, 2]]  \n"])
def test_many_values_take_linear_time(part: str) -> None:
    body = part * 20_000
    spans = tuple(Span(at, at + len(part.rstrip()), "json", False) for at in range(0, len(body), len(part)))
    segments = Segments(body, (Block(0, len(body), "data"),), spans)
    assert len(edits_of(segments, "csv")) == len(spans)


def test_crlf_stays_crlf() -> None:
    """A CSV cell with a line break has no place where lines end in CRLF."""
    for json_form in ("toon", "csv"):
        text = result(segments_of("Text:\r\n", PRETTY.replace("\n", "\r\n"), "\r\nmore"), json_form)
        assert text.startswith(f"Text:\r\n```{json_form}\r\n")
        assert text.count("\n") == text.count("\r\n")
        assert (toon if json_form == "toon" else csv_rows).decode("\n".join(text.split("\r\n")[2:-2])) == ROWS
    rows = json.dumps([row | {"text": "a\nb"} for row in ROWS])
    assert result(segments_of("", rows, "\n"), "csv").startswith("```csv\n")
    assert result(segments_of("\r\n", rows, "\r\n"), "csv").startswith('\r\n[{"id"')


def test_guarded_indentation_is_not_touched() -> None:
    """The cached prefix may end between the indentation and the JSON."""
    whole = "  " + PRETTY
    spans = (Span(0, 2, "prefix", True), Span(2, len(whole), "json", False))
    segments = Segments(whole, (Block(0, len(whole), "data"),), spans)
    assert result(segments, "csv") == "  " + COMPACT


def test_lines_of_json_keep_their_line_breaks() -> None:
    text = "\n".join(json.dumps({"id": at, "tags": ["a", "b"]}) for at in range(4))
    short = applied(text, edits_of(parse(text)))
    assert short == "\n".join(f'{{"id":{at},"tags":["a","b"]}}' for at in range(4))


def test_a_fence_is_longer_than_what_stands_in_it() -> None:
    rows = [{"id": at, "text": "```"} for at in range(9)]
    text = result(segments_of("", json.dumps(rows, indent=2), ""), "csv")
    assert text.startswith("````csv\n")
    assert text.endswith("\n````")


@given(JSON_VALUES.filter(lambda value: isinstance(value, dict | list)), st.sampled_from(JSON_FORMS))
def test_values_stay_and_tokens_do_not_grow(value: object, json_form: JsonForm) -> None:
    text = json.dumps(value, indent=2)
    segments = segments_of("Look:\n", text, "\nThanks")
    edits = edits_of(segments, json_form)
    if not edits:
        return
    (edit,) = edits
    assert len(edit.text) < edit.end - edit.start
    assert TOKENIZER.count(edit.text).tokens <= TOKENIZER.count(text).tokens
    if edit.rule in ("json-minify", "json-unescape"):
        assert json.dumps(json.loads(edit.text)) == json.dumps(value)
        return
    body = edit.text.split("\n", 1)[1].rsplit("\n", 1)[0]
    decode = toon.decode if edit.rule == "json-toon" else csv_rows.decode
    assert json.dumps(decode(body, number=json.loads)) == json.dumps(value)


PARTS = ('{"a": [1, 2]}', PRETTY, "{{name}}", "{name}", "```json\n{ }\n```", "`[1, 2]`", "\n", " text ", "<b>")


@given(st.lists(st.sampled_from(PARTS), max_size=8), st.sampled_from(JSON_FORMS))
def test_what_is_guarded_stays_and_a_second_run_finds_nothing(parts: list[str], json_form: JsonForm) -> None:
    segments = parse("".join(parts))
    edits = edits_of(segments, json_form)
    assert not any(segments.touches_guarded(edit.start, edit.end) for edit in edits)
    again = parse(applied(segments.text, edits))
    for _ in range(4):
        edits = edits_of(again, json_form)
        assert not any(again.touches_guarded(edit.start, edit.end) for edit in edits)
        if not edits:
            return
        again = parse(applied(again.text, edits))
    pytest.fail("the pass never ends")


@pytest.mark.parametrize("times", [1, 1000])
def test_empty_brackets_may_have_fewer_tokens_with_line_breaks(times: int) -> None:
    text = "[\n" + "[],\n{},\n{},\n" * times + "[]\n]"
    before, after = (TOKENIZER.count(part).tokens for part in (text, result(segments_of("", text, ""))))
    assert after <= before
