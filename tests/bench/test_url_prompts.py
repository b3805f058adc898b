"""Synthetic prompts have the length that was asked for, and no common start."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmopt.bench.url_prompts import WORDS, prompt
from llmopt.tokens.api import tokenizer_for


def test_every_word_is_one_token() -> None:
    count = tokenizer_for().count
    assert len(set(WORDS)) == len(WORDS)
    assert [word for word in WORDS if count(word).tokens != 1 or count(f" {word}").tokens != 1] == []


@given(st.integers(0, 10**7), st.integers(1, 300), st.integers(0, 5))
def test_a_prompt_has_the_tokens_that_were_asked_for(number: int, tokens: int, seed: int) -> None:
    text = prompt(number, tokens, seed)
    assert tokenizer_for().count(text).tokens == tokens
    assert text == prompt(number, tokens, seed)


def test_no_two_prompts_start_alike() -> None:
    starts = {" ".join(prompt(number, 50).split()[:3]) for number in range(-2, 20_000)}
    assert len(starts) == 20_002
    assert prompt(1, 50, seed=1) != prompt(1, 50, seed=2)
