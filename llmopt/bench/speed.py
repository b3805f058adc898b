"""A few batches run once more, as in the sweep: how fast the machine is now.

A verification compares two moments of a machine. The same batches right before and right after its load say whether
the machine is as fast as in the sweep, whatever the load itself did.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from llmopt.bench.curve import ServiceCurve
from llmopt.bench.target import Target
from llmopt.core.batch import Shape
from llmopt.core.stats import median

ROUNDS = 8
"""Of all shapes, where time allows."""


def speed(
    target: Target,
    curve: ServiceCurve,
    shapes: Sequence[Shape],
    limit_s: float,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Return how long batches take now against the curve: 1.1 is ten percent slower.

    Args:
        target: runs them.
        curve: of the sweep.
        shapes: what to run, one after the other, again and again.
        limit_s: begin no further round after this; one is run anyway.
        clock: seconds, monotonic.
    """
    until_s = clock() + limit_s
    ratios: list[float] = []
    for _ in range(ROUNDS):
        for shape in shapes:
            timing = target.run([shape.seq_len] * shape.batch_size)
            ratios.append(timing.wall_s / curve.time_s(shape.batch_size, shape.seq_len))
        if clock() > until_s:
            break
    return median(ratios)
