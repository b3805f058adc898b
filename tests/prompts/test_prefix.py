"""Where the cached part of a text ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import UsageError
from llmopt.prompts.prefix import stable_offset
from llmopt.tokens.api import tokenizer_for
from llmopt.tokens.exact import vocabulary

TEXT = "First line.   \n\n\n\nSecond line.   \n"
TOKENIZER = tokenizer_for()


@pytest.mark.parametrize(("tokens", "held"), [(0, 0), (1, 6), (2, 18), (3, 18), (4, 25), (6, 25), (7, 34), (1000, 34)])
def test_tokens_are_rounded_up_to_a_word_and_its_blanks(tokens: int, held: int) -> None:
    assert stable_offset(TEXT, tokens, TOKENIZER) == held


def test_a_text_of_nothing_has_no_prefix() -> None:
    assert stable_offset("", 5, TOKENIZER) == 0


def test_a_marker_belongs_to_the_prefix() -> None:
    assert stable_offset("ab<!-- end -->cd<!-- end -->", "<!-- end -->", TOKENIZER) == 14
    with pytest.raises(UsageError, match="'END' does not occur"):
        stable_offset("abc", "END", TOKENIZER)


@given(st.text("ab c\n.,1", max_size=100), st.integers(1, 40), st.text("ab c\n.,1", max_size=20))
def test_the_first_tokens_are_the_same_whatever_follows(text: str, tokens: int, tail: str) -> None:
    offset = stable_offset(text, tokens, TOKENIZER)
    if offset == len(text):
        return
    encode = vocabulary.encoding("o200k_base").encode_ordinary
    assert encode(text)[:tokens] == encode(text[:offset] + tail.lstrip())[:tokens]
