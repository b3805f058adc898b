"""Choose the setting of a batcher: what carries the most requests in time, or what is fast enough without a bound.

With a bound of the p99 (SLO): the largest rate of arrivals at which its upper bound, in simulation, meets it, on a
machine that is a little slower than in the sweep (`llmopt.bench.slack`). Of settings within 2 % of the best the
simplest is taken.

Without one: the smallest batch whose throughput interval reaches 95 % of the most that was measured at its length,
which is the measured length next to the mean one of the requests. Where requests differ in length, the padding
decides, which no sweep of equal ones shows: the smallest of the settings that reach 95 % of the best in simulation,
with the queue never empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil

from llmopt.bench.arrivals import Workload
from llmopt.bench.curve import ServiceCurve
from llmopt.bench.dollars import Priced, priced
from llmopt.bench.result import Point, Recommendation
from llmopt.bench.search import P99, Carried, Trial, bounded, decided, p99, ranked, simplicity
from llmopt.bench.settings_grid import grid, neighbours
from llmopt.bench.simulate import NO_OVERHEAD, Overhead
from llmopt.bench.slack import slack
from llmopt.core.quantity import duration, requests_per_s
from llmopt.errors import InputError, UsageError
from llmopt.serving.batching.settings import BatchSettings
from llmopt.serving.batching.toml import DEFAULT_QUEUE, Config, write_config

NEAR_MAXIMUM = 0.95
_EQUAL = (4_000, 30_000, 160_000)
"""Requests of the runs that rank settings, that decide among the best, and that bound the p99 of the one chosen."""
_MIXED = (1_000, 4_000, 15_000)
"""The same where a token budget makes each batch cost a choice."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """No setting meets the bound, even with hardly any requests."""

    slo_p99_s: float
    settings: BatchSettings
    """The one that comes nearest."""
    p99_s: float
    """Its p99 with hardly any requests."""
    settings_tried: int

    @property
    def message(self) -> str:
        """Say so in a line."""
        return (
            f"no setting meets p99 <= {duration(self.slo_p99_s)}: the nearest of {self.settings_tried}, "
            f"max batch {self.settings.max_batch_size}, has {duration(self.p99_s)} with hardly any requests"
        )


def recommend(
    points: Sequence[Point],
    curve: ServiceCurve,
    workload: Workload,
    *,
    slo_p99_s: float | None = None,
    price_per_hour: Decimal | None = None,
    tokens_per_request: float | None = None,
    overhead: Overhead = NO_OVERHEAD,
    seed: int = 0,
) -> Recommendation | Unmet:
    """Choose a setting.

    Args:
        points: of the sweep that the curve was fitted to.
        curve: time of a batch.
        workload: the requests to expect; its rate is the user's own.
        slo_p99_s: bound of the p99 of the latency, from arrival to answer; None: no bound.
        price_per_hour: dollars for the device.
        tokens_per_request: useful ones, for the dollars of a million; None: the mean length of the requests.
        overhead: what serving takes besides the model (`load.overhead`).
        seed: of the arrivals.

    Raises:
        UsageError: a bound or a price that is not above 0.
        InputError: no batch fits.
    """
    if slo_p99_s is not None and not 0 < slo_p99_s < float("inf"):
        raise UsageError(f"the bound of the p99 is {slo_p99_s} s; more than 0 is needed")
    if price_per_hour is not None and price_per_hour < 0:
        raise UsageError(f"the price is {price_per_hour} $ an hour; 0 or more is needed")
    candidates = grid(curve, workload, slo_p99_s, points)
    if not candidates:
        raise InputError("not even the smallest batch fits in memory", "a smaller model, dtype or --seq-len")
    tokens = workload.mean_tokens if tokens_per_request is None else tokens_per_request
    money = Priced(price_per_hour, tokens, workload.rate_per_s)
    if slo_p99_s is not None:
        return _within(slo_p99_s, candidates, _Simulation(curve, workload, overhead, seed, slack(points)), money)
    if workload.same_length:
        return _smallest(points, curve, workload, money)
    return _least_padding(candidates, curve, workload, money, overhead, seed)


def ready(settings: BatchSettings, max_queue: int = DEFAULT_QUEUE) -> str:
    """Return the line of Python that makes the batcher."""
    parts = [f"max_batch_size={settings.max_batch_size}", f"max_wait_s={settings.max_wait_s!r}"]
    if settings.max_batch_tokens is not None:
        parts += [f"max_batch_tokens={settings.max_batch_tokens}", "length=len"]
    if max_queue != DEFAULT_QUEUE:
        parts.append(f"max_queue={max_queue}")
    return f"AdaptiveBatcher(predict, {', '.join(parts)})"


def queue(recommendation: Recommendation) -> int:
    """Return how many requests may wait: as many as are answered within the bound, twice that for a burst."""
    most = 2 * recommendation.settings.max_batch_size
    if recommendation.slo_p99_s is None:
        return max(DEFAULT_QUEUE, most)
    return max(most, ceil(2 * recommendation.rate_per_s * recommendation.slo_p99_s))


def to_toml(recommendation: Recommendation) -> str:
    """Return the file that `llmopt serve --config` reads."""
    comments = [recommendation.reason, f"rate: {requests_per_s(recommendation.rate_per_s)}"]
    if recommendation.slo_p99_s is not None:
        upper, slo = recommendation.p99_upper_s, recommendation.slo_p99_s
        comments.append(f"p99 there: at most {duration(upper)}, of the {duration(slo)} allowed")
    return write_config(Config(recommendation.settings, queue(recommendation)), comments)


@dataclass(frozen=True, slots=True)
class _Simulation:
    """What settings are tried on: the machine of the sweep, and one that is a little slower."""

    curve: ServiceCurve
    workload: Workload
    overhead: Overhead
    seed: int
    slack: float

    def trial(self, requests: int, number: int, *, slack: float = 0.0) -> Trial:
        """Return the requests of a run; each number has other ones."""
        curve = self.curve.slower(slack) if slack else self.curve
        return Trial.of(curve, self.workload, requests, self.seed + number, self.overhead)

    def best(self, slo_p99_s: float, candidates: Sequence[BatchSettings], slack: float) -> tuple[Carried | None, int]:
        """Return the setting that carries the most, at the rate that it carries in spite of the slack.

        Args:
            slo_p99_s: the bound.
            candidates: settings to try.
            slack: of the machine on which they are ranked.
        """
        short, long, longest = _EQUAL if self.workload.same_length else _MIXED
        trial = self.trial(short, 0, slack=slack)
        ranking = ranked(trial, candidates, slo_p99_s)
        tried = len(candidates)
        if ranking[0].rate_per_s > 0:
            more = neighbours(ranking[0].settings, self.curve.sizes[-1])
            more = [settings for settings in more if settings not in candidates]
            tried += len(more)
            ranking = sorted([*ranking, *ranked(trial, more, slo_p99_s)], key=lambda carried: -carried.rate_per_s)
        best = decided(self.trial(long, 1, slack=slack), ranking, slo_p99_s)
        if best is not None:
            best = bounded(self.trial(longest, 2, slack=self.slack), best, slo_p99_s)
        return best if best is not None and best.rate_per_s > 0 else None, tried


def _within(
    slo_p99_s: float, candidates: Sequence[BatchSettings], simulation: _Simulation, money: Priced
) -> Recommendation | Unmet:
    best, tried = simulation.best(slo_p99_s, candidates, 0.0)
    if best is None:
        # Next to the bound another setting may carry a little on the slower machine.
        best, tried = simulation.best(slo_p99_s, candidates, simulation.slack)
    short, _, longest = _EQUAL if simulation.workload.same_length else _MIXED
    if best is None:
        nearest = _nearest(simulation.trial(short, 0, slack=simulation.slack), candidates)
        return Unmet(slo_p99_s, nearest.settings, nearest.p99_s, tried)
    run = simulation.trial(longest, 2).run(best.settings, best.rate_per_s)
    reason = (
        f"of {tried} settings simulated, the one that carries the most requests with a p99 of at most "
        f"{duration(slo_p99_s)}, even if batches take {simulation.slack:.1%} longer than measured"
    )
    return priced(
        Recommendation(
            settings=best.settings,
            reason=reason,
            rate_per_s=best.rate_per_s,
            p50_s=run.quantile(0.5),
            p99_upper_s=best.p99_s,
            utilization=run.utilization,
            slo_p99_s=slo_p99_s,
            settings_tried=tried,
            slack=simulation.slack,
        ),
        money,
    )


def _nearest(trial: Trial, candidates: Sequence[BatchSettings]) -> Carried:
    """Return the setting with the smallest p99 at a rate at which requests hardly ever meet."""
    lowest = 1e-4 * trial.capacity_per_s(BatchSettings(1))
    found = [Carried(settings, 0.0, p99(trial.run(settings, lowest))) for settings in candidates]
    return min(found, key=lambda carried: (float(f"{carried.p99_s:.4g}"), simplicity(carried.settings)))


def _smallest(points: Sequence[Point], curve: ServiceCurve, workload: Workload, money: Priced) -> Recommendation:
    """Choose by the measured points of one length."""
    wanted = workload.mean_tokens
    length = min(curve.seq_lens, key=lambda measured: (abs(measured - wanted), measured))
    measured = sorted(
        (point for point in points if point.shape.seq_len == length and point.throughput_per_s is not None),
        key=lambda point: point.shape.batch_size,
    )
    measured = [point for point in measured if point.status in ("ok", "noisy")]
    most = max(point.throughput_per_s or 0.0 for point in measured)
    best = next(
        point for point in measured if (point.throughput_high or point.throughput_per_s or 0.0) >= NEAR_MAXIMUM * most
    )
    size, rate = best.shape.batch_size, best.throughput_per_s or 0.0
    typical_s = curve.time_s(size, length)
    reason = (
        "the smallest batch whose throughput interval reaches 95 % of the most measured "
        f"({requests_per_s(most)}) at length {length}"
    )
    upper_s = typical_s * float(curve.ratios[min(ceil(P99 * len(curve.ratios)), len(curve.ratios) - 1)])
    return priced(
        Recommendation(BatchSettings(size), reason, rate, typical_s, upper_s, 1.0, settings_tried=len(measured)), money
    )


def _least_padding(
    candidates: Sequence[BatchSettings],
    curve: ServiceCurve,
    workload: Workload,
    money: Priced,
    overhead: Overhead,
    seed: int,
) -> Recommendation:
    """Choose by simulated throughput with the queue never empty."""
    trial = Trial.of(curve, workload, _MIXED[0], seed, overhead)
    # With the queue never empty no batch waits to be filled.
    rates = {settings: trial.capacity_per_s(settings) for settings in candidates if settings.max_wait_s == 0}
    most = max(rates.values())
    good = [settings for settings, rate in rates.items() if rate >= NEAR_MAXIMUM * most]
    best = min(good, key=lambda settings: (settings.max_batch_size, settings.max_batch_tokens or 0))
    run = trial.run(best, 100 * most)
    batch_s = run.busy_s / len(run.batch_sizes)
    longest_s = curve.time_s(best.max_batch_size, max(workload.lengths))
    reason = (
        f"of {len(rates)} settings simulated, the one with the smallest batch within 95 % of the most "
        f"({requests_per_s(most)})"
    )
    return priced(
        Recommendation(best, reason, rates[best], batch_s, max(longest_s, batch_s), 1.0, settings_tried=len(rates)),
        money,
    )
