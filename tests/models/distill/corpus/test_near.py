"""Near-duplicates are found, all of them, and other texts are left alone."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.models.distill.corpus.near import MOST_WORDS, features, is_near, near_any

SENTENCE = "the quick brown fox jumps over the lazy dog while seven old wizards watch from a distant hill"
WORDS = SENTENCE.split()


def near(one: str, other: str) -> bool:
    (found,) = near_any([one], [other])
    assert near_any([other], [one]) == [found]
    return found


@pytest.mark.parametrize(
    "other",
    [
        SENTENCE,
        SENTENCE.upper() + "!",
        "  ".join(WORDS).replace("fox", "fox,"),
        SENTENCE.replace("lazy", "sleepy"),
        " ".join(WORDS[:-2]),
        "Once upon a time, " + SENTENCE + ", and then all of them went home to sleep for a very long time indeed",
        SENTENCE.replace("fox", "\uff46\uff4f\uff58"),
    ],
)
def test_near(other: str) -> None:
    assert near(SENTENCE, other)


@pytest.mark.parametrize(
    "other",
    [
        " ".join(sorted(WORDS)),
        SENTENCE.replace("quick", "slow").replace("jumps", "leaps").replace("wizards", "cats"),
        "the quick brown fox",
        "an entirely different text about something else that has as many words as the one above it has",
    ],
)
def test_not_near(other: str) -> None:
    assert not near(SENTENCE, other)


def test_features_are_words_and_runs_of_three() -> None:
    assert features("One two, ONE two_three") == {
        *("one", "two", "three"),
        *[("one", "two", "one"), ("two", "one", "two"), ("one", "two", "three")],
    }
    assert features("?! ?") == {"?!?"}
    assert features("日本語 ok") == {"日", "本", "語", "ok", ("日", "本", "語"), ("本", "語", "ok")}


def test_small_texts_differ_by_a_word() -> None:
    assert near("Cancel my order!", "cancel  my order")
    assert near("!!!", "! !!")
    assert not near("!!!", "???")
    assert not near("how do I cancel my order", "how do I cancel my card")
    assert near("how do I cancel my last order", "how do I cancel my last card")


def test_scripts_without_blanks_are_compared_by_letters() -> None:
    text = "東京は日本の首都であり世界で最も人口の多い都市の一つです"
    assert near(text, text.replace("最", "一番"))
    assert not near(text, "京都は古い寺と庭園で知られる美しい町として有名であり続ける")


def test_only_the_beginning_of_long_texts_is_compared() -> None:
    start = " ".join(f"w{at}" for at in range(MOST_WORDS))
    assert near(start + " one more", start + " and quite another end")


def test_thresholds_in_numbers() -> None:
    assert is_near(75, 100, 100)
    assert not is_near(74, 100, 100)
    assert is_near(30, 40, 4_000)
    assert not is_near(24, 24, 40)
    assert is_near(7, 8, 9)
    assert not is_near(6, 8, 8)


SMALL_TEXTS = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=12).map(" ".join)


@given(st.lists(SMALL_TEXTS, max_size=8), st.lists(SMALL_TEXTS, max_size=8), st.integers(1, 8), st.integers(0, 9))
def test_the_index_finds_what_comparing_all_pairs_does(
    texts: list[str], others: list[str], chunk: int, few: int
) -> None:
    def one(text: str, other: str) -> bool:
        mine, theirs = features(text), features(other)
        return is_near(len(mine & theirs), len(mine), len(theirs))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("llmopt.models.distill.corpus.near.FEW", few)
        found = near_any(texts, others, chunk=chunk)
    assert found == [any(one(text, other) for other in others) for text in texts]


@given(st.lists(st.sampled_from(WORDS), min_size=5, max_size=40), st.data())
def test_case_blanks_and_punctuation_do_not_count(words: list[str], data: st.DataObject) -> None:
    other = "".join(
        data.draw(st.sampled_from([word, word.upper(), word.title()])) + data.draw(st.sampled_from([" ", ", ", "\n"]))
        for word in words
    )
    assert near(" ".join(words), other)
    assert re.sub(r"\W+", " ", other.lower()).strip() == " ".join(words)
