"""The strings of a JSON text are found where they stand, and only they are replaced."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.prompts.contents import Path
from llmopt.prompts.files.positions import as_token, string_positions

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]
VALUES: st.SearchStrategy[Value] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def strings(value: Value, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield every string of a value with the way to it."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from strings(item, (*path, at))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from strings(item, (*path, key))


@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_every_string_is_found_where_it_stands(value: Value, indent: int | None, ascii: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii)
    wanted = dict(strings(value))
    found = string_positions(text, wanted)
    assert {path: json.loads(text[start:end]) for path, (start, end) in found.items()} == wanted


@given(VALUES)
def test_only_what_is_wanted_is_returned(value: Value) -> None:
    wanted = [path for path, _ in strings(value)][::2]
    assert list(string_positions(json.dumps(value), wanted)) == wanted


def test_of_a_key_that_comes_twice_the_last_value_counts_as_it_does_for_a_parser() -> None:
    text = '{"a": "first", "b": {"a": "x"}, "a": "second"}'
    start, end = string_positions(text, [("a",)])[("a",)]
    assert json.loads(text[start:end]) == json.loads(text)["a"] == "second"


def test_escapes_braces_and_quotes_within_strings_and_keys_are_no_structure() -> None:
    text = r'{"k\"]}": [",{[", "\\", {"é\u00e9": "here"}], "n": -1.50e+3}'
    body = json.loads(text)
    found = string_positions(text, [path for path, _ in strings(body)])
    assert text[slice(*found[('k"]}', 2, "éé")])] == '"here"'
    assert len(found) == 3


def test_what_follows_the_document_is_not_read() -> None:
    assert string_positions('{"a": "b"} {"a": "c"}', [("a",)]) == {("a",): (6, 9)}


@pytest.mark.untraced
@pytest.mark.parametrize(
    "text", ["[" * 100_000 + "]" * 100_000, '["' + "\\n" * 500_000 + '"]', "[" + '"a",' * 200_000 + '"b"]']
)
def test_long_and_deep_texts_take_linear_time(text: str) -> None:
    start = time.process_time()
    string_positions(text, [(0,)])
    assert time.process_time() - start < 5


@given(st.text(st.characters(exclude_categories=[])), st.sampled_from(['"a"', '"é"']))
def test_a_token_reads_back_and_can_be_encoded(text: str, like: str) -> None:
    token = as_token(text, like)
    assert json.loads(token) == text
    token.encode()


def test_letters_are_written_as_they_were() -> None:
    assert as_token("é", r'"\u00e9 x"') == r'"\u00e9"'
    assert as_token("é", '"é x"') == '"é"'
