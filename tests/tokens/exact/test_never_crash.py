"""Nothing crashes, nothing hangs, and every count stays exact: a million blanks, 4 MB of one character, surrogates.

tiktoken panics on about a million blanks. There, counts are held against its pattern run by another regex engine
(`tests.tokens.oracle`), which agrees with tiktoken wherever that survives. 4 MB of one letter take tiktoken seconds;
their count is worked out from two shorter runs of the same letter.
"""

from __future__ import annotations

import faulthandler
import functools
import itertools
import os
import sys
import unicodedata
from collections.abc import Iterator
from random import Random
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.tokens.exact.runs import LongRuns
from llmopt.tokens.exact.tokenizer import ExactTokenizer
from llmopt.tokens.exact.vocabulary import encoding, partial_encoding, piece_encoding
from tests.tokens.corpus_strange import BLANKS, SPECIAL
from tests.tokens.oracle import ENGINES, NAMES, count_by, plain, regex_count, tiktoken_count

HANG_S = 60
MIXED = "".join(Random("blanks").choices(" \t\xa0\u3000\u2003", k=997))
ALIKE = {"space": " ", "tab": "\t", "nbsp": "\xa0", "newline": "\n", "crlf": "\r\n"}
RUNS = ALIKE | {"mixed": MIXED, "mixed lines": MIXED + "\n"}
NEIGHBOURS = ("", "a", "7", "!")
MILLION = 1_000_000
SURVIVED = 200_000
"""Blanks in a row that tiktoken takes."""
FOUR_MEGABYTES = 4_000_000
CHARACTERS = [
    *"aAxzZ0!-=#/.'\"{(_ \t\r\n\x00\x7f",
    *"\xa0\u00e9\u0430\u05d0\u0627\u0915\u0e01\u3042\u4e2d\uac00\u3000\u2028",
    *("\u0301", "\u0e31", "\u200d", "\ufe0f", "\u2500", "\ufeff", "\ufffd", "\ue000", "\uffff", "\ud83d", "\udc00"),
    *("\U0001f600", "\U00020000", "\U000e0001", "\U000f0000", "\U0010ffff", "\u0378", "\u00bd", "\u2167", "\u01c5"),
]
PERIOD = 9_600
"""A multiple of what repeats in a run of one character: three digits, or a power of two up to 128."""


@pytest.fixture(autouse=True)
def hang_guard(request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Stop the process with a traceback if a case hangs; say how long it took."""
    with capfd.disabled():
        terminal = os.dup(2)
    faulthandler.dump_traceback_later(HANG_S, exit=True, file=terminal)
    began = perf_counter()
    yield
    faulthandler.cancel_dump_traceback_later()
    os.close(terminal)
    sys.stderr.write(f"{request.node.name}: {perf_counter() - began:.2f} s\n")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Count by tiktoken alone, then with the fast engine from the first character on."""
    return count_by(str(request.param), monkeypatch)


def run_of(kind: str, length: int) -> str:
    run = RUNS[kind]
    return (run * (length // len(run) + 1))[:length]


@pytest.mark.parametrize("kind", RUNS)
@pytest.mark.parametrize("name", NAMES)
def test_a_million_blanks_count_as_the_pattern_says(name: str, kind: str) -> None:
    tokenizer = ExactTokenizer(name)
    run = run_of(kind, MILLION)
    for neighbour in NEIGHBOURS if kind in ALIKE else ("", "a"):
        text = neighbour + run + neighbour
        assert tokenizer.count(text).tokens == regex_count(text, name), neighbour


@pytest.mark.parametrize("kind", RUNS)
@pytest.mark.parametrize("name", NAMES)
def test_blanks_between_all_sorts_count_as_tiktoken_says(name: str, kind: str) -> None:
    tokenizer = ExactTokenizer(name)
    run = run_of(kind, 21_000)
    for before in ("", "a", "!\n"):
        for after in (*NEIGHBOURS, "\n", "\xa0", "\r\n", "/", "'s", "\u0301"):
            text = before + run + after
            expected = tiktoken_count(text, name)
            assert (tokenizer.count(text).tokens, regex_count(text, name)) == (expected, expected), (before, after)


@pytest.mark.parametrize("kind", RUNS)
@pytest.mark.parametrize("name", NAMES)
def test_the_other_engine_agrees_on_as_many_blanks_as_tiktoken_takes(name: str, kind: str) -> None:
    text = "x" + run_of(kind, SURVIVED) + "x"
    assert ExactTokenizer(name).count(text).tokens == regex_count(text, name) == tiktoken_count(text, name)


@pytest.mark.parametrize("kind", ALIKE)
@pytest.mark.parametrize("name", NAMES)
def test_four_megabytes_of_blanks_between_all_sorts(name: str, kind: str) -> None:
    tokenizer = ExactTokenizer(name)
    run = run_of(kind, FOUR_MEGABYTES)
    bare = tokenizer.count(run).tokens
    assert 0 < bare <= len(run.encode())
    for before, after in (("", "a"), ("7", ""), ("!", "!")) if len(RUNS[kind]) == 1 else (("a", "7"),):
        assert abs(tokenizer.count(before + run + after).tokens - bare) <= 6


@functools.cache
def four_megabytes_of(character: str, name: str) -> int:
    """Work out the tokens of 4 MB of a character from two short runs, as the growth between them repeats."""
    length = FOUR_MEGABYTES // len(character.encode("utf-8", "surrogatepass"))
    short = PERIOD + length % PERIOD
    first, second = (tiktoken_count(character * size, name) for size in (short, short + PERIOD))
    return first + (second - first) * ((length - short) // PERIOD)


@pytest.mark.parametrize("character", CHARACTERS, ids=ascii)
@pytest.mark.parametrize("name", NAMES)
def test_four_megabytes_of_one_character(name: str, character: str) -> None:
    text = character * (FOUR_MEGABYTES // len(character.encode("utf-8", "surrogatepass")))
    assert ExactTokenizer(name).count(text).tokens == four_megabytes_of(character, name)


@pytest.mark.parametrize("name", NAMES)
def test_long_runs_grow_as_the_expectation_above_takes_for_granted(name: str) -> None:
    for character in "a-=z \u4e2d\ufffd":
        counts = [tiktoken_count(character * (17_000 + times * PERIOD), name) for times in range(4)]
        assert len({second - first for first, second in itertools.pairwise(counts)}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_runs_in_a_longer_text_count_as_tiktoken_says(name: str, engine: str) -> None:
    tokenizer = ExactTokenizer(name)
    for character in CHARACTERS:
        for length in (4_096, 8_191, 8_192, 12_289, 40_001):
            text = f"It's {character * length}'s end.\n{character * 20_000}\n\n/x"
            assert tokenizer.count(text).tokens == tiktoken_count(text, name), (character, length)


@pytest.mark.parametrize("special", SPECIAL)
@pytest.mark.parametrize("name", NAMES)
def test_the_spelling_of_a_special_token_is_text(name: str, special: str, engine: str) -> None:
    tokenizer = ExactTokenizer(name)
    for text in (special, f"user said: {special}", f"a{special}b\n", special * 3_000):
        assert tokenizer.count(text).tokens == tiktoken_count(text, name)


@pytest.mark.parametrize("name", NAMES)
def test_lone_surrogates_count_as_tiktoken_repairs_them(name: str, engine: str) -> None:
    broken = ("\ud83d", "\ude00", "\ud83d\ude00", "\ude00\ud83d", "a\ud83db", "\ud83d \ude00", "\U0001f600\ud83d")
    for text in (*broken, *(one * 5_000 for one in broken), *("word " * 900 + one + " word" * 900 for one in broken)):
        expected = tiktoken_count(text, name)
        assert ExactTokenizer(name).count(text).tokens == expected
        assert regex_count(text, name) == expected
        assert [count.tokens for count in ExactTokenizer(name).count_many([text, "x", text])][::2] == [expected] * 2


@pytest.mark.parametrize("name", NAMES)
def test_first_counts_before_the_vocabulary_is_loaded(name: str) -> None:
    texts = ["", " ", "hello  world", " \t\tworld  ", "a\xa0 b", "x\r\n\r\n  y", "\u3000 \u4f60\u597d", "\n  \\"]
    for text in (
        *texts,
        *(text + special for text, special in zip(texts, SPECIAL, strict=False)),
        "\ud83d",
        "a\ude00 b",
    ):
        partial = partial_encoding(name, text)
        assert partial is not None
        assert len(partial.encode_ordinary(text)) == tiktoken_count(text, name), ascii(text)


LONG_OR_SHORT = st.integers(1, 40) | st.integers(1, 20_000) | st.sampled_from([4_095, 8_192, 12_288, 19_999, 20_000])
RUN = st.builds(str.__mul__, st.sampled_from([*BLANKS, *"aZ1!/'-", "\u4e2d", "\u0301", " \n", "\t "]), LONG_OR_SHORT)
WORDS = ["a", "B", "12", "!", "'s", "//\n", "\u00e9", "don't", "<|endoftext|>"]
PLAIN = st.text(max_size=12) | st.sampled_from(WORDS)
TEXTS = st.lists(st.tuples(PLAIN, RUN, PLAIN), min_size=1, max_size=4).map(lambda parts: "".join(map("".join, parts)))


@pytest.mark.parametrize("name", NAMES)
@given(text=TEXTS)
@settings(max_examples=60)
def test_runs_and_what_is_between_them_count_as_tiktoken_says(name: str, text: str) -> None:
    expected = tiktoken_count(text, name)
    assert ExactTokenizer(name).count(text).tokens == expected
    assert regex_count(text, name) == expected


@pytest.mark.parametrize("name", NAMES)
@given(text=TEXTS, step=st.sampled_from([1_024, 2_000]), blank_step=st.sampled_from([1, 2, 7, 100, 1_000]))
@settings(max_examples=60)
def test_where_a_run_counts_as_long_makes_no_difference(name: str, text: str, step: int, blank_step: int) -> None:
    runs = LongRuns(
        encoding(name),
        functools.partial(piece_encoding, name),
        blanks_end=r"\s++$" in plain(name)._pat_str,
        step=step,
        blank_step=blank_step,
    )
    assert runs.count(text) == tiktoken_count(text, name)


@pytest.mark.parametrize("name", NAMES)
def test_every_character_in_a_text_of_its_neighbours(name: str, engine: str) -> None:
    """All of Unicode, assigned or not, each once: 256 at a time, spaced and unspaced."""
    tokenizer = ExactTokenizer(name)
    blocks = [range(start, start + 256) for start in range(0, sys.maxunicode, 256) if worth(start)]
    texts = [joint.join(map(chr, block)) for block in blocks for joint in ("", " ", "a")]
    counted = [count.tokens for count in tokenizer.count_many(texts)]
    pairs = zip(texts, counted, strict=True)
    wrong = [ascii(text[0]) for text, tokens in pairs if tokens != tiktoken_count(text, name)]
    assert wrong == []


def worth(start: int) -> bool:
    """Whether a block holds characters, or is the first of a plane's unassigned or private ones."""
    assigned = any(unicodedata.category(chr(code)) not in ("Cn", "Co") for code in range(start, start + 256))
    return assigned or start % 0x4000 == 0
