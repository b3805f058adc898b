"""Mean days, and intervals of what is to come."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.pace import interval, tells_weekends, weights

SERIES = st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=40)
WEEKDAY = st.integers(0, 6)


@given(st.integers(1, 100), WEEKDAY)
def test_weights_add_up_to_one(days: int, weekday: int) -> None:
    assert sum(weights(days, weekday)) == 1


@given(st.integers(7, 100), WEEKDAY)
def test_each_weekday_weighs_a_seventh_from_a_week_on(days: int, weekday: int) -> None:
    found = weights(days, weekday)
    for wanted in range(7):
        assert sum(one for day, one in enumerate(found) if (weekday + day) % 7 == wanted) * 7 == 1


@pytest.mark.parametrize(
    ("days", "weekday", "free"), [(6, 1, (4, 5)), (6, 6, (0,)), (5, 3, (2, 3)), (5, 0, ()), (4, 4, ()), (3, 5, ())]
)
def test_below_a_week_weekends_weigh_two_sevenths_where_they_are_told(
    days: int, weekday: int, free: tuple[int, ...]
) -> None:
    found = weights(days, weekday)
    assert tells_weekends(days, weekday) == bool(free)
    if free:
        assert sum(found[day] for day in free) == Fraction(2, 7)
        assert len(set(found)) == 2
    else:
        assert found == [Fraction(1, days)] * days


@given(SERIES, WEEKDAY)
def test_the_middle_of_the_month_lies_in_its_interval(values: list[float], weekday: int) -> None:
    low, high = interval(values, weekday, resamples=200)
    middle = 30 * sum(
        float(weight) * value for weight, value in zip(weights(len(values), weekday), values, strict=True)
    )
    slack = 1e-9 * (1 + max(map(abs, values)))
    assert low - slack <= middle <= high + slack


@given(SERIES, WEEKDAY, st.integers(0, 5))
def test_the_same_seed_gives_the_same_interval(values: list[float], weekday: int, seed: int) -> None:
    assert interval(values, weekday, resamples=100, seed=seed) == interval(values, weekday, resamples=100, seed=seed)


@given(st.lists(st.integers(-1000, 1000).map(float), min_size=3, max_size=40), WEEKDAY)
def test_twice_the_dollars_have_an_interval_of_twice_the_dollars(values: list[float], weekday: int) -> None:
    low, high = interval(values, weekday, resamples=100)
    twice = interval([2 * value for value in values], weekday, resamples=100)
    assert twice == pytest.approx((2 * low, 2 * high), rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("days", [3, 7, 14, 30])
def test_days_that_are_all_alike_leave_nothing_open(days: int) -> None:
    assert interval([5.0] * days, 2) == pytest.approx((150.0, 150.0))


@pytest.mark.parametrize("size", [1e-300, 1e-150, 1e-9, 1e12, 1e200])
def test_the_size_of_the_amounts_does_not_matter(size: float) -> None:
    values = [1.0, 2.0, 4.0, 1.0, 2.0, 1.5, 0.5, 0.0]
    low, high = interval(values, 0)
    assert interval([size * value for value in values], 0) == pytest.approx((size * low, size * high), rel=1e-9)


def test_days_that_swing_to_and_fro_leave_something_open() -> None:
    low, high = interval([1.0, 3.0] * 3, 0)
    assert low < 50
    assert high > 70
    rare = interval([0.0] * 40 + [50.0] + [0.0] * 40, 0)
    assert rare[0] < 0
    assert rare[1] > 40


def test_nothing_saved_is_nothing_to_come() -> None:
    assert interval([0.0] * 9, 0) == (0.0, 0.0)


def test_a_weekly_pattern_alone_leaves_nothing_open_from_two_weeks_on() -> None:
    week = [1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 0.5]
    low, high = interval(week * 3, 0, horizon=28)
    assert (low, high) == pytest.approx((62.0, 62.0))
    low, high = interval((week * 2)[:13], 0, horizon=28)
    assert high - low > 10  # below two weeks only weekends are known


def test_days_that_depend_on_each_other_are_wider() -> None:
    rng = random.Random(3)
    values = [100 + rng.gauss(0, 10) for _ in range(42)]
    runs = sorted(values)
    narrow, wide = (interval(series, 0) for series in (values, runs))
    assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])


def test_a_long_tail_is_allowed_for_on_its_side() -> None:
    values = [1.0] * 6 + [1.5] * 6 + [9.0]
    low, high = interval(values, 0)
    mirrored = interval([-value for value in values], 0)
    middle = 30 * sum(float(weight) * value for weight, value in zip(weights(13, 0), values, strict=True))
    assert high - middle > 1.2 * (middle - low)
    assert (-middle - mirrored[0]) > 1.2 * (mirrored[1] + middle)


def test_more_days_narrow_the_interval() -> None:
    rng = random.Random(4)
    values = [100 + rng.gauss(0, 10) for _ in range(60)]
    widths = [high - low for low, high in (interval(values[:days], 0) for days in (7, 28, 60))]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize("weekly", [True, False])
def test_the_interval_holds_the_mean_month_and_the_next_one(weekly: bool) -> None:
    rng = random.Random(5)
    pattern = [1.2, 1.3, 1.25, 1.25, 1.1, 0.5, 0.4] if weekly else [1.0] * 7
    mean, held, held_next = 100 * sum(pattern) / 7, 0, 0
    for seed in range(100):
        days = [100 * pattern[day % 7] * max(rng.gauss(1, 0.25), 0) for day in range(20 + 30)]
        low, high = interval(days[:20], 0, resamples=400, seed=seed)
        held += low <= 30 * mean <= high
        held_next += low <= sum(days[20:]) <= high
    assert held >= 90
    assert held_next >= 90


def test_six_days_with_a_quiet_weekend_hold_the_mean_month_and_are_not_of_any_width() -> None:
    rng, held, widths = random.Random(6), 0, []
    pattern = [1.0, 1.1, 1.0, 0.9, 1.0, 0.1, 0.1]
    mean = sum(pattern) / 7
    for seed in range(100):
        first = seed % 7
        days = [pattern[(first + day) % 7] * max(rng.gauss(1, 0.1), 0) for day in range(6)]
        low, high = interval(days, first, resamples=400, seed=seed)
        held += low <= 30 * mean <= high
        widths.append((high - low) / (30 * mean))
    assert held >= 90
    assert sorted(widths)[50] < 1  # 6 if a weekend is taken for a part of the noise
