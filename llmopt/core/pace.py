"""What so many days will come to, from a series of days: a mean day with its weekdays, and an interval.

The interval is for the sum of days to come, not only for the mean that they have in the long run: it has in it what the
series leaves open, and what those days will differ by themselves. It is made of residuals (a day less the usual of its
weekday), of which blocks of days in a row are resampled: once for the error of a series as long as this one, once for
the days to come. Resampled blocks are known to spread too little where days are few, or depend on each other beyond a
block. So their spread is widened to that of an AR(1) series whose correlation is what the residuals show, freed from
its bias, and half a standard error more (three quarters below two weeks); to Student's t; and to the side of the long
tail where days are skewed, since the days that would make a mean large are those that a short series lacks.

Sources: Politis and Romano, "A circular block-resampling procedure for stationary data" (1992); Kendall, "Note on bias
in the estimation of autocorrelation" (1954); Johnson, "Modified t tests and confidence intervals for asymmetrical
populations" (1978), for the size of the skew's effect; Bartlett, "On the theoretical specification and sampling
properties of autocorrelated time-series" (1946), for what a variance of dependent days is worth. What is covered:
`benchmarks/project_interval.py`.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from statistics import fmean, pstdev

from llmopt.core.stats import block_length, t_quantile

WEEK = 7
PATTERN_DAYS = 14
"""From so many days on the interval may take each weekday for its own; below, only weekends."""
_LEAST_WEEKEND = 5
"""From so many days on weekends count for themselves, if there are days of both kinds."""
_SATURDAY = 5
_MOST_CORRELATED = 0.85
_PAYS = 0.75
"""Times the variance of a day: weekdays are told apart where they leave less than that."""
_SKEW = 1.3
"""Times skewness / sqrt(days): how much further up the interval reaches."""
_MOST_SKEW = 0.75
_LEAST_DEVIATION = 0.1
"""Of resampled errors, in standard deviations of a day."""
_LEAST_REACH = 1.6
"""Standard deviations: percentiles of errors that are mostly the same may lie closer, and say nothing."""
_ROUNDING = 1e-24
"""Square of what is left of rounding: no spread."""
_LEAST_FREEDOM = 3.0
_LEAST_SEEN = 0.4
"""Of the variance: dependent days show less of it than there is, but not less than this."""


@dataclass(frozen=True, slots=True)
class _Spread:
    """What the residuals of a series say."""

    residuals: list[float]
    freedom: float
    """Of the variance: dependent days say less about it than others."""
    variance: float
    correlation: float
    """Of a day with the next."""


def weights(days: int, weekday: int) -> list[Fraction]:
    """Return the weight of each day in a mean day; they add up to 1.

    From a week on each weekday weighs a seventh, however often it was seen. Below, the days from Monday to Friday
    weigh five sevenths together and those of weekends two, if `tells_weekends`; else all weigh the same.

    Args:
        days: in a row, 1 or more.
        weekday: of the first; 0 for Monday.
    """
    listed = _weekdays(days, weekday)
    if days >= WEEK:
        seen = Counter(listed)
        return [Fraction(1, WEEK * seen[one]) for one in listed]
    if not tells_weekends(days, weekday):
        return [Fraction(1, days)] * days
    free = sum(one >= _SATURDAY for one in listed)
    return [Fraction(2, WEEK * free) if one >= _SATURDAY else Fraction(5, WEEK * (days - free)) for one in listed]


def tells_weekends(days: int, weekday: int) -> bool:
    """Return whether so many days in a row, from a weekday on, are enough to tell weekends from other days."""
    kinds = {one >= _SATURDAY for one in _weekdays(days, weekday)}
    return days >= _LEAST_WEEKEND and len(kinds) > 1


def interval(
    values: Sequence[float],
    weekday: int,
    *,
    horizon: int = 30,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return between which two numbers the sum of so many further days will be.

    Args:
        values: of days in a row; three at least.
        weekday: of the first; 0 for Monday.
        horizon: days to come.
        confidence: that the interval holds.
        resamples: how many.
        seed: the same gives the same interval.
    """
    scale = max(map(abs, values)) or 1.0
    scaled = [value / scale for value in values]
    weighed = [float(weight) for weight in weights(len(values), weekday)]
    middle = horizon * math.fsum(weight * value for weight, value in zip(weighed, scaled, strict=True))
    spread = _spread(scaled, weekday)
    if not spread.variance:
        return scale * middle, scale * middle
    tail = (1 - confidence) / 2
    down, up = _reaches(spread, horizon, resamples, tail, random.Random(seed))
    # a normal quantile stands in the resampled percentiles already
    wider = t_quantile(1 - tail, spread.freedom) / t_quantile(1 - tail, math.inf)
    wider *= scale * _deviation(spread, weighed, horizon)
    skew = _skew(spread.residuals)
    middle *= scale
    return middle - wider * down * (1 + max(-skew, 0.0)), middle + wider * up * (1 + max(skew, 0.0))


def _weekdays(days: int, weekday: int) -> list[int]:
    return [(weekday + day) % WEEK for day in range(days)]


def _reaches(spread: _Spread, horizon: int, resamples: int, tail: float, rng: random.Random) -> tuple[float, float]:
    """Return how far below and above their mean resampled errors reach, in standard deviations."""
    days = len(spread.residuals)
    errors = _errors(spread.residuals, min(block_length(days), days, horizon), horizon, resamples, rng)
    if pstdev(errors) < _LEAST_DEVIATION * math.sqrt(spread.variance):
        # days that swing to and fro add up to nothing in each block: then single days are drawn
        errors = _errors(spread.residuals, 1, horizon, resamples, rng)
    mean, deviation = fmean(errors), pstdev(errors)
    low = math.floor(tail * (resamples - 1))
    down, up = (mean - errors[low]) / deviation, (errors[resamples - 1 - low] - mean) / deviation
    return max(down, _LEAST_REACH), max(up, _LEAST_REACH)


def _deviation(spread: _Spread, weighed: Sequence[float], horizon: int) -> float:
    """Return the standard deviation of days to come from what the mean day of a series makes of them."""
    of_mean = math.fsum(weight * weight for weight in weighed) * _inflated(len(weighed), spread.correlation)
    return math.sqrt(spread.variance * (horizon**2 * of_mean + horizon * _inflated(horizon, spread.correlation)))


def _spread(values: Sequence[float], weekday: int) -> _Spread:
    """Return the residuals of a series whose largest value is about 1, and what a day differs from its usual."""
    days = len(values)
    weekdays = _weekdays(days, weekday)
    weekends = tells_weekends(days, weekday)
    residuals, freedom = _residuals(values, [int(weekends and one >= _SATURDAY) for one in weekdays])
    squared = math.fsum(residual * residual for residual in residuals)
    if days >= PATTERN_DAYS:
        finer, left = _residuals(values, weekdays)
        remaining = math.fsum(residual * residual for residual in finer)
        # each weekday's own mean takes five days more from what is known of the noise; that has to pay
        if remaining * freedom < _PAYS * squared * left:
            residuals, freedom, squared = finer, left, remaining
    if squared <= _ROUNDING * days:
        return _Spread(residuals, freedom, 0.0, 0.0)
    found = math.fsum(one * other for one, other in pairwise(residuals)) / squared
    allowed = (0.5 if days >= PATTERN_DAYS else 0.75) / math.sqrt(days)
    correlation = min(max(found + (1 + 3 * max(found, 0.0)) / days, 0.0) + allowed, _MOST_CORRELATED)
    seen = max(1 - _inflated(days, correlation) / days, _LEAST_SEEN)
    alike = correlation * correlation
    independent = max(freedom * (1 - alike) / (1 + alike), min(freedom, _LEAST_FREEDOM))
    return _Spread(residuals, independent, squared / freedom / seen, correlation)


def _residuals(values: Sequence[float], groups: Sequence[int]) -> tuple[list[float], int]:
    """Return values less the mean of their group, and how many of them are free."""
    sums: dict[int, list[float]] = {}
    for group, value in zip(groups, values, strict=True):
        sums.setdefault(group, []).append(value)
    means = {group: math.fsum(found) / len(found) for group, found in sums.items()}
    return [value - means[group] for group, value in zip(groups, values, strict=True)], len(values) - len(means)


def _inflated(days: int, correlation: float) -> float:
    """Return how many times more the mean of dependent days varies than that of independent ones."""
    return 1 + 2 * math.fsum((1 - lag / days) * correlation**lag for lag in range(1, days))


def _errors(residuals: Sequence[float], block: int, horizon: int, resamples: int, rng: random.Random) -> list[float]:
    """Return resampled days to come, less what a resampled series makes of them, sorted."""
    days = len(residuals)
    drawn: list[list[float]] = []
    for length, scale in ((horizon, 1.0), (days, -horizon / days)):
        whole, rest = divmod(length, block)
        sums = [scale * value for value in _block_sums(residuals, block)]
        ends = [scale * value for value in _block_sums(residuals, rest)]
        drawn.append([sum(rng.choices(sums, k=whole)) + rng.choice(ends) for _ in range(resamples)])
    return sorted(to_come + error for to_come, error in zip(*drawn, strict=True))


def _block_sums(values: Sequence[float], length: int) -> list[float]:
    """Return the sum of so many values from each on, as if they stood in a circle."""
    totals = [0.0, *accumulate([*values, *values[:length]])]
    return [totals[start + length] - totals[start] for start in range(len(values))]


def _skew(residuals: Sequence[float]) -> float:
    """Return how much further the interval reaches to the side of the long tail, as a share; below 0: downwards."""
    days = len(residuals)
    second = math.fsum(residual**2 for residual in residuals) / days
    third = math.fsum(residual**3 for residual in residuals) / days
    return min(max(_SKEW * third / math.sqrt(second**3 * days), -_MOST_SKEW), _MOST_SKEW)
