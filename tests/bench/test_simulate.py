"""The simulator does what the batcher does, and its quantiles say when a queue only grows."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.bench.arrivals import poisson
from llmopt.bench.curve import ServiceCurve, fit
from llmopt.bench.simulate import NO_OVERHEAD, Overhead, simulate
from llmopt.bench.simulated import Simulated
from llmopt.serving.batching.settings import BatchSettings
from llmopt.serving.batching.waiting import Pending, Waiting
from tests.bench.swept import points

CURVE = fit(points())
INF = float("inf")


class Waits:
    """A caller that is still there."""

    def done(self) -> bool:
        return False


def batched(
    curve: ServiceCurve, arrivals: Sequence[float], lengths: Sequence[int], chosen: BatchSettings
) -> tuple[list[float], list[int]]:
    """Put requests through the batcher's own queue on a virtual clock; return latencies and batch sizes."""
    now_s, free_s, coming = 0.0, INF, 0
    waiting = Waiting(chosen, lambda: now_s)
    latencies, sizes, running = [0.0] * len(arrivals), [], cast(list[Pending], [])
    while coming < len(arrivals) or waiting.requests or running:
        if not running and waiting.ready():
            running = waiting.take()
            took = curve.time_s(len(running), max(pending[2] for pending in running))
            free_s = now_s + took
            sizes.append(len(running))
            continue
        arrives_s = arrivals[coming] if coming < len(arrivals) else INF
        due_s = waiting.due_s() if waiting.requests and not running else INF
        now_s = min(arrives_s, free_s, due_s)
        if now_s == free_s:
            for pending in running:
                latencies[pending[0]] = now_s - arrivals[pending[0]]
            running, free_s = [], INF
        elif now_s == arrives_s:
            waiting.requests.append((coming, cast("Future[Any]", Waits()), lengths[coming], now_s, INF))
            coming += 1
    return latencies, sizes


def ran(
    arrivals: Sequence[float],
    lengths: Sequence[int],
    chosen: BatchSettings,
    *,
    curve: ServiceCurve = CURVE,
    overhead: Overhead = NO_OVERHEAD,
) -> Simulated:
    return simulate(curve, np.array(arrivals), np.array(lengths), chosen, overhead=overhead)


def poisson_run(chosen: BatchSettings, rate_per_s: float, count: int = 3_000) -> Simulated:
    return ran(poisson(rate_per_s, count, seed=1).tolist(), [64] * count, chosen)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rate=st.sampled_from([5.0, 60.0, 150.0, 1_000.0]),
    lengths=st.lists(st.integers(1, 300), min_size=1, max_size=4),
    chosen=st.builds(
        BatchSettings,
        max_batch_size=st.sampled_from([1, 2, 3, 8, 32]),
        max_wait_s=st.sampled_from([0.0, 0.003, 0.02, 0.3]),
        max_batch_tokens=st.sampled_from([None, 1, 64, 200, 1_024]),
    ),
)
def test_it_does_what_the_batchers_own_queue_does(
    seed: int, rate: float, lengths: list[int], chosen: BatchSettings
) -> None:
    count = 120
    arrivals = poisson(rate, count, seed).tolist()
    drawn = np.random.default_rng(seed).choice(np.array(lengths), count).tolist()
    latencies, sizes = batched(CURVE, arrivals, drawn, chosen)
    found = ran(arrivals, drawn, chosen)
    assert found.batch_sizes.tolist() == sizes
    assert found.latencies_s.tolist() == pytest.approx(latencies, abs=1e-9)


def test_a_free_device_takes_a_lone_request_at_once() -> None:
    found = ran([0.0, 10.0], [64, 64], BatchSettings(8))
    assert found.latencies_s.tolist() == pytest.approx([CURVE.time_s(1, 64)] * 2)
    assert found.batch_sizes.tolist() == [1, 1]


def test_a_waiting_device_serves_two_together() -> None:
    found = ran([0.0, 0.01, 0.2], [64] * 3, BatchSettings(8, 0.05))
    both, one = CURVE.time_s(2, 64), CURVE.time_s(1, 64)
    assert found.latencies_s.tolist() == pytest.approx([0.05 + both, 0.04 + both, 0.05 + one])


def test_a_full_batch_does_not_wait() -> None:
    found = ran([0.0, 0.01, 0.02], [64] * 3, BatchSettings(2, 5.0))
    assert found.latencies_s[0] == pytest.approx(0.01 + CURVE.time_s(2, 64))
    assert found.latencies_s[2] == pytest.approx(5.0 + CURVE.time_s(1, 64))


def test_what_serving_takes_is_on_top() -> None:
    found = ran([0.0, 0.0], [64, 64], BatchSettings(1), overhead=Overhead(batch_s=0.001, request_s=0.5))
    one = CURVE.time_s(1, 64)
    assert found.latencies_s.tolist() == pytest.approx([one + 0.501, 2 * one + 0.502])
    assert found.busy_s == pytest.approx(2 * one + 0.002)


@pytest.mark.parametrize("tokens", [None, 10_000])
@pytest.mark.parametrize("lengths", [[64] * 4, [64, 64, 64, 63]])
def test_a_pause_and_a_busy_device_cost_more(lengths: list[int], tokens: int | None) -> None:
    costs = Overhead(request_s=0.1, idle_s=0.002, busy_s=0.05)
    found = ran([0.1, 0.1, 3.0, 9.0], lengths, BatchSettings(1, 0.0, tokens), overhead=costs)
    one, last = CURVE.time_s(1, 64), CURVE.time_s(1, lengths[-1])
    after_idle, kept_waiting = one + 0.002 + 0.15, 2 * one + 0.002 + 0.1
    assert found.latencies_s.tolist() == pytest.approx([after_idle, kept_waiting, one + 0.102, last + 0.102])
    assert found.after_idle == 3


def test_the_noise_of_the_sweep_comes_back() -> None:
    noisy = fit(points(samples=100, noise=0.2))
    arrivals, lengths = np.arange(500, dtype=np.float64) * 10, np.full(500, 64)
    found = simulate(noisy, arrivals, lengths, BatchSettings(8), seed=4)
    assert float(np.std(np.log(found.latencies_s))) == pytest.approx(0.2, rel=0.15)
    again = simulate(noisy, arrivals, lengths, BatchSettings(8), seed=4)
    assert again.latencies_s.tolist() == found.latencies_s.tolist()


def test_at_low_load_the_queue_is_that_of_the_textbook() -> None:
    """M/D/1: the mean wait is rho * service / (2 * (1 - rho))."""
    service = CURVE.time_s(1, 64)
    found = poisson_run(BatchSettings(1), 0.5 / service, count=40_000)
    assert float(found.latencies_s.mean()) == pytest.approx(service * (1 + 0.5 / (2 * 0.5)), rel=0.03)
    assert found.utilization == pytest.approx(0.5, rel=0.02)
    assert found.throughput_per_s == pytest.approx(0.5 / service, rel=0.02)


def test_a_larger_batch_carries_more() -> None:
    rate = 1.5 / CURVE.time_s(1, 64)
    assert poisson_run(BatchSettings(1), rate).unstable
    together = poisson_run(BatchSettings(16), rate)
    assert not together.unstable
    assert together.mean_batch_size > 1.5


@pytest.mark.parametrize("size", [1, 8, 32])
def test_a_queue_that_is_overrun_is_told(size: int) -> None:
    capacity = size / CURVE.time_s(size, 64)
    assert poisson_run(BatchSettings(size), 1.3 * capacity).unstable
    assert not poisson_run(BatchSettings(size), 0.8 * capacity).unstable


def test_the_bound_is_above_the_quantile_and_close_in_a_long_run() -> None:
    rate = 8.0 / CURVE.time_s(8, 64) * 0.6
    short, long = poisson_run(BatchSettings(8), rate, 1_000), poisson_run(BatchSettings(8), rate, 60_000)
    assert long.quantile(0.99) < long.upper(0.99) < 1.1 * long.quantile(0.99)
    assert short.upper(0.99) > short.quantile(0.99) * 0.9


def test_the_bound_holds_in_nearly_all_runs() -> None:
    chosen, rate, count = BatchSettings(8), 0.5 * 8 / CURVE.time_s(8, 64), 20_000
    runs = [ran(poisson(rate, count, seed).tolist(), [64] * count, chosen) for seed in range(40)]
    truth = float(np.quantile(np.concatenate([run.latencies_s[2_000:] for run in runs]), 0.99))
    assert sum(run.upper(0.99) >= truth for run in runs) >= 34


def test_a_run_too_short_for_sections_has_no_bound() -> None:
    assert poisson_run(BatchSettings(1), 1.0, count=10).upper(0.99) == INF
