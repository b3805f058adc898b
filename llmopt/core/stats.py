"""Statistics of measured times: quantiles, bounds that need no distribution, and intervals of noisy series.

Samples of a benchmark are few, skewed and not independent: a burst of other work hits several rounds in a row. So
nothing here supposes a normal distribution, quantiles are never interpolated downwards, and intervals resample blocks.

Sources: Hyndman and Fan, "Sample Quantiles in Statistical Packages" (1996), for what a sample quantile can mean; David
and Nagaraja, "Order Statistics" (2003), 7.1, for bounds of quantiles; Politis and Romano, "A circular block-resampling
procedure for stationary data" (1992), and Hall, Horowitz and Jing, "On blocking rules for the bootstrap with dependent
data" (1995), for blocks of n^(1/3); Hesterberg, "What Teachers Should Know about the Bootstrap" (2015), 4.2, for
percentile intervals that are widened where samples are few; Wilson, "Probable inference, the law of succession, and
statistical inference" (1927), for shares; Abramowitz and Stegun, 26.7.5, for quantiles of t.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from itertools import chain
from statistics import NormalDist

Statistic = Callable[[Sequence[float]], float]
"""Of a sample, such as its mean."""
_NORMAL = NormalDist()
_Z = _NORMAL.inv_cdf(0.975)
_FUZZ = 9
"""Decimals that a rank is rounded to before it is rounded up, so that 0.99 * 300 is 297."""


def quantile(ascending: Sequence[float], q: float) -> float:
    """Return the quantile of a sample as one of its values: that of rank `ceil(q * (n + 1))`, at most the largest.

    This is the Weibull rank (`k / (n + 1)`, type 6 of Hyndman and Fan) rounded up: a further value of the same kind is
    at or below the one returned with probability `q` at least, as long as the rank is not beyond `n`. It is never
    below the interpolated quantiles of numpy or a spreadsheet, so a p99 of few samples is their maximum.

    Args:
        ascending: one value at least, sorted.
        q: from 0 to 1.
    """
    rank = math.ceil(round(q * (len(ascending) + 1), _FUZZ))
    return ascending[min(max(rank, 1), len(ascending)) - 1]


def median(values: Sequence[float]) -> float:
    """Return the middle of one value or more; of an even number the mean of the two in the middle."""
    ascending = sorted(values)
    middle = len(ascending) // 2
    if len(ascending) % 2:
        return ascending[middle]
    return (ascending[middle - 1] + ascending[middle]) / 2


def samples_needed(q: float, confidence: float = 0.95) -> int:
    """Return how many samples the largest needs to be above the true quantile: 59 for p95, 299 for p99.

    The largest of `n` is below the quantile only where all are: `q ** n`.
    """
    return max(1, math.ceil(round(math.log(1 - confidence) / math.log(q), _FUZZ)))


def upper_bound(values: Sequence[float], q: float, confidence: float = 0.95) -> float | None:
    """Return the smallest value of a sample that bounds the true quantile from above; None with too few samples.

    With `k` the rank of that value, the number of samples at or below the quantile is binomial, and the value is below
    the quantile only where that number is `k` or more. No distribution is supposed, but samples must be independent.

    Args:
        values: in any order.
        q: above 0, below 1.
        confidence: that the bound holds.
    """
    n = len(values)
    allowed = 1 - confidence
    rank, tail, log_term = n + 1, 0.0, n * math.log(q)
    while rank > 1:
        tail += math.exp(log_term)
        if tail > allowed:
            break
        rank -= 1
        log_term += math.log(rank * (1 - q)) - math.log((n - rank + 1) * q)
    return sorted(values)[rank - 1] if rank <= n else None


def block_length(n: int) -> int:
    """Return how many samples in a row a bootstrap should move together: `n ** (1/3)`, rounded up."""
    return max(1, math.ceil(round(math.cbrt(n), _FUZZ)))


def bootstrap_interval(
    values: Sequence[float],
    statistic: Statistic,
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    block: int | None = None,
) -> tuple[float, float]:
    """Return the percentile interval of a statistic, from resampled blocks of a series.

    Blocks are circular. The percentiles are moved outwards as Hesterberg does for few samples, with the number of
    blocks as the number of samples.

    Args:
        values: in the order of measuring; two at least, or the interval is a point.
        statistic: of a series of the same length.
        confidence: that the interval holds the true value.
        resamples: how many; 1000 are enough for 95 %.
        seed: the same gives the same interval.
        block: samples in a row that are moved together; None for `block_length`, 1 for independent samples.
    """
    n = len(values)
    if n < 2:
        at = statistic(values)
        return at, at
    length = min(block or block_length(n), n)
    resampled = _resampled(values, statistic, length, resamples, random.Random(seed))
    tail = _widened_tail((1 - confidence) / 2, n / length)
    low = math.floor(tail * (resamples - 1))
    return resampled[low], resampled[resamples - 1 - low]


def _resampled(
    values: Sequence[float], statistic: Statistic, length: int, resamples: int, rng: random.Random
) -> list[float]:
    """Return the statistic of as many resamples, sorted; each is made of circular blocks."""
    n = len(values)
    if length == 1:
        return sorted(statistic(rng.choices(values, k=n)) for _ in range(resamples))
    circle = [*values, *values[: length - 1]]
    blocks = [circle[start : start + length] for start in range(n)]
    wanted = math.ceil(n / length)
    return sorted(statistic(list(chain.from_iterable(rng.choices(blocks, k=wanted)))[:n]) for _ in range(resamples))


def _widened_tail(tail: float, n: float) -> float:
    """Return the share to cut off at each end of `n` resampled samples, so that the interval holds for few, too."""
    if n <= 2:
        return 0.0
    return _NORMAL.cdf(-math.sqrt(n / (n - 1)) * t_quantile(1 - tail, n - 1))


def t_quantile(q: float, freedom: float) -> float:
    """Return a quantile of Student's t, within a few percent from two degrees of freedom on."""
    z = _NORMAL.inv_cdf(q)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return math.fsum(term / freedom**power for power, term in enumerate(terms))


def wilson_interval(share: float, samples: float) -> tuple[float, float]:
    """Return Wilson's interval (95 %) of a share; it shrinks to no point, even where the share is 0 or 1.

    Args:
        share: 0 to 1.
        samples: independent ones that it was seen in; 0: nothing is known.
    """
    if samples <= 0:
        return 0.0, 1.0
    spread = _Z * math.sqrt(share * (1 - share) / samples + (_Z / (2 * samples)) ** 2)
    scale = 1 + _Z**2 / samples
    middle = share + _Z**2 / (2 * samples)
    # at the ends the formula leaves some 1e-17 of rounding
    low = 0.0 if share == 0 else max(0.0, (middle - spread) / scale)
    high = 1.0 if share == 1 else min(1.0, (middle + spread) / scale)
    return low, high
