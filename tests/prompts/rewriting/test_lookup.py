"""The index of phrases: whole words, longest first, in every spelling, and linear."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from llmopt.prompts.rewriting.lookup import PhraseIndex, by_spelling, lowered, spellings, words_of

INDEX = PhraseIndex(["in order to", "in order", "to", "hòa bình"])


def found(text: str) -> list[str]:
    return [text[hit.start : hit.end] for hit in INDEX.hits(text)]


def test_the_longest_of_whole_words_is_found() -> None:
    assert found("In order to go, in orders too, in order.") == ["In order to", "in order"]
    assert found("un-to to's in_order_to to/from") == []
    assert found("in order\nto") == ["in order\nto"]


def test_both_forms_and_both_habits_of_tones_are_found() -> None:
    for text in ("hòa bình", "hoà bình"):
        assert found(text) == [text]
        assert found(unicodedata.normalize("NFD", text)) == [unicodedata.normalize("NFD", text)]
    assert len(spellings("hòa bình")) == 4
    assert by_spelling({"a": "b"}) == {"a": "b"}


def test_a_long_text_is_searched_in_parts_that_lose_nothing() -> None:
    line = "x " * 2_000 + "in order to\n"
    assert len(INDEX.hits(line * 100)) == 100


@given(st.text(alphabet="inorder to.\nİßạ", max_size=60))
def test_hits_lie_where_they_say(text: str) -> None:
    assert len(lowered(text)) == len(text)
    for hit in INDEX.hits(text):
        assert lowered(text)[hit.start : hit.end].replace("\n", " ") == hit.phrase
        assert set(hit.phrase.split()) <= words_of(text)
