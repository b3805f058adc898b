"""Intervals hold the truth as often as they say, never shrink to a point, and tell how many texts a gate needs."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.models.quality.intervals import Estimate, mapped, ratio, share, share_lost


@pytest.mark.parametrize(
    ("count", "texts", "low", "high"),
    [
        # Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0000),
    ],
)
def test_a_share_has_wilsons_interval(count: int, texts: int, low: float, high: float) -> None:
    found = share(count, texts)
    assert found.value == count / texts
    assert [found.low, found.high] == pytest.approx([low, high], abs=5e-5)


@given(st.integers(1, 5000), st.data())
def test_a_share_is_inside_its_interval_and_never_certain(texts: int, data: st.DataObject) -> None:
    found = share(data.draw(st.integers(0, texts)), texts)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.high - found.low > 1 / (texts + 4)


@given(st.integers(1, 3000), st.data())
def test_what_was_lost_is_inside_its_interval_and_never_certain(texts: int, data: st.DataObject) -> None:
    lost = data.draw(st.integers(0, texts))
    gained = data.draw(st.integers(0, texts - lost))
    found, other = share_lost(lost, gained, texts), share_lost(gained, lost, texts)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.high - found.low > 1 / (texts + 4)
    assert [found.low, found.high] == pytest.approx([-other.high, -other.low])


def test_nothing_seen_to_change_is_not_nothing_changed() -> None:
    assert share(0, 30).high == pytest.approx(0.1135, abs=1e-4)
    found = share_lost(0, 0, 30)
    assert [found.value, found.low, found.high] == pytest.approx([0, -0.0866, 0.0866], abs=1e-3)


@pytest.mark.parametrize(("lost", "gained", "texts"), [(0.02, 0.005, 100), (0.1, 0.05, 40), (0.01, 0.01, 300)])
def test_paired_intervals_hold_the_truth_as_often_as_they_say(lost: float, gained: float, texts: int) -> None:
    rng = random.Random(1)
    held = 0
    for _ in range(1000):
        kinds = rng.choices((1, -1, 0), (lost, gained, 1 - lost - gained), k=texts)
        found = share_lost(kinds.count(1), kinds.count(-1), texts)
        held += found.low <= lost - gained <= found.high
    assert held >= 935


@pytest.mark.parametrize("texts", [2, 5, 20, 200])
def test_ratios_of_skewed_texts_hold_the_truth(texts: int) -> None:
    """Texts of very different lengths, each with an error of its own that its tokens share."""
    rng = random.Random(2)
    held = 0
    for _ in range(600):
        tokens = [rng.randint(2, 200) for _ in range(texts)]
        gained = [count * (0.03 + rng.gauss(0, 0.05)) + rng.gauss(0, math.sqrt(count) * 0.3) for count in tokens]
        found = ratio(gained, tokens)
        held += found.low <= 0.03 <= found.high
    assert held >= 0.90 * 600


def test_a_ratio_is_of_totals() -> None:
    found = ratio([1, 2, 6], [1, 4, 5])
    assert found.value == pytest.approx(0.9)
    # residues 0.1, -1.6, 1.5; s = sqrt(4.82 / 2); mean of the denominators 10 / 3; t of 2 degrees 4.303
    spread = 4.303 * math.sqrt(4.82 / 2) / (10 / 3) / math.sqrt(3)
    assert [found.low, found.high] == pytest.approx([0.9 - spread, 0.9 + spread], abs=0.02)


def test_a_function_of_an_estimate() -> None:
    base = ratio([0.0, 0.1, 0.3], [1, 1, 2])
    found = mapped(base, math.expm1)
    assert (found.value, found.low, found.high) == tuple(map(math.expm1, (base.value, base.low, base.high)))
    assert found.at(10) == tuple(map(math.expm1, base.at(10)))


def test_texts_that_a_gate_needs() -> None:
    assert share(0, 30).texts_needed(0.02) == pytest.approx(189, abs=2)
    found: list[Estimate] = [
        share(1, 100),
        share_lost(3, 1, 100),
        mapped(ratio([0.1, 0.5, -0.2], [9, 8, 7]), math.expm1),
    ]
    for estimate in found:
        needed = estimate.texts_needed(0.03)
        assert needed is not None
        assert needed > estimate.texts
        for texts, inside in ((needed, False), (0.97 * needed, True)):
            low, high = estimate.at(texts)
            assert (low <= 0.03 <= high) == inside


def test_no_number_of_texts_tells_a_drop_that_is_at_the_gate() -> None:
    assert share(2, 100).texts_needed(0.02) is None
