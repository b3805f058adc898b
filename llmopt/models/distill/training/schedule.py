"""The learning rate over a run: it rises in a straight line and falls as half a cosine to 0.

How far a run is counts, not its steps: by the share of its epochs or of its time, whichever is more. So a run with a
time limit ends at a rate of 0 on a slow machine as on a fast one. Warm-up: Goyal et al. 2017, "Accurate, Large
Minibatch SGD"; the cosine: Loshchilov and Hutter 2017, "SGDR".
"""

from __future__ import annotations

import math

WARM_UP = 0.06
"""Share of the run in which the rate rises."""
_FIRST = 0.01
"""The rate at the start, so that the first step is not for nothing."""


def rate(progress: float) -> float:
    """Return the learning rate as a share of the highest.

    Args:
        progress: share of the run that is done, 0 to 1; beyond 1 it is 0.
    """
    if progress < WARM_UP:
        return _FIRST + (1 - _FIRST) * max(progress, 0.0) / WARM_UP
    fallen = min((progress - WARM_UP) / (1 - WARM_UP), 1.0)
    return (1 + math.cos(math.pi * fallen)) / 2


def progress(epochs_done: float, epochs: int | None, elapsed_s: float, limit_s: float | None) -> float:
    """Return the share of a run that is done, at most 1.

    Args:
        epochs_done: passes over the data so far.
        epochs: to be done; None: as many as there is time for.
        elapsed_s: seconds of training.
        limit_s: seconds that there are; None: no limit.
    """
    by_data = 0.0 if epochs is None else epochs_done / epochs
    by_time = 0.0 if limit_s is None else elapsed_s / limit_s
    return min(max(by_data, by_time), 1.0)
