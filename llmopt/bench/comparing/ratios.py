"""How many times as fast one model is as another, from their turns in the same rounds, with an honest interval.

Rounds tell how well the ratio of these two processes is known. They do not tell of what differs between two processes
of the same model: where their memory lies, which stays as it is for as long as they live. That was measured, a model
against itself (`benchmarks/bert_vs_distilbert.py --same`), and every interval holds it. Over several shapes, each
carries as many requests as the others: the time of a round is that of one request of each shape.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from llmopt.bench.comparing.turns import Turns
from llmopt.bench.points import throughput_interval
from llmopt.core.ratio import Ratio, speedup

PROCESS_ERROR = 0.005
"""Standard error between two processes of the same model, in logarithms."""
_Z = 1.96


def overall(base: Sequence[Turns], other: Sequence[Turns]) -> Ratio | None:
    """Return the speed-up over all shapes; None where one of them was not measured.

    Args:
        base: of the model to compare with, a shape each.
        other: of the other, in the same order.
    """
    if not all(one.turns_s for one in (*base, *other)):
        return None
    return widened(speedup(_summed(base), _summed(other)))


def at_shape(base: Turns, other: Turns) -> Ratio | None:
    """Return the speed-up at one shape; None where it was not measured."""
    return overall((base,), (other,))


def half_width(base: Sequence[Turns] | None, other: Sequence[Turns]) -> float | None:
    """Return half of the interval over its value, as far as more rounds can narrow it; None where there is none.

    Args:
        base: None: there is none, and throughput at the first shape is what is known or not.
        other: of the model.
    """
    if base is None:
        times_s = [timing.wall_s for timing in other[0].series.timings]
        found = throughput_interval(1, times_s, resamples=300)
        return None if found is None else (found[1] - found[0]) / (found[1] + found[0])
    if not all(one.turns_s for one in (*base, *other)):
        return None
    ratio = speedup(_summed(base), _summed(other))
    return (ratio.high - ratio.low) / 2 / ratio.value


def widened(ratio: Ratio) -> Ratio:
    """Return a ratio with the error between processes in its interval."""
    below, above = math.log(ratio.value / ratio.low), math.log(ratio.high / ratio.value)
    extra = _Z * PROCESS_ERROR
    low, high = math.hypot(max(below, 0.0), extra), math.hypot(max(above, 0.0), extra)
    return Ratio(ratio.value, ratio.value * math.exp(-low), ratio.value * math.exp(high))


def _summed(shapes: Sequence[Turns]) -> list[float]:
    """Return for each round the time of one request of each shape."""
    sizes = [one.requests.shape.batch_size for one in shapes]
    rounds = zip(*(one.turns_s for one in shapes), strict=True)
    return [sum(time_s / size for time_s, size in zip(times_s, sizes, strict=True)) for times_s in rounds]
