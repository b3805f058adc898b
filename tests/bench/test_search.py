"""The search finds the largest rate of each setting, and its shortcuts lose nothing that matters."""

from __future__ import annotations

from functools import cache

import pytest

from llmopt.bench.arrivals import Workload
from llmopt.bench.curve import fit
from llmopt.bench.search import FULL_SHARE, Carried, Trial, bounded, decided, largest_rate, p99, p99_upper, ranked
from llmopt.serving.batching.settings import BatchSettings
from tests.bench.swept import points, slow

CURVE = fit(points(noise=0.03))


@cache
def trial(requests: int = 2_000) -> Trial:
    return Trial.of(CURVE, Workload((64,)), requests)


def test_the_capacity_is_that_of_full_batches() -> None:
    assert trial().capacity_per_s(BatchSettings(8)) == pytest.approx(8 / slow(8, 64), rel=0.03)
    assert trial().capacity_per_s(BatchSettings(8, 5.0)) == pytest.approx(8 / slow(8, 64), rel=0.03)


@pytest.mark.parametrize("tail", [p99, p99_upper])
def test_the_rate_found_meets_the_bound_and_a_higher_one_does_not(tail: object) -> None:
    measure = p99 if tail is p99 else p99_upper
    found = largest_rate(trial(8_000), BatchSettings(8), 0.1, measure)
    assert found.p99_s <= 0.1
    assert measure(trial(8_000).run(BatchSettings(8), found.rate_per_s)) == found.p99_s
    assert measure(trial(8_000).run(BatchSettings(8), 1.03 * found.rate_per_s)) > 0.1


def test_a_loose_bound_is_met_up_to_the_capacity() -> None:
    found = largest_rate(trial(), BatchSettings(4), 60.0, p99)
    assert found.rate_per_s == pytest.approx(FULL_SHARE * trial().capacity_per_s(BatchSettings(4)))


def test_a_bound_below_the_time_of_a_lone_request_is_met_at_no_rate() -> None:
    found = largest_rate(trial(), BatchSettings(4), 0.9 * slow(1, 64), p99)
    assert found.rate_per_s == 0
    assert found.p99_s > slow(1, 64)


def test_a_setting_that_is_not_as_good_is_given_up() -> None:
    assert largest_rate(trial(), BatchSettings(1), 0.1, p99, at_least=100.0).rate_per_s == 0
    good = largest_rate(trial(), BatchSettings(1), 0.1, p99)
    assert largest_rate(trial(), BatchSettings(1), 0.1, p99, at_least=good.rate_per_s / 2).rate_per_s == pytest.approx(
        good.rate_per_s, rel=0.02
    )


@pytest.mark.parametrize("slo_p99_s", [0.03, 0.06, 0.1, 0.3])
def test_giving_up_early_finds_the_same_best(slo_p99_s: float) -> None:
    candidates = [BatchSettings(size, wait) for wait in (0.0, 0.005, 0.02) for size in (1, 2, 4, 8, 16, 32)]
    quick, whole = ranked(trial(), candidates, slo_p99_s), ranked(trial(), candidates, slo_p99_s, give_up=0)
    assert quick[0].rate_per_s == pytest.approx(whole[0].rate_per_s, rel=0.02)
    assert [carried.rate_per_s for carried in whole] == sorted((item.rate_per_s for item in whole), reverse=True)
    assert sum(carried.rate_per_s > 0 for carried in quick) <= sum(carried.rate_per_s > 0 for carried in whole)


def test_of_near_ties_the_simplest_is_taken() -> None:
    """With a bound this tight larger batches never fill, so they carry the same."""
    candidates = [BatchSettings(size, wait) for wait in (0.0, 1e-6) for size in (32, 16, 8)]
    ranking = ranked(trial(), candidates, 0.03)
    best = decided(trial(8_000), ranking, 0.03)
    assert best is not None
    assert best.settings == BatchSettings(8)


def test_the_upper_bound_decides_the_rate() -> None:
    best = largest_rate(trial(8_000), BatchSettings(8), 0.1, p99)
    found = bounded(trial(8_000), best, 0.1)
    assert p99(trial(8_000).run(BatchSettings(8), found.rate_per_s)) < found.p99_s <= 0.1
    assert 0.8 * best.rate_per_s < found.rate_per_s < best.rate_per_s
    loose = bounded(trial(8_000), Carried(BatchSettings(8), 4 * best.rate_per_s, 0.1), 0.1)
    assert loose.rate_per_s == pytest.approx(found.rate_per_s, rel=0.02)


def test_where_no_setting_meets_the_bound_none_is_taken() -> None:
    assert decided(trial(), [Carried(BatchSettings(1), 0.0, 1.0)], 0.001) is None
    assert bounded(trial(), Carried(BatchSettings(1), 1.0, 0.001), 0.001).rate_per_s == 0
    lucky = [Carried(BatchSettings(1), 1.0, 0.001)]
    assert decided(trial(), lucky, 0.001) is None
