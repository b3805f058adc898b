"""The model's name in a request: replaced, and nothing else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import InputError
from llmopt.serving.gateway.steps.model_edit import for_model, with_model
from tests.serving.gateway.upstreams.asked import sent

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.just("model"), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON, max_size=5), st.dictionaries(st.text(), JSON, max_size=5), st.text(), st.text())
def test_only_the_model_changes(before: dict[str, Any], after: dict[str, Any], old: str, new: str) -> None:
    before, after = ({name: each for name, each in part.items() if name != "model"} for part in (before, after))
    asked, wanted = ({**before, "model": model, **after} for model in (old, new))
    for is_ascii in (True, False):
        raw = json.dumps(asked, ensure_ascii=is_ascii).encode()
        found = with_model(raw, new)
        assert json.loads(found) == wanted
        assert len(found) - len(raw) == _length(new, is_ascii=False) - _length(old, is_ascii=is_ascii)


def _length(text: str, *, is_ascii: bool) -> int:
    return len(json.dumps(text, ensure_ascii=is_ascii).encode())


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b'{"model":"a","n":1.50}', b'{"model":"b","n":1.50}'),
        (b' { "model" : "a" }', b' { "model" : "b" }'),
        (b'{"x":{"model":"no"},"model":"a"}', b'{"x":{"model":"no"},"model":"b"}'),
        (b'{"x":["model","model"],"model":"a"}', b'{"x":["model","model"],"model":"b"}'),
        (
            b'{"x":"model","y":"\\"model\\":\\"no\\"","model":"a"}',
            b'{"x":"model","y":"\\"model\\":\\"no\\"","model":"b"}',
        ),
        (b'{"x":[{"a":1},{"model":2}],"model":"a\\"}"}', b'{"x":[{"a":1},{"model":2}],"model":"b"}'),
        (b'{"mod\\u0065l":"a"}', b'{"mod\\u0065l":"b"}'),
        (b'\xef\xbb\xbf{"model":"a"}', b'\xef\xbb\xbf{"model":"b"}'),
        (b'{"model":null,"n":1}', b'{"model": "b", "n": 1}'),
        (b"{}", b'{"model": "b"}'),
    ],
)
def test_every_other_byte_stays(raw: bytes, found: bytes) -> None:
    assert with_model(raw, "b") == found


@pytest.mark.parametrize("raw", [b"", b"[]", b'"model"', b"{", b"[" * 100_000])
def test_what_is_no_object(raw: bytes) -> None:
    with pytest.raises(InputError):
        with_model(raw, "b")


def test_names_of_any_characters() -> None:
    assert json.loads(with_model(b'{"model":"a"}', 'q"\\\n\u00e9')) == {"model": 'q"\\\n\u00e9'}


def test_a_request_for_the_same_model_is_the_same() -> None:
    request = sent(model="a")
    assert for_model(request, "a") is request
    other = for_model(request, "b")
    assert (other.model, json.loads(str(other.body, "utf-8"))["model"]) == ("b", "b")  # type: ignore[arg-type]


def test_a_body_that_is_still_coming_stays() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b""

    request = replace(sent(), body=pieces())
    assert for_model(request, "b") is request
