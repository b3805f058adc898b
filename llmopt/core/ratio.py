"""How many times faster one thing is than another: times taken in turn, paired by round, and their ratio.

What drifts on a machine hits all variants of a round alike, so the ratio within a round is steadier than any time. The
ratio of a run is the median of these; its interval resamples blocks of rounds (`llmopt.core.stats`).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmopt.core.stats import bootstrap_interval, median

_FEWEST = 3
_SHORTEST_S = 1e-9


@dataclass(frozen=True, slots=True)
class Ratio:
    """A speed-up with its 95 % interval; 2.0 is twice as fast."""

    value: float
    low: float
    high: float


def speedup(base_s: Sequence[float], other_s: Sequence[float], *, seed: int = 0) -> Ratio:
    """Return how many times faster the other is, from times (seconds) of the same rounds.

    Args:
        base_s: of what it is compared with; one value or more.
        other_s: of the other, round by round.
        seed: of the resampling.
    """
    logs = [
        math.log(max(base, _SHORTEST_S) / max(other, _SHORTEST_S)) for base, other in zip(base_s, other_s, strict=True)
    ]
    low, high = bootstrap_interval(logs, median, seed=seed)
    return Ratio(math.exp(median(logs)), math.exp(low), math.exp(high))


def in_turn(
    functions: Sequence[Callable[[], object]],
    *,
    rounds: int,
    max_time_s: float,
    clock: Callable[[], float],
    settle: Callable[[], object],
    warm_calls: int = 2,
    seed: int = 0,
) -> list[list[float]]:
    """Call each function once a round, in random order, and return the seconds of each: `(functions, rounds)`.

    Args:
        functions: one or more.
        rounds: at most; three are made in any case.
        max_time_s: after which no round is begun.
        clock: seconds, monotonic.
        settle: runs before each call, untimed; lets the threads of the one before fall asleep.
        warm_calls: of each, untimed, before the first round.
        seed: of the order.
    """
    rng = random.Random(seed)
    end_s = clock() + max_time_s
    for function in functions:
        for _ in range(warm_calls):
            function()
    times: list[list[float]] = [[] for _ in functions]
    order = list(range(len(functions)))
    done = 0
    while done < rounds and (done < _FEWEST or clock() < end_s):
        rng.shuffle(order)
        for at in order:
            settle()
            began_s = clock()
            functions[at]()
            times[at].append(clock() - began_s)
        done += 1
    return times
