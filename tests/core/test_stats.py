import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.stats import (
    block_length,
    bootstrap_interval,
    median,
    quantile,
    samples_needed,
    t_quantile,
    upper_bound,
    wilson_interval,
)

VALUES = st.lists(st.floats(0, 1e6), min_size=1, max_size=60)
SHARES = st.floats(0, 1)


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


@pytest.mark.parametrize(("q", "needed"), [(0.5, 5), (0.9, 29), (0.95, 59), (0.99, 299)])
def test_the_largest_of_so_many_bounds_a_quantile(q: float, needed: int) -> None:
    assert samples_needed(q) == needed
    assert upper_bound(range(needed), q) == needed - 1
    assert upper_bound(range(needed - 1), q) is None


def test_less_confidence_needs_fewer_samples() -> None:
    assert samples_needed(0.99, 0.5) == 69
    assert samples_needed(0.01) == 1


@pytest.mark.parametrize(
    ("n", "q", "rank"), [(3, 0.5, 2), (4, 0.5, 3), (100, 0.99, 100), (299, 0.99, 297), (1, 0, 1), (5, 1, 5)]
)
def test_a_quantile_is_the_value_of_the_weibull_rank(n: int, q: float, rank: int) -> None:
    assert quantile(range(1, n + 1), q) == rank


@given(VALUES, SHARES, SHARES)
def test_quantiles_are_values_and_grow(values: list[float], one: float, other: float) -> None:
    ascending = sorted(values)
    low, high = sorted((one, other))
    assert quantile(ascending, low) in values
    assert quantile(ascending, low) <= quantile(ascending, high)


@given(VALUES, st.floats(0, 1))
def test_a_quantile_is_never_below_the_interpolated_one(values: list[float], q: float) -> None:
    ascending = sorted(values)
    at = q * (len(ascending) - 1)
    interpolated = ascending[math.floor(at)] + (at % 1) * (ascending[math.ceil(at)] - ascending[math.floor(at)])
    below_half = q < 0.5
    assert below_half or quantile(ascending, q) >= interpolated * (1 - 1e-9)


@given(VALUES)
def test_as_many_values_are_below_the_median_as_above(values: list[float]) -> None:
    middle = median(values)
    assert sum(value < middle for value in values) <= len(values) / 2
    assert sum(value > middle for value in values) <= len(values) / 2


def test_the_median_of_an_even_number_is_between_the_two_in_the_middle() -> None:
    assert median([4, 1, 2, 3]) == 2.5
    assert median([3, 1, 2]) == 2


@given(st.integers(1, 400), st.floats(0.05, 0.995), st.sampled_from([0.5, 0.9, 0.95]))
def test_an_upper_bound_is_the_first_rank_that_is_safe(n: int, q: float, confidence: float) -> None:
    def below(rank: int) -> float:
        return math.fsum(math.comb(n, k) * q**k * (1 - q) ** (n - k) for k in range(rank, n + 1))

    bound = upper_bound([float(value) for value in range(1, n + 1)], q, confidence)
    allowed = 1 - confidence
    if bound is None:
        assert below(n) > allowed * (1 - 1e-9)
        return
    rank = int(bound)
    assert below(rank) <= allowed * (1 + 1e-9)
    assert rank == 1 or below(rank - 1) > allowed * (1 - 1e-9)


def test_an_upper_bound_of_very_many_values_is_found() -> None:
    bound = upper_bound(range(100_000), 0.99)
    assert bound is not None
    assert 99_000 < bound < 99_100


def test_blocks_grow_with_the_cube_root() -> None:
    assert [block_length(n) for n in (0, 1, 8, 9, 27, 1000)] == [1, 1, 2, 3, 3, 10]


@pytest.mark.parametrize(("freedom", "exact"), [(2, 4.303), (3, 3.182), (5, 2.571), (30, 2.042), (1e9, 1.960)])
def test_t_is_near_the_tables(freedom: float, exact: float) -> None:
    assert t_quantile(0.975, freedom) == pytest.approx(exact, rel=0.01)


def test_an_interval_of_one_value_is_a_point() -> None:
    assert bootstrap_interval([3.0], mean) == (3, 3)


def test_an_interval_is_the_same_for_the_same_seed() -> None:
    values = [random.Random(1).random() for _ in range(40)]
    assert bootstrap_interval(values, mean, seed=5) == bootstrap_interval(values, mean, seed=5)


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=30), st.sampled_from([None, 1, 4, 100]))
def test_an_interval_is_within_the_values(values: list[float], block: int | None) -> None:
    low, high = bootstrap_interval(values, mean, resamples=50, block=block)
    assert min(values) * (1 - 1e-9) <= low <= high <= max(values) * (1 + 1e-9)


def test_more_confidence_is_wider() -> None:
    rng = random.Random(2)
    values = [rng.gauss(0, 1) for _ in range(60)]
    low, high = bootstrap_interval(values, mean, confidence=0.5)
    lower, higher = bootstrap_interval(values, mean, confidence=0.99)
    assert lower < low < high < higher


@pytest.mark.parametrize(("n", "carried", "least"), [(12, 0.0, 0.88), (30, 0.0, 0.9), (100, 0.3, 0.86)])
def test_an_interval_holds_the_true_mean_about_as_often_as_it_says(n: int, carried: float, least: float) -> None:
    rng, held, series = random.Random(3), 0, 200
    for seed in range(series):
        level, values = 0.0, []
        for _ in range(n + 20):
            level = carried * level + rng.gauss(0, 1)
            values.append(level)
        low, high = bootstrap_interval(values[20:], mean, resamples=200, seed=seed)
        held += low <= 0 <= high
    assert held / series >= least
    assert held < series


@pytest.mark.parametrize(
    ("share", "samples", "low", "high"),
    [(0.0, 0, 0.0, 1.0), (0.0, 100, 0.0, 0.0370), (1.0, 10, 0.7225, 1.0), (0.5, 10, 0.2366, 0.7634)],
)
def test_wilsons_interval(share: float, samples: int, low: float, high: float) -> None:
    """Values of the paper's formula, as other packages print them."""
    assert list(wilson_interval(share, samples)) == pytest.approx([low, high], abs=1e-4)
