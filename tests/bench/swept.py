"""Points of sweeps that never took place: the time of a batch by a formula, with noise if asked."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from llmopt.bench.points import point
from llmopt.bench.result import Point
from llmopt.core.batch import BatchTiming, Shape

SIZES = (1, 2, 4, 8, 16, 32)
Formula = Callable[[int, int], float]


def slow(batch_size: int, seq_len: int) -> float:
    """10 ms and 80 us a token: at 64 tokens about the curve of a small encoder on two cores."""
    return 0.0102 + 0.00008 * batch_size * seq_len


def points(
    formula: Formula = slow,
    *,
    sizes: Sequence[int] = SIZES,
    seq_lens: Sequence[int] = (32, 64, 128),
    samples: int = 9,
    noise: float = 0.0,
    seed: int = 0,
) -> list[Point]:
    """Return the points of a sweep; `noise` is the standard deviation of the logarithm of the time."""
    chance = random.Random(seed)
    found = []
    for seq_len in seq_lens:
        for size in sizes:
            times = [formula(size, seq_len) * chance.lognormvariate(0, noise) for _ in range(samples)]
            tokens = size * seq_len
            found.append(point(Shape(size, seq_len), [BatchTiming(time_s, 0.0, tokens, tokens) for time_s in times]))
    return found


def out_of_memory(size: int, seq_len: int) -> Point:
    """Return a point that did not fit."""
    return replace(point(Shape(size, seq_len), []), status="oom", reason="out of memory")
