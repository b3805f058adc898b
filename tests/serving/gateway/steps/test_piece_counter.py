"""Tokens without a vocabulary, beside those of o200k_base."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.gateway.steps.piece_counter import PieceCounter
from llmopt.tokens.api import count_tokens

ROOT = Path(__file__).parents[4]
TEXTS = {
    "docs": (ROOT / "docs" / "routing.md").read_text()[:8000],
    "code": (ROOT / "llmopt" / "serving" / "cache" / "plain.py").read_text(),
    "json": (ROOT / "pricing" / "providers" / "cohere.json").read_text()[:6000],
    "vietnamese": "Xin chào, tôi muốn hỏi về đơn hàng số 48213 của tôi đã được giao chưa vậy ạ? " * 5,
    "russian": "Привет, как дела? Расскажите, пожалуйста, какая погода сегодня была. " * 5,
    "korean": "안녕하세요 오늘 날씨가 어떤가요 " * 5,
    "chinese": "你好,世界!这是一个关于语言模型的简单测试,请回答下面的问题。" * 5,
}


@pytest.mark.parametrize("name", TEXTS)
def test_within_a_quarter_of_the_exact_count(name: str) -> None:
    exact = count_tokens(TEXTS[name]).tokens
    found = PieceCounter().count(TEXTS[name])
    assert found.tokens == pytest.approx(exact, rel=0.25)
    assert found.low <= exact <= found.high
    assert found.estimated


@given(st.text())
def test_any_text_counts(text: str) -> None:
    counter = PieceCounter()
    found = counter.count(text)
    assert 0 <= found.low <= found.tokens <= found.high
    assert found.tokens <= 3 * len(text) + 1
    assert counter.count_many([text, text]) == [found, found]


def test_nothing_is_no_token() -> None:
    assert PieceCounter().count("").tokens == 0
    assert PieceCounter().name == "pieces"
