"""A point of a sweep from its raw samples: throughput with its interval, quantiles, tokens, memory.

Throughput is the batch size over the mean time, since that is what a long run delivers: a median would leave out the
bursts that a server must live with. Its interval resamples blocks (`llmopt.core.stats`), since bursts last.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

from llmopt.bench.result import Point, Status
from llmopt.core.batch import BatchTiming, Shape
from llmopt.core.stats import bootstrap_interval, median, quantile, samples_needed

FEWEST = 6
"""Samples that tell of an interval: of fewer it would hold the true value less often than nine times in ten."""
_Number = TypeVar("_Number", int, float)


def point(shape: Shape, timings: Sequence[BatchTiming], status: Status = "ok", reason: str = "") -> Point:
    """Return what samples of one shape say together.

    Args:
        shape: of the batches.
        timings: in the order of measuring; may be empty.
        status: of the point.
        reason: why the status is not `ok`.
    """
    if not timings:
        return Point(shape, status, reason=reason)
    times_s = tuple(timing.wall_s for timing in timings)
    ascending = sorted(times_s)
    low, high = throughput_interval(shape.batch_size, times_s) or (None, None)
    return Point(
        shape,
        status,
        times_s=times_s,
        useful_tokens=_typical(timing.useful_tokens for timing in timings),
        padded_tokens=_typical(timing.padded_tokens for timing in timings),
        throughput_per_s=shape.batch_size / mean(times_s),
        throughput_low=low,
        throughput_high=high,
        latency_p50_s=median(ascending),
        latency_p95_s=_tail(ascending, 0.95),
        latency_p99_s=_tail(ascending, 0.99),
        latency_max_s=ascending[-1],
        peak_memory_bytes=max(_known(timing.peak_memory_bytes for timing in timings), default=None),
        prefill_p50_s=_median(timing.prefill_s for timing in timings),
        decode_p50_s=_median(_each_token_s(shape, timing) for timing in timings),
        device_p50_s=_median(timing.device_s for timing in timings),
        reason=reason,
    )


def throughput_interval(batch_size: int, times_s: Sequence[float], resamples: int = 1000) -> tuple[float, float] | None:
    """Return the 95 % interval of the requests per second; None with fewer than `FEWEST` samples.

    Args:
        batch_size: requests in each batch.
        times_s: in the order of measuring.
        resamples: of the bootstrap.
    """
    if len(times_s) < FEWEST:
        return None
    short, long = bootstrap_interval(times_s, mean, resamples=resamples)
    return batch_size / long, batch_size / short


def mean(values: Sequence[float]) -> float:
    """Return the mean of one value or more; never 0, so that a rate can be told of what takes no time at all."""
    return max(sum(values) / len(values), 1e-9)


def _tail(ascending: Sequence[float], q: float) -> float | None:
    """Return a quantile; None with too few samples to bound the true one."""
    return quantile(ascending, q) if len(ascending) >= samples_needed(q) else None


def _typical(tokens: Iterable[int]) -> int:
    counts = list(tokens)
    return round(math.fsum(counts) / len(counts))


def _each_token_s(shape: Shape, timing: BatchTiming) -> float | None:
    """Return the time of each new token after the first."""
    further = timing.useful_tokens / shape.batch_size - 1
    return timing.decode_s / further if timing.decode_s is not None and further > 0 else None


def _median(values: Iterable[float | None]) -> float | None:
    known = _known(values)
    return median(known) if known else None


def _known(values: Iterable[_Number | None]) -> list[_Number]:
    return [value for value in values if value is not None]
