"""Long runs count as tiktoken counts them, where it can; thresholds are lowered so that small texts have them."""

from __future__ import annotations

import functools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llmopt.tokens.exact.runs import LongRuns
from llmopt.tokens.exact.vocabulary import VOCABULARIES, piece_encoding
from tests.tokens.exact.test_chunks import GPT2
from tests.tokens.oracle import plain

CHARACTERS = " \t\n\r\u00a0\u3000aAz!-=/*'_.19\u0661\u00e9\u0301\u4f60\U0001f600\x00\ud800"
ENDS = st.text(alphabet=" \t\n\r\u00a0aA!/'19s\u00e9\u0301\u4f60", max_size=6)
PIECES = st.tuples(ENDS, st.sampled_from(CHARACTERS), st.integers(1, 1500))


def runs(name: str, step: int = 256, blank_step: int = 50) -> LongRuns:
    if name == "gpt2":
        ranks = plain("cl100k_base")._mergeable_ranks
        whole = functools.partial(piece_encoding, "cl100k_base")
        assert ranks
        return LongRuns(GPT2, whole, newline_ends=False, blanks_end=True, step=step, blank_step=blank_step)
    blanks_end = r"\s++$" in VOCABULARIES[name].pattern
    whole = functools.partial(piece_encoding, name)
    return LongRuns(plain(name), whole, blanks_end=blanks_end, step=step, blank_step=blank_step)


LOW = {name: runs(name) for name in ("o200k_base", "cl100k_base", "gpt2")}


@pytest.mark.parametrize("name", list(LOW))
@example(parts=[("", "\u0661", 857), ("1", "1", 1)], end="")
@given(parts=st.lists(PIECES, min_size=1, max_size=3), end=ENDS)
@settings(max_examples=150)
def test_runs_of_one_character(name: str, parts: list[tuple[str, str, int]], end: str) -> None:
    text = "".join(before + character * times for before, character, times in parts) + end
    assert LOW[name].count(text) == len(LOW[name].encoding.encode_ordinary(text))


@pytest.mark.parametrize("name", list(LOW))
@given(
    before=ENDS,
    blanks=st.lists(st.sampled_from([" ", "\t", "\u00a0", "\u3000", "\n", "\r\n", " \t", "\u2003 "]), max_size=400),
    end=ENDS,
)
@settings(max_examples=150)
def test_runs_of_mixed_blanks(name: str, before: str, blanks: list[str], end: str) -> None:
    text = "x" * 600 + before + "".join(blanks) + end
    assert LOW[name].count(text) == len(LOW[name].encoding.encode_ordinary(text))


@pytest.mark.parametrize("name", ["o200k_base", "cl100k_base"])
@pytest.mark.parametrize("shape", ["{}", "{}a", "b{}", "!{}a", "1{}\n", "\n{}/", "  {}x", "b{}'s", "a\n{}\nb"])
@pytest.mark.parametrize("character", CHARACTERS)
def test_real_thresholds(name: str, shape: str, character: str) -> None:
    found = REAL[name]
    text = shape.format(character * 20_011)
    assert found.count(text) == len(found.encoding.encode_ordinary(text))


REAL = {name: runs(name, step=4096, blank_step=10_000) for name in ("o200k_base", "cl100k_base")}


def test_what_repeats_in_a_run_is_found_once() -> None:
    found = runs("o200k_base", step=4096)
    found.count("-" * 20_000)
    assert found._periods == {"-": (64, 1)}


def test_a_text_of_many_runs_below_the_threshold_is_left_to_tiktoken() -> None:
    text = ("word" + " " * 4000 + "\n") * 5
    found = runs("o200k_base", step=4096)
    assert found.count(text) == len(found.encoding.encode_ordinary(text))
    assert found._periods == {}
