"""Compare two functions in one process, in turn: what drifts hits both, so small changes show.

Each round calls both, in random order; the logarithm of the ratio of their times is one sample. The change is the
median of these, with an interval from resampled blocks: a burst of other work hits either as often as the other one.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable

from llmopt.bench.result import Comparison
from llmopt.core.stats import bootstrap_interval, median
from llmopt.errors import UsageError

_WARM_CALLS = 2
_SHORTEST_S = 1e-9


def interleaved(
    a: Callable[[], object],
    b: Callable[[], object],
    *,
    rounds: int = 200,
    max_time_s: float = 60.0,
    threshold: float = 0.05,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> Comparison:
    """Compare two functions in one process, in turn and in random order, paired by round: `b` against `a`.

    Args:
        a: what was before.
        b: what is now.
        rounds: calls of each at most.
        max_time_s: for all; three rounds are made in any case.
        threshold: slow-down that is let pass; 0.05 is five percent.
        seed: of the order.
        clock: seconds, monotonic.

    Raises:
        UsageError: fewer than three rounds.
    """
    if rounds < 3:
        raise UsageError(f"rounds is {rounds}; at least 3 are needed")
    rng = random.Random(seed)
    end_s = clock() + max_time_s
    for _ in range(_WARM_CALLS):
        a()
        b()
    logs: list[float] = []
    while len(logs) < rounds and (len(logs) < 3 or clock() < end_s):
        if rng.random() < 0.5:
            first_s, second_s = _timed(a, clock), _timed(b, clock)
        else:
            second_s, first_s = _timed(b, clock), _timed(a, clock)
        logs.append(math.log(second_s / first_s))
    low, high = bootstrap_interval(logs, median, seed=seed)
    return Comparison(
        change=math.expm1(median(logs)),
        low=math.expm1(low),
        high=math.expm1(high),
        shapes=(),
        regressed=low > math.log1p(threshold),
        threshold=threshold,
    )


def _timed(function: Callable[[], object], clock: Callable[[], float]) -> float:
    began_s = clock()
    function()
    return max(clock() - began_s, _SHORTEST_S)
