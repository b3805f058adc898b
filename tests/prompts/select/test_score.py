"""What the query asks for scores highest."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from llmopt.prompts.select.score import scores
from llmopt.prompts.select.unit import Unit
from llmopt.prompts.select.window import best_window, word_ends, word_starts


def best(query: str, *texts: str, groups: Sequence[int] = ()) -> str:
    units = [Unit(0, len(text), group) for text, group in zip(texts, groups or range(len(texts)), strict=True)]
    found = scores(texts, units, query)
    return texts[found.index(max(found))]


@pytest.mark.parametrize(
    ("query", "answer", "other"),
    [
        ("How many cranes stood there?", "Nine cranes stood there.", "The cranes stood there idle."),
        ("When did the mill burn?", "The mill burned in 1911.", "The mill burned down to the ground."),
        ("Who led the choir?", "The choir was led by Ada Lind.", "The choir was led well and often."),
        ("Cối xay cháy khi nào?", "Cối xay cháy vào năm 1911.", "Cối xay cháy rất to và lâu."),
        ("the old mill", "Past the old mill.", "Old wheels, and the new mill."),
        ("rare word", "A rare word.", "A word, a word, a word, a word, a word."),
    ],
)
def test_the_kind_and_the_place_of_words_count(query: str, answer: str, other: str) -> None:
    assert best(query, other, answer) == answer
    assert best(query, answer, other) == answer


def test_the_paragraph_and_the_sentence_before_count() -> None:
    texts = ("The mill was old.", "It burned.", "It rained.", "The sea is wide.")
    assert best("What of the old mill?", *texts[1:], texts[0], groups=(1, 2, 3, 1)) == texts[0]
    units = [Unit(0, 1, group) for group in (0, 0, 1, 1)]
    found = scores((texts[0], texts[1], texts[2], texts[3]), units, "What of the mill?")
    assert found[1] > found[2]


def test_a_header_counts_for_what_is_under_it() -> None:
    units = [
        Unit(0, 1, 0, "header", host=0),
        Unit(0, 1, 1, host=0),
        Unit(0, 1, 2, "header", host=1),
        Unit(0, 1, 3, host=1),
    ]
    found = scores(("Ovens", "They are hot.", "Cranes", "They are tall."), units, "cranes")
    assert found[3] > found[1]


def test_a_window_holds_what_is_asked_for() -> None:
    text = "the mill was old, the miller was young, the wheel broke in 1911, the roof fell, and all was sold"
    start, end = best_window(text, 0, len(text), "When did the wheel break?", 40)
    assert "1911" in text[start:end]
    assert end - start <= 60
    word = "x" * 500
    start, end = best_window(word, 0, 500, "x", 40)
    assert 0 < end - start <= 40


def test_words_that_are_very_long_are_cut() -> None:
    assert word_ends("one two three", 0, 13, 2) == [3, 7]
    assert word_starts("one two three", 0, 13, 2) == [8, 4]
    assert word_ends("x" * 100, 0, 100, 2) == [24, 48]
    assert word_starts("", 0, 0, 5) == []


class Told:
    """A scorer that has been told what to say."""

    def __init__(self, *scores: float) -> None:
        self.scores = scores

    def score(self, query: str, passages: Sequence[str]) -> Sequence[float]:
        return self.scores


TEXTS = ("The mill burned in 1911.", "Bread was made next door.", "Rain fell.")


@pytest.mark.parametrize(
    ("query", "told", "answer"),
    [
        ("Where did people buy food?", (0.1, 0.8, 0.1), 1),  # no word of the query is known: the other opinion decides
        ("When did the mill burn?", (0.5, 0.6, 0.1), 0),  # it is sure by its words
        ("When did the mill burn?", (0.3, 0.3, 0.3), 0),  # no opinion
        ("Where did people buy food?", (100.0, 800.0, 100.0), 1),
    ],
)
def test_another_opinion_is_weighed_against_the_words(query: str, told: Sequence[float], answer: int) -> None:
    units = [Unit(0, len(text), number) for number, text in enumerate(TEXTS)]
    found = scores(TEXTS, units, query, Told(*told))
    assert found.index(max(found)) == answer


@pytest.mark.parametrize("told", [(float("nan"), 1.0, 2.0), (float("inf"), 0.0, 0.0)])
def test_an_opinion_that_is_no_number_is_left_out(told: Sequence[float]) -> None:
    units = [Unit(0, len(text), number) for number, text in enumerate(TEXTS)]
    assert scores(TEXTS, units, "mill", Told(*told)) == scores(TEXTS, units, "mill")
