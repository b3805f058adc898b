"""The cost-quality curve by hand, and what must hold of any."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.savings.routing_curve import Scored, chosen, curve_of, recommended, routed
from llmopt.savings.routing_ranking import found_by

CENT, DIME = Decimal("0.01"), Decimal("0.10")


def scored(score: float, cheap: float, strong: float, cents: tuple[int, int] = (1, 10)) -> Scored:
    return Scored(score, cheap, strong, CENT * cents[0], CENT * cents[1])


FOUR = [scored(0.9, 0, 1), scored(0.6, 0, 1), scored(0.4, 1, 1), scored(0.1, 1, 1)]
"""The score is right about all four."""


def test_four_prompts_by_hand() -> None:
    curve = curve_of(FOUR)
    assert curve.cheap.usd == Decimal("0.04")
    assert curve.strong.usd == Decimal("0.40")
    assert (curve.cheap.quality, curve.strong.quality, curve.oracle.quality) == (0.5, 1.0, 1.0)
    assert curve.oracle.usd == Decimal("0.22")
    assert curve.gap.value == 0.5
    # gain kept at 0, 1/4, ... 1 of the prompts: 0, 0.5, 1, 1, 1; the area under the lines between
    assert curve.margin.value == pytest.approx(0.5 * (0.25 * (0.25 + 0.75 + 1 + 1) - 0.5))
    # four prompts cannot say for certain that the strong model is better
    assert curve.gap.low <= 0
    assert curve.area is None
    many = curve_of(FOUR * 30)
    assert many.area is not None
    assert many.area.value == pytest.approx(0.75)
    assert many.area.low < 0.75 < many.area.high


def test_the_threshold_in_dollars() -> None:
    at = chosen(FOUR, lambda one: one.score >= 0.5, threshold=0.5)
    assert at.point.strong_share == 0.5
    assert at.point.usd == Decimal("0.22")
    assert at.point.gap_kept == 1.0
    assert at.saved.value == pytest.approx(1 - 0.22 / 0.40)
    assert at.lost.value == 0
    # half of the difference in dollars is spent, so a random router gets half of the gain
    assert at.point.random_quality == pytest.approx(0.75)
    assert at.lift is not None
    assert at.lift.value == pytest.approx(0.25)


def test_the_best_in_hindsight_leaves_out_what_the_strong_model_spoils() -> None:
    curve = curve_of([scored(0.9, 1, 0), scored(0.1, 0, 1)])
    assert curve.oracle.quality == 1.0
    assert curve.oracle.strong_share == 0.5
    assert curve.cheap.gap_kept is None  # both are as good: there is no gain to keep


def test_a_strong_model_that_costs_no_more_has_no_random_line() -> None:
    same = [scored(0.5, 0, 1, (10, 10)) for _ in range(3)]
    assert curve_of(same).cheap.random_quality is None
    assert chosen(same, lambda _: True).lift is None
    free = [scored(0.5, 0, 1, (0, 0))]
    assert chosen(free, lambda _: True).saved.value == 0


def test_prompts_of_one_score_are_never_parted() -> None:
    curve = curve_of([scored(0.5, 0, 1) for _ in range(10)])
    assert [point.strong_share for point in curve.points] == [0.0, 1.0]


def test_prompts_of_one_score_count_as_mixed() -> None:
    prompts = [scored(0.5, 0, float(number < 40)) for number in range(100)]
    for order in (prompts, prompts[::-1]):
        curve = curve_of(order)
        assert curve.area is not None
        assert [curve.margin.value, curve.margin.low, curve.margin.high] == pytest.approx([0, 0, 0], abs=1e-12)
        assert curve.area.value == pytest.approx(0.5)
        assert curve.best_area == pytest.approx(0.8)
    found = found_by([(0.5, float(number < 40)) for number in range(100)], 0.5)
    assert found.margin.high == pytest.approx(0, abs=1e-12)


def test_a_useless_score_is_a_random_router() -> None:
    rng = random.Random(1)
    prompts = [scored(rng.random(), float(rng.random() < 0.5), 1.0) for _ in range(1000)]
    curve = curve_of(prompts)
    assert curve.area is not None
    assert curve.area.low < 0.5 < curve.area.high
    assert curve.margin.low < 0 < curve.margin.high


qualities = st.floats(0, 1)
some = st.lists(
    st.builds(scored, st.floats(0, 1), qualities, qualities, st.tuples(st.integers(0, 5), st.integers(5, 99))),
    min_size=1,
    max_size=12,
)


@given(some)
def test_of_any_prompts(prompts: list[Scored]) -> None:
    curve = curve_of(prompts)
    assert curve.points[0].usd == curve.cheap.usd <= curve.strong.usd == curve.points[-1].usd
    shares = [point.strong_share for point in curve.points]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert all(curve.cheap.usd <= point.usd <= curve.strong.usd for point in curve.points)
    assert all(point.quality <= curve.oracle.quality + 1e-9 for point in curve.points)
    assert curve.gap.low <= curve.gap.value + 1e-9
    backwards = curve_of([replace(one, score=-one.score) for one in reversed(prompts)])
    assert backwards.margin.value == pytest.approx(-curve.margin.value, abs=1e-9)


@given(some, st.floats(0, 1))
def test_any_threshold_is_on_the_way_between(prompts: list[Scored], threshold: float) -> None:
    point = routed(prompts, lambda one: one.score >= threshold, threshold)
    assert point.usd == sum(
        (one.strong_usd if one.score >= threshold else one.cheap_usd for one in prompts), Decimal(0)
    )
    assert 0 <= point.strong_share <= 1


def test_the_recommended_threshold_keeps_what_is_wanted() -> None:
    prompts = [(0.9, 1.0), (0.6, 1.0), (0.4, 0.0), (0.1, 0.0)]
    assert recommended(prompts, 0.45) == 0.9
    assert recommended(prompts, 0.75) == 0.6
    assert recommended(prompts, 1.0) == 0.1
    assert recommended([(0.123456, 1.0)], 0.9) == 0.1234  # rounded down, so that it is among those kept
    assert recommended([(0.0000123456, 1.0)], 0.9) == 0.00001234
    assert recommended([(1.0, 1.0)], 0.9) == 1.0
    assert recommended([(0.9, 1.0), (0.5, 1.0), (0.4, 0.0), (0.1, 0.0)], 0.85, floor=-0.2) == 0.5
    assert recommended([(0.1, 1.0)], 0.9, floor=-0.5) == math.inf
    assert recommended([(0.9, -1.0), (0.1, 0.5)], 0.9) == math.inf
    assert recommended([], 0.9) == math.inf


def test_what_a_score_finds() -> None:
    found = found_by([(0.9, 1.0), (0.6, 1.0), (0.4, 0.0), (0.1, 0.0)], 0.5)
    assert (found.prompts, found.shortfall) == (4, 0.5)
    assert (found.chosen.share, found.chosen.found) == (0.5, 1.0)
    assert found.points[-1].found == 1.0
    assert found.margin.value == pytest.approx(0.25)
    nothing = found_by([(0.9, 0.0)], math.inf)
    assert nothing.chosen.share == nothing.chosen.found == nothing.margin.value == 0
