"""The share of quality that is kept: closed forms, and intervals that cover the truth as often as they say."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.models.distill.report import Kept
from llmopt.models.quality.result import Quality
from tests.models.extras import library

library("torch", "semantic")

from llmopt.models.distill.proof.kept import accuracy_ratio_interval, kept_of, texts_needed  # noqa: E402
from llmopt.models.quality.classes import Agreement  # noqa: E402

counts = st.integers(0, 400)


def quality(task: str, drop: float = 0.1, **figures: float) -> Quality:
    return Quality(task, 200, 2000, drop, drop - 0.05, drop + 0.05, "anything", **figures)  # type: ignore[arg-type]


def test_the_ratio_of_accuracies_is_of_the_same_texts() -> None:
    found = Agreement(same=180, score_error=0.1, labelled=200, right_before=160, right_after=152, lost=14, gained=6)
    kept = kept_of(quality("classify", agreement=0.9), found)
    assert (kept.metric, kept.value) == ("accuracy", 0.95)
    assert kept.low < 0.95 < kept.high
    apart = Agreement(same=100, score_error=0.1, labelled=200, right_before=160, right_after=152, lost=48, gained=40)
    wider = kept_of(quality("classify", agreement=0.5), apart)
    assert wider.high - wider.low > 1.5 * (kept.high - kept.low)


def test_without_labels_the_share_of_equal_labels_is_kept() -> None:
    unlabelled = Agreement(same=180, score_error=0.1, labelled=0, right_before=0, right_after=0, lost=0, gained=0)
    for found in (unlabelled, Agreement(180, 0.1, 200, 0, 3, 0, 3)):
        kept = kept_of(quality("classify", agreement=0.9), found)
        assert (kept.metric, kept.value) == ("labels", 0.9)
        assert (kept.low, kept.high) == pytest.approx((0.8507, 0.9343), abs=2e-4)  # Wilson of 180 in 200


def test_encoders_keep_neighbours_and_language_models_perplexity() -> None:
    kept = kept_of(quality("embed", top1_agreement=0.6))
    assert (kept.metric, kept.value) == ("nearest neighbours", 0.6)
    for task in ("generate", "fill"):
        kept = kept_of(quality(task, 0.25, top1_agreement=0.5))
        assert kept.metric == "perplexity"
        assert (kept.low, kept.value, kept.high) == pytest.approx((1 / 1.3, 0.8, 1 / 1.2))
    assert kept_of(quality("generate", 0.0, bits_per_byte_before=2.0)).metric == "bits per byte"


@given(counts, counts, counts)
def test_the_interval_holds_the_ratio_and_is_symmetric_in_ratio(both: int, lost: int, gained: int) -> None:
    if not (both + lost and both + gained):
        return
    low, high = accuracy_ratio_interval(both, lost, gained)
    assert 0 < low < (both + gained) / (both + lost) < high < math.inf
    back = accuracy_ratio_interval(both, gained, lost)
    assert (1 / back[1], 1 / back[0]) == pytest.approx((low, high))


def test_a_student_without_a_right_answer_has_an_interval_that_begins_at_nothing() -> None:
    low, high = accuracy_ratio_interval(0, 20, 0)
    assert low == 0
    assert 0 < high < 1


@pytest.mark.parametrize(("first", "lost", "gained"), [(0.9, 0.08, 0.04), (0.6, 0.2, 0.1), (0.8, 0.02, 0.02)])
def test_intervals_cover_the_truth_as_often_as_they_say(first: float, lost: float, gained: float) -> None:
    rng, texts, runs, held = random.Random(7), 150, 1500, 0
    truth = (first - lost + gained) / first
    for _ in range(runs):
        drawn = rng.choices(range(4), (first - lost, lost, gained, 1 - first - gained), k=texts)
        low, high = accuracy_ratio_interval(*(drawn.count(kind) for kind in range(3)))
        held += low <= truth <= high
    assert 0.93 <= held / runs <= 0.985


def test_texts_needed_shrink_the_interval_to_the_gate() -> None:
    kept = Kept("labels", 0.94, 0.90, 0.96)
    assert texts_needed(kept, 100, 0.95) == pytest.approx(400, abs=1)
    assert texts_needed(kept, 100, 0.92) == pytest.approx(400, abs=1)
    assert texts_needed(kept, 100, 0.94) is None
