"""The table of word costs, and the features that hold them; costs and counts were recorded from ctok 1.3.0."""

from __future__ import annotations

import json
import time
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.tokens.estimate import features
from llmopt.tokens.estimate.estimator import estimator
from llmopt.tokens.estimate.worded import NAMES, measure
from llmopt.tokens.estimate.words import costs, is_whole
from llmopt.tokens.exact.vocabulary import encoding

TABLE = resources.files("llmopt.tokens.estimate").joinpath("data", "words.json")
REPEATED = [
    ("hello world and so on ", 2000, 10001, 12001),
    ("Xin chào, tôi muốn hỏi về đơn hàng số 48213 của tôi. ", 300, 9901, 9901),
    ("THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG. ", 300, 5401, 9301),
    ('{"id": 12, "name": "An"}, ', 400, 5201, 6001),
    ("def f(x):\n    return x + 1\n\n", 300, 3899, 3899),
    ("你好。我想查询一下我的订单。", 300, 4201, 4201),
]
"""A text, how often it is repeated, and the tokens of it in Claude 3 and in Claude 4.7."""


def named(text: str, o200k_tokens: int = 0) -> dict[str, float]:
    """Return the features that are not 0, letters left out."""
    values = zip(NAMES, measure(text, o200k_tokens), strict=True)
    return {name: value for name, value in values if value and not name.startswith("letter_")}


def tokens(text: str) -> int:
    return len(encoding("o200k_base").encode_ordinary(text))


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ("the", (1, 1, 1)),
        ("hello", (1, 1, 2)),
        ("Hello", (1, 1, 3)),
        ("THE", (1, 1, 2)),
        ("return", (1, 1, 1)),
        ("không", (1, 1, 1)),
        ("Việt", (1, 3, 3)),
        ("xkcdqwzt", None),
    ],
)
def test_costs_of_words(run: str, expected: tuple[int, int, int] | None) -> None:
    assert costs(run) == expected


def test_whole_characters() -> None:
    assert is_whole("中")
    assert not is_whole("龘")
    assert not is_whole("a")


def test_the_table_is_small_and_says_where_it_comes_from() -> None:
    packed = TABLE.read_bytes()
    loaded = json.loads(packed)
    assert len(packed) <= 260_000
    assert loaded["tokenizers"]["claude-4.7"] == "ctok 1.3.0 (4.7)"
    assert {"about", "date", "made_of"} <= set(loaded)
    listed = [word for words in loaded["words"].values() for word in words.split(" ")]
    assert len(set(listed)) == len(listed) > 15_000


def test_a_listed_word_adds_its_costs_and_no_shape() -> None:
    found = named(" hello")
    assert found == {"word_o200k": 1, "word_claude_3": 1, "word_claude_47": 2, "space": 1}
    assert sum(measure(" hello", 0)) == 5


def test_other_words_have_a_shape() -> None:
    assert named(" xkcdqwzt") == {"word_6_8": 1, "vowelless": 1, "vowelless_letters": 8, "space": 1}
    assert named(" getUserXkcdqwzt")["humps"] == 3


def test_parts_of_camel_case_are_looked_up() -> None:
    found = named(" returnUserHello")
    assert found["humps"] == 3
    assert found["humps_claude_3"] == sum((costs(part) or (0, 0, 0))[1] for part in ("return", "User", "Hello"))


def test_foreign_scripts_weigh_by_their_share() -> None:
    assert named("ไทย", 10)["foreign_o200k"] == 10
    assert named("ไทยabc", 10)["foreign_o200k"] == 5
    assert "foreign_o200k" not in named("hello", 10)


@given(st.text(st.characters(exclude_categories=()), max_size=300))
def test_only_counts_of_whole_texts_remain(text: str) -> None:
    """Characters that are taken back out of their classes were counted there."""
    assert min(measure(text, 7)) >= 0
    assert len(measure(text, 7)) == len(NAMES) > len(features.NAMES)


@pytest.mark.parametrize(("unit", "times", "third", "later"), REPEATED)
def test_repeated_texts_lie_within_their_intervals(unit: str, times: int, third: int, later: int) -> None:
    text = unit * times
    for name, true in (("claude-3", third), ("claude-4.7", later)):
        count = estimator(name).estimate(text, tokens(text))
        assert count.low <= true <= count.high
        assert abs(count.tokens - true) < 0.16 * true


@pytest.mark.parametrize("unit", ["a", " ", "é", "中", "😀", "-", "\n", "0", "aB3+", "the ", "กา"])
def test_a_long_text_of_one_kind_is_quick(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    start = time.process_time()
    measure(text, 0)
    assert time.process_time() - start < 1.0
