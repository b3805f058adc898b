"""What a recommendation has to bear: the interval of the sweep and its drift, within sense."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmopt.bench.result import Point
from llmopt.bench.slack import quarters, slack
from tests.bench.swept import out_of_memory, points


def drifting(share: float) -> list[Point]:
    """Return points whose last quarter was so much slower."""
    found = points(samples=16)
    times = [(*item.times_s[:12], *(time_s * (1 + share) for time_s in item.times_s[12:])) for item in found]
    return [
        replace(item, times_s=slower, throughput_low=item.throughput_per_s)
        for item, slower in zip(found, times, strict=True)
    ]


def test_a_sweep_without_noise_leaves_what_two_runs_differ_by() -> None:
    assert slack(points()) == pytest.approx(0.02)


def test_wide_intervals_are_more_slack() -> None:
    few, many = points(noise=0.1, samples=9), points(noise=0.1, samples=400)
    assert slack(few) > 2 * slack(many)
    assert slack(many) < 0.025


def test_a_machine_that_slowed_down_during_the_sweep_is_more_slack() -> None:
    assert slack(drifting(0.1)) == pytest.approx(0.1, abs=0.005)


def test_it_has_a_limit() -> None:
    assert slack(points(noise=1.0, samples=9)) == 0.2


def test_points_that_say_nothing_are_left_out() -> None:
    assert slack([]) == slack([out_of_memory(1, 64)]) == 0.02
    assert slack(points(samples=1)) == 0.02


def test_quarters_are_told_apart() -> None:
    assert quarters([1.0] * 8) == [0.0] * 4
    assert quarters([1.0, 1.0, 1.0, 2.718281828])[3] == pytest.approx(1)
