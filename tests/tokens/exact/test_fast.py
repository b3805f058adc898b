"""The fast engine is used only where it counts as tiktoken does."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator

import pytest

from llmopt.tokens.exact import fast
from llmopt.tokens.exact.fast import fast_counter, sure
from tests.tokens.oracle import tiktoken_count

CONTEXTS = ["{c}", "a{c}", "{c}a", " {c}", "{c}\n", "A{c}b", "{c}'s", "!{c}", "{c}A", "1{c}", " {c}{c}x\n", "{c}!\n/"]


@pytest.fixture
def fresh() -> Iterator[None]:
    fast_counter.cache_clear()
    yield
    fast_counter.cache_clear()


@pytest.mark.parametrize("name", ["o200k_base", "cl100k_base"])
def test_characters_of_every_block_count_as_tiktoken_counts_them(name: str) -> None:
    counter = fast_counter(name)
    assert counter is not None
    points = [*range(0x80, 0xD800, 37), *range(0xE000, 0x20000, 61), *range(0x20000, 0x110000, 1999)]
    known = [chr(point) for point in points if sure(chr(point))]
    assert len(known) > 1500
    texts = [context.format(c=character) for character in known for context in CONTEXTS]
    expected = [tiktoken_count(text, name) for text in texts]
    assert counter(texts) == expected


@pytest.mark.parametrize("character", ["\u017f", "\ud800", "\u088f", "\u0c5c", "\u1acf", "\ua7d2", "\U000323b0"])
def test_characters_that_the_engines_sort_differently_are_left_out(character: str) -> None:
    assert not sure(f"text {character}")


@pytest.mark.parametrize(
    "text", ["", "plain", "\u0111\u01a1n h\u00e0ng", "\u4f60\u597d", "\U0001f600", "\u0645\u0631\u062d\u0628\u0627"]
)
def test_ordinary_text_is_sure(text: str) -> None:
    assert sure(text)


@pytest.mark.usefixtures("fresh")
def test_without_the_extra_there_is_no_fast_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "toktok", None)
    assert fast_counter("o200k_base") is None


@pytest.mark.usefixtures("fresh")
def test_an_engine_that_counts_wrongly_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = types.ModuleType("toktok")
    wrong.batch_count = lambda texts, name, threads: [len(text) for text in texts]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "toktok", wrong)
    assert fast_counter("o200k_base") is None


def test_a_vocabulary_that_the_engine_lacks() -> None:
    assert fast_counter("p50k_base") is None


@pytest.mark.parametrize("name", ["o200k_base", "cl100k_base"])
def test_the_golden_counts_are_tiktokens(name: str) -> None:
    assert tuple(tiktoken_count(text, name) for text in fast._GOLDEN_TEXTS) == fast._GOLDEN[name]
