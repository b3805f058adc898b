"""The three engines give tiktoken's numbers, one text or many, remembered or not."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.errors import UsageError
from llmopt.tokens.exact import fast, vocabulary
from llmopt.tokens.exact import tokenizer as exact
from llmopt.tokens.exact.tokenizer import ExactTokenizer, exact_tokenizer
from llmopt.tokens.memo import Memo
from llmopt.tokens.result import TokenCount
from tests.tokens.oracle import plain, tiktoken_count

NAMES = ["o200k_base", "cl100k_base"]
WORDS = [
    *("the", "of", "order", "Parcel", "can't", "48213", "\u0111\u01a1n", "h\u00e0ng", "\u4f60\u597d"),
    *("<|endoftext|>", "\U0001f600", "-", "/", '{"a": 1}', "\n", "\n\n", "\t"),
]


def prose(seed: int, words: int) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load the fast engine at once, and use threads for everything."""
    monkeypatch.setattr(exact, "FAST_AFTER", 0)
    monkeypatch.setattr(exact, "_THREADED", 0)
    monkeypatch.setattr(exact, "_PARTIAL_USES", 0)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no fast engine."""
    monkeypatch.setattr(fast, "fast_counter", lambda name: None)


@pytest.mark.parametrize("name", NAMES)
@given(texts=st.lists(st.text(max_size=100) | st.sampled_from(WORDS), max_size=12))
@settings(max_examples=50)
def test_counts_are_tiktokens(name: str, texts: list[str]) -> None:
    tokenizer = ExactTokenizer(name)
    expected = [tiktoken_count(text, name) for text in texts]
    assert [tokenizer.tokens(text) for text in texts] == expected
    assert ExactTokenizer(name).tokens_many(texts) == expected
    assert tokenizer.tokens_many(texts) == expected


def check_long(name: str) -> None:
    texts = [prose(seed, 3000) for seed in range(12)] + ["", "x", "\ud800 \ud83d\ude00", "\U000323b0 new letters"]
    texts += texts[:4]
    expected = [tiktoken_count(text, name) for text in texts]
    assert ExactTokenizer(name).tokens_many(texts) == expected
    tokenizer = ExactTokenizer(name)
    assert [tokenizer.tokens(text) for text in texts] == expected


@pytest.mark.parametrize("name", NAMES)
def test_long_texts(name: str) -> None:
    check_long(name)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("name", NAMES)
def test_long_texts_with_the_fast_engine(name: str) -> None:
    assert fast.fast_counter(name) is not None
    check_long(name)


@pytest.mark.usefixtures("eager", "slow")
@pytest.mark.parametrize("name", NAMES)
def test_long_texts_on_threads(name: str) -> None:
    check_long(name)


@pytest.mark.usefixtures("slow")
def test_a_batch_is_counted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "_BATCH", 500)
    texts = [prose(seed, 40) for seed in range(30)]
    expected = [tiktoken_count(text, "o200k_base") for text in texts]
    assert ExactTokenizer("o200k_base").tokens_many(texts) == expected


def test_harmony_counts_plain_text_as_o200k() -> None:
    text = prose(1, 300)
    assert ExactTokenizer("o200k_harmony").tokens(text) == tiktoken_count(text, "o200k_base")


@pytest.mark.usefixtures("slow")
def test_a_first_small_text_does_not_load_the_vocabulary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "_loaded", set())
    tokenizer = ExactTokenizer("o200k_base")
    assert tokenizer.count("hello world") == TokenCount.exact(2, "o200k_base")
    assert tokenizer._runs is None
    for text in ("one", "two", "three", "four", "five"):
        assert tokenizer.tokens(text) == 1
    assert tokenizer._runs is not None


def test_counts_are_remembered_and_a_shared_beginning_is_counted_once() -> None:
    memo: Memo[int] = Memo()
    tokenizer = ExactTokenizer("o200k_base", memo=memo)
    system = "You answer for a book shop. Be brief and friendly.\n" * 100
    tokenizer.count(system + "Where is my parcel?")
    missed = memo.misses
    tokenizer.count(system + "May I return a book?")
    assert memo.misses == missed + 2  # the whole and its end
    tokenizer.count_many([system + "May I return a book?"] * 10)
    assert memo.misses == missed + 2
    assert memo.hit_rate > 0.6


class Counted:
    """Counts how many texts reach the engine."""

    def __init__(self) -> None:
        self.texts = 0

    def __call__(self, texts: Sequence[str]) -> list[int]:
        self.texts += len(texts)
        return [tiktoken_count(text, "o200k_base") for text in texts]


@pytest.mark.usefixtures("eager")
def test_what_repeats_in_one_batch_reaches_the_engine_once(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Counted()
    monkeypatch.setattr(fast, "fast_counter", lambda name: engine)
    texts = [prose(seed, 10) for seed in range(20)] * 10
    ExactTokenizer("o200k_base").count_many(texts)
    assert engine.texts == 20


def test_one_tokenizer_for_the_process_and_an_unknown_name() -> None:
    assert exact_tokenizer("o200k_base") is exact_tokenizer("o200k_base")
    with pytest.raises(UsageError, match="unknown encoding gpt-4o"):
        ExactTokenizer("gpt-4o")


def test_it_may_be_shared_between_threads() -> None:
    tokenizer = ExactTokenizer("o200k_base", memo=Memo(max_bytes=20_000))
    texts = [prose(seed % 40, 30) for seed in range(400)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(tokenizer.tokens, texts))
    assert found == [len(plain("o200k_base").encode_ordinary(text)) for text in texts]
