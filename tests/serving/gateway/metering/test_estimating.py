"""Counts of texts without a vocabulary, against o200k_base."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.gateway.metering.estimating import asked_tokens, tokens_in, tokens_in_all
from llmopt.tokens.exact.tokenizer import exact_tokenizer
from tests.conftest import ROOT

TEXTS = {
    "prose": "The committee met on Tuesday. After a lengthy debate, members voted to postpone the decision. " * 5,
    "German": "Die Bundesregierung hat gestern beschlossen, dass die Verordnung geändert wird. " * 5,
    "French": "Le gouvernement a décidé hier que la réglementation serait modifiée pour les consommateurs. " * 5,
    "Russian": "Быстрая коричневая лиса прыгает через ленивую собаку. " * 5,
    "Chinese": "今天天气很好。我们去公园散步吧。许多公司投入大量资源进行研究。" * 5,
    "Japanese": "今日はとても天気がいいので、公園に散歩に行きましょう。" * 5,
    "code": (ROOT / "llmopt" / "cost" / "settle.py").read_text(encoding="utf-8"),
    "markdown": (ROOT / "docs" / "format-specs.md").read_text(encoding="utf-8"),
    "json": (ROOT / "samples" / "vllm.jsonl").read_text(encoding="utf-8"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_are_counted_within_a_fifth(name: str) -> None:
    exact = exact_tokenizer("o200k_base").count(TEXTS[name]).tokens
    assert 0.8 * exact <= tokens_in(TEXTS[name]) <= 1.2 * exact


def test_long_texts_are_counted_by_their_begin_and_end() -> None:
    short = tokens_in(TEXTS["prose"] * 10)
    assert tokens_in(TEXTS["prose"] * 1000) == pytest.approx(short * 100, rel=0.02)


def test_nothing_has_no_tokens() -> None:
    assert tokens_in("") == tokens_in_all([]) == asked_tokens({}) == 0


@given(st.text(max_size=300))
def test_any_text_can_be_counted(text: str) -> None:
    assert 0 <= tokens_in(text) <= 3 * len(text.encode("utf-8", "replace")) + 1
    assert tokens_in_all(text) == tokens_in(text)


def test_requests_are_counted_with_what_stands_around_their_messages() -> None:
    one = asked_tokens({"messages": [{"role": "user", "content": "hello"}]})
    two = asked_tokens({"messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": ""}]})
    assert (one, two - one) == (8, 4)
