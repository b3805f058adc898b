"""Escaped letters become letters; the values stay."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.prompts.forms.escapes import unescaped


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (r'"Vi\u1ec7t \u0110\u00f4ng"', '"Việt Đông"'),
        (r'"\ud83d\ude00 \uD83D\uDE00"', '"😀 😀"'),
        (r'"\\u1ec7 \\\u1ec7"', r'"\\u1ec7 \\' + 'ệ"'),
        (r'"\ud83d x \ude00"', r'"\ud83d x \ude00"'),
        (r'"\u0022\u005c\u007b\u0000\u0085"', r'"\u0022\u005c\u007b\u0000\u0085"'),
        (r'"\u00a0\u200d\u202e\u2028\ufeff\ufffe"', r'"\u00a0\u200d\u202e\u2028\ufeff\ufffe"'),
        (r'"\n\t\/\b"', r'"\n\t\/\b"'),
    ],
)
def test_what_can_be_seen_is_written_out(text: str, written: str) -> None:
    assert unescaped(text) == written


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_the_values_stay(value: object) -> None:
    text = json.dumps(value)
    short = unescaped(text)
    assert json.loads(short) == value
    assert unescaped(short) == short
    assert len(short) <= len(text)
