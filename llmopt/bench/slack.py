"""How much slower than in the sweep a machine may be next time: what a recommendation has to bear.

A bound met at the largest possible rate is met on a knife's edge: next to its capacity, a batcher on a machine that is
two percent slower has a p99 that is a fifth longer. So a bound must be met with times at the upper end of what the
sweep knows: the interval of the mean times, and the drift between its quarters, at least what two quiet runs on one
machine differ by.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from llmopt.bench.result import Point
from llmopt.core.stats import median

_QUARTERS = 4
_FEWEST = 2 * _QUARTERS
"""Samples of a point that tell of drift."""
_RUN_TO_RUN = 0.02
"""Two runs on one quiet machine differ by so much."""
_MOST = 0.2
"""A sweep that is surer than that of nothing says that its machine was not quiet; more slack would not help."""


def slack(points: Sequence[Point]) -> float:
    """Return the share by which batches may take longer than the curve says: 0.03 is three percent."""
    measured = [point for point in points if point.status in ("ok", "noisy") and point.times_s]
    intervals = [
        point.throughput_per_s / point.throughput_low - 1
        for point in measured
        if point.throughput_per_s and point.throughput_low and point.samples > 1
    ]
    interval = median(intervals) if intervals else 0.0
    return min(math.hypot(interval, max(_drift(measured), _RUN_TO_RUN)), _MOST)


def _drift(points: Sequence[Point]) -> float:
    """Return how far the slowest quarter of the sweep was above all of it, over all points alike."""
    several = [quarters(point.times_s) for point in points if point.samples >= _FEWEST]
    if not several:
        return 0.0
    return math.exp(max(sum(column) / len(several) for column in zip(*several, strict=True))) - 1


def quarters(times_s: Sequence[float]) -> list[float]:
    """Return the logarithm of the median time of each quarter of a series over that of all of it."""
    whole = max(median(times_s), 1e-9)
    ends = [round(number * len(times_s) / _QUARTERS) for number in range(_QUARTERS + 1)]
    return [math.log(max(median(times_s[start:end]), 1e-9) / whole) for start, end in pairwise(ends)]
