"""The typical time of a shape in two runs, like compared with like.

Other work on a machine only ever makes a batch slower, and in bursts, so the typical time is a low one: the mean of the
fastest third without the very fastest. Where the hand-over between the two CPUs was read (`llmopt.bench.handover`),
samples of near and of far CPUs are kept apart, and near is compared with near. Where one run saw only near CPUs and the
other one only far ones, what that costs is learned from a run that saw both, else supposed: up to a quarter of the time
of the shortest batch, and about as many seconds for longer ones (at most twice that), since the hand-overs of a batch
are as many as the steps of the model and not as its requests.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from llmopt.bench.result import Point
from llmopt.core.batch import Shape
from llmopt.core.stats import block_length, quantile, t_quantile

FAR = 1.8
"""Hand-overs that take this many times as long as the shortest are of CPUs that are far apart."""
FASTEST, FAST = 0.05, 0.35
"""Shares of the samples between which a typical time lies."""
LEAST = 6
"""Samples that tell of a typical time."""
DEAREST, GROWTH = 0.25, 2.0
"""What far CPUs may cost: of the shortest batch; and how many times as many seconds for a longer one."""
FEW = 0.1
"""Standard error (a logarithm) that is supposed of fewer samples than that."""
_RESAMPLES, _MANY = 200, 1000


@dataclass(frozen=True, slots=True)
class Change:
    """How much slower one shape became, in logarithms."""

    shape: Shape
    before_s: float
    now_s: float
    value: float
    """Log of now over before; what far CPUs cost is taken off."""
    error: float
    """Standard error of that within the two runs, in logarithms."""
    clean: bool
    """Whether samples were left out beside which other work ran."""


Places = tuple[list[float], ...]
"""Times by place: near CPUs, far CPUs; all in the first where nothing is known."""


def typical(times_s: Sequence[float]) -> float:
    """Return the mean of the fastest third of one time or more, without the very fastest."""
    ascending = sorted(times_s)
    first, last = int(len(ascending) * FASTEST), math.ceil(len(ascending) * FAST)
    kept = ascending[first:last]
    return max(sum(kept) / len(kept), 1e-9)


def changes(before: Sequence[Point], now: Sequence[Point], seed: int = 0) -> list[Change]:
    """Return the change of each shape; both sequences hold the same shapes in the same order.

    Args:
        before: points of the earlier run, each with a sample at least.
        now: of this one.
        seed: of the resampling.
    """
    nearest_s = min((s for point in (*before, *now) for s in point.handovers_s if s is not None), default=None)
    shortest_s = min(typical(point.times_s) for point in before)
    rng = random.Random(seed)
    return [
        _change(was, point, _places(was, nearest_s), _places(point, nearest_s), shortest_s, rng)
        for was, point in zip(before, now, strict=True)
    ]


def _places(point: Point, nearest_s: float | None) -> Places:
    """Return the times of a point by where the CPUs were; all together where that is not known of both."""
    if nearest_s is None or len(point.handovers_s) != len(point.times_s):
        return (list(point.times_s),)
    near: list[float] = []
    far: list[float] = []
    for time_s, handover_s in zip(point.times_s, point.handovers_s, strict=True):
        if handover_s is not None:
            (far if handover_s > FAR * nearest_s else near).append(time_s)
    return (near, far) if near or far else (list(point.times_s),)


def _change(was: Point, point: Point, before: Places, now: Places, shortest_s: float, rng: random.Random) -> Change:
    """Return the change of one shape, over the places that both runs saw."""
    parts = []
    if len(before) == len(now):
        parts = [(a, b) for a, b in zip(before, now, strict=True) if min(len(a), len(b)) >= LEAST]
    if parts:
        weights = [len(a) * len(b) / (len(a) + len(b)) for a, b in parts]
        values = [math.log(typical(b) / typical(a)) for a, b in parts]
        variances = [_variance(a, rng) + _variance(b, rng) for a, b in parts]
        value = _mean(values, weights)
        error = math.sqrt(_mean(variances, [weight**2 for weight in weights]) * _shrunk(weights))
    else:
        value, error = _across(was, point, before, now, shortest_s, rng)
    return Change(
        was.shape, typical(was.times_s), typical(point.times_s), value, error, clean=bool(parts) and len(before) == 2
    )


def _across(
    was: Point, point: Point, before: Places, now: Places, shortest_s: float, rng: random.Random
) -> tuple[float, float]:
    """Return the change between runs that saw different places, and its error."""
    value = math.log(typical(point.times_s) / typical(was.times_s))
    variance = _variance(was.times_s, rng) + _variance(point.times_s, rng)
    toll = _toll(before, now)
    if toll is None:
        most = math.log1p(DEAREST * min(1.0, GROWTH * shortest_s / typical(was.times_s)))
        toll, variance = most / 2, variance + most**2 / 12
    return value - toll * (_far_share(now) - _far_share(before)), math.sqrt(variance)


def _toll(before: Places, now: Places) -> float | None:
    """Return what far CPUs cost (a logarithm), from a run that saw both places."""
    for places in (before, now):
        if len(places) == 2 and min(len(place) for place in places) >= LEAST:
            return math.log(typical(places[1]) / typical(places[0]))
    return None


def _far_share(places: Places) -> float:
    return len(places[1]) / (len(places[0]) + len(places[1])) if len(places) == 2 else 0.0


def _variance(times_s: Sequence[float], rng: random.Random) -> float:
    """Return the variance of the logarithm of the typical time: of the middle two thirds of resampled blocks."""
    n = len(times_s)
    if n < LEAST:
        return FEW**2
    length = block_length(n)
    circle = [*times_s, *times_s[: length - 1]]
    wanted = math.ceil(n / length)
    logs = []
    for _ in range(_RESAMPLES):
        starts = rng.choices(range(n), k=wanted)
        logs.append(math.log(typical([time_s for start in starts for time_s in circle[start : start + length]][:n])))
    logs.sort()
    few = t_quantile(0.975, n - 1) / t_quantile(0.975, _MANY)
    return (few * (quantile(logs, 0.84) - quantile(logs, 0.16)) / 2) ** 2


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)


def _shrunk(weights: Sequence[float]) -> float:
    """Return by how much a weighted mean of independent values varies less than one of them."""
    return sum(weight**2 for weight in weights) / sum(weights) ** 2
