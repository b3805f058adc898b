"""Counts of the parts add up to the count of the whole, for every vocabulary whose pattern is known."""

from __future__ import annotations

import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.tokens.exact import chunks as module
from llmopt.tokens.exact.chunks import WHOLE, chunks
from llmopt.tokens.exact.vocabulary import VOCABULARIES
from tests.tokens.oracle import plain

NASTY = st.text(
    alphabet=" \t\n\r\u00a0\u3000\x0b\x1cabAZ.,!/'019s\u00e9\u0301\u4f60\u3002\U0001f600-#\u0661", max_size=400
)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut at every safe place, so that small texts have many."""
    monkeypatch.setattr(module, "CHUNK", 0)
    monkeypatch.setattr(module, "WHOLE", 1)


def _gpt2() -> tiktoken.Encoding:
    """The pattern of p50k and r50k on the merges of cl100k: cuts are a matter of the pattern alone."""
    ranks = plain("cl100k_base")._mergeable_ranks
    pattern = VOCABULARIES["r50k_base"].pattern
    return tiktoken.Encoding("gpt2", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})


GPT2 = _gpt2()


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("name", ["o200k_base", "cl100k_base", "gpt2"])
@given(text=NASTY)
@settings(max_examples=300)
def test_counts_of_parts_add_up(name: str, text: str) -> None:
    codec, newline_ends = (GPT2, False) if name == "gpt2" else (plain(name), True)
    parts = list(chunks(text, newline_ends=newline_ends))
    assert "".join(parts) == text
    assert sum(len(codec.encode_ordinary(part)) for part in parts) == len(codec.encode_ordinary(text))


def test_texts_are_cut_into_parts_of_about_a_thousand_characters() -> None:
    parts = list(chunks("one two three\n" * 1000, newline_ends=True))
    assert len(parts) > 10
    assert max(map(len, parts)) <= WHOLE


def test_prompts_that_begin_alike_share_their_first_parts() -> None:
    start = "You are a helpful assistant. Answer briefly.\n" * 100
    first, second = (list(chunks(start + end, newline_ends=True)) for end in ("And now A", "Something else"))
    assert first[:-1] == second[:-1]
    assert len(first) > 3


@pytest.mark.parametrize("text", ["", "a", "x" * 10_000, "\u4f60" * 10_000, " " * 10_000])
def test_what_has_no_safe_cut_stays_whole(text: str) -> None:
    assert list(chunks(text, newline_ends=True)) == [text]


def test_lines_of_chinese_are_cut_between_lines_where_that_is_safe() -> None:
    text = ("\u4f60\u597d\u3002" * 20 + "\n") * 100
    assert len(list(chunks(text, newline_ends=True))) > 3
    assert len(list(chunks(text, newline_ends=False))) == 1
