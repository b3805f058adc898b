"""Compare two functions in one process, in turn: what drifts hits both, so small changes show.

Each round calls both, in random order; the logarithm of the ratio of their times is one sample. The change is the
median of these, with an interval from resampled blocks: a burst of other work hits either as often as the other one.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from llmopt.bench.result import Comparison
from llmopt.core.ratio import in_turn, speedup
from llmopt.errors import UsageError


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
    before_s, now_s = in_turn((a, b), rounds=rounds, max_time_s=max_time_s, clock=clock, settle=lambda: None, seed=seed)
    slower = speedup(now_s, before_s, seed=seed)
    return Comparison(
        change=slower.value - 1,
        low=slower.low - 1,
        high=slower.high - 1,
        shapes=(),
        regressed=slower.low > 1 + threshold,
        threshold=threshold,
    )
