"""Pieces of a question: every character is in one, numbers stand apart from units, and no text takes long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.cache.semantic.tokens import Kind, tokens


def read(text: str) -> list[tuple[str, str]]:
    return [(token.kind.value, token.text) for token in tokens(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5km", [("number", "5"), ("word", "km")]),
        ("at 10:30 on 3/4/2020", [("word", "at"), ("number", "10:30"), ("word", "on"), ("number", "3/4/2020")]),
        ("GPT4 is", [("word", "gpt4"), ("word", "is")]),
        ("Don't", [("word", "don't")]),
        ("Don\u2019t", [("word", "don't")]),
        ("node.js", [("word", "node"), ("sign", ".~"), ("word", "js")]),
        ("node. js", [("word", "node"), ("sign", "."), ("word", "js")]),
        ('say "Good Day"', [("word", "say"), ("quote", '"Good Day"')]),
        ("say \u201cGood Day\u201d", [("word", "say"), ("quote", '"Good Day"')]),
        ("run `ls -l` now", [("word", "run"), ("code", "`ls -l`"), ("word", "now")]),
        ("see https://a.com/B?c=1", [("word", "see"), ("link", "https://a.com/B?c=1")]),
        ("mail a.b@c.org", [("word", "mail"), ("link", "a.b@c.org")]),
        ("a:\n  b", [("word", "a"), ("sign", ":"), ("line", "\n  "), ("word", "b")]),
        ("\u6cd5\u56fd\uff1f", [("word", "\u6cd5\u56fd"), ("sign", "?")]),
        (" \n ", []),
    ],
)
def test_texts_become_tokens(text: str, expected: list[tuple[str, str]]) -> None:
    assert read(text) == expected


def test_a_capital_counts_only_within_a_sentence() -> None:
    found = tokens("Is it Polish? Polish it.")
    assert [(token.written, token.opens) for token in found if token.kind is Kind.WORD] == [
        ("Is", True),
        ("it", False),
        ("Polish", False),
        ("Polish", True),
        ("it", False),
    ]


@given(st.text(max_size=60))
def test_every_visible_character_is_in_a_token(text: str) -> None:
    held = "".join(token.text for token in tokens(text))
    assert bool(held.strip()) == bool("".join(text.split()))


@pytest.mark.parametrize("piece", ["'", '"', "\u201e", "a.", "a@", "`", " ", "\n", "http:", "\u2018", "1,"])
def test_hostile_repeats_are_read(piece: str) -> None:
    assert len(tokens(piece * 5_000 + "x")) >= 1
