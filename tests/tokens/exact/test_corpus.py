"""Counts equal tiktoken's on 22 kinds of text, document by document."""

from __future__ import annotations

import pytest

from llmopt.tokens.exact.tokenizer import ExactTokenizer
from llmopt.tokens.exact.vocabulary import partial_encoding
from llmopt.tokens.result import TokenCount
from tests.tokens.corpus import CATEGORIES, documents, size_bytes
from tests.tokens.oracle import ENGINES, NAMES, count_by, regex_count, tiktoken_count


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    return count_by(str(request.param), monkeypatch)


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("name", NAMES)
def test_counts_are_tiktokens(name: str, category: str, engine: str) -> None:
    texts = documents(category)
    expected = [TokenCount.exact(tiktoken_count(text, name), name) for text in texts]
    assert differing(texts, ExactTokenizer(name).count_many(texts), expected) == []


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("name", NAMES)
def test_one_at_a_time_and_again_they_are_the_same(name: str, category: str, engine: str) -> None:
    texts = documents(category, 100_000)
    expected = [TokenCount.exact(tiktoken_count(text, name), name) for text in texts]
    tokenizer = ExactTokenizer(name)
    for _ in range(2):
        assert differing(texts, [tokenizer.count(text) for text in texts], expected) == []


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("name", NAMES)
def test_a_vocabulary_cut_down_to_the_first_text_of_a_process_counts_the_same(name: str, category: str) -> None:
    texts = [text for text in documents(category) if len(text) <= 1_500][:12]
    partial = [partial_encoding(name, text) for text in texts]
    assert sum(codec is not None for codec in partial) >= 6
    for text, codec in zip(texts, partial, strict=True):
        assert codec is None or len(codec.encode_ordinary(text)) == tiktoken_count(text, name), text


def test_the_corpus_is_as_large_and_as_mixed_as_it_says() -> None:
    sizes = {category: size_bytes(documents(category)) for category in CATEGORIES}
    assert len(sizes) >= 20
    assert min(sizes.values()) >= 500_000
    assert sum(sizes.values()) >= 10_000_000
    for category in CATEGORIES:
        lengths = sorted(map(len, documents(category)))
        assert lengths[5] <= 10
        assert lengths[-1] >= 50_000
        assert len(set(documents(category))) > 0.7 * len(lengths)


def test_the_corpus_is_the_same_each_time() -> None:
    for category in ("emoji", "vietnamese", "json_compact", "lone_surrogates"):
        first = documents(category, 20_000)
        documents.cache_clear()
        assert documents(category, 20_000) == first


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("name", NAMES)
def test_the_oracle_for_what_tiktoken_does_not_survive_agrees_where_it_does(name: str, category: str) -> None:
    for text in documents(category, 30_000):
        assert regex_count(text, name) == tiktoken_count(text, name)


def differing(
    texts: tuple[str, ...], counted: list[TokenCount], expected: list[TokenCount]
) -> list[tuple[int, str, TokenCount, TokenCount]]:
    """Return the number and beginning of each text whose count is another, with both counts."""
    assert len(counted) == len(expected) == len(texts)
    rows = enumerate(zip(texts, counted, expected, strict=True))
    return [(number, text[:60], found, wanted) for number, (text, found, wanted) in rows if found != wanted]
