"""The memo remembers within its bounds, forgets the least used, and knows how often it helped."""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from llmopt.tokens.memo import Memo


def test_what_was_put_is_found_and_counted() -> None:
    memo: Memo[int] = Memo()
    assert memo.get("a") is None
    memo.put("a", 1)
    assert memo.get("a") == 1
    assert (memo.hits, memo.misses, memo.hit_rate) == (1, 1, 0.5)


def test_nothing_asked_is_no_hit() -> None:
    assert Memo[int]().hit_rate == 0.0


def test_an_empty_text_is_remembered_like_any_other() -> None:
    memo: Memo[int] = Memo()
    memo.put("", 0)
    assert memo.get("") == 0


def test_what_is_used_outlives_what_is_not() -> None:
    memo: Memo[int] = Memo(max_bytes=64_000)
    memo.put("used", 1)
    for number in range(1000):
        memo.put(f"once {number}", number)
        assert memo.get("used") == 1
    assert memo.get("once 0") is None
    assert len(memo) < 1000


def test_a_text_as_large_as_the_memory_is_not_kept() -> None:
    memo: Memo[int] = Memo(max_bytes=10_000)
    memo.put("x" * 2000, 1)
    assert len(memo) == 0


@given(texts=st.lists(st.text(max_size=50), max_size=300))
def test_memory_stays_bounded_and_answers_are_right(texts: list[str]) -> None:
    memo: Memo[int] = Memo(max_bytes=4_000)
    for text in texts:
        known = memo.get(text)
        assert known is None or known == len(text)
        memo.put(text, len(text))
        held = memo._young | memo._old
        assert sum(map(sys.getsizeof, held)) <= memo.max_bytes + 500
