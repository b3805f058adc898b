"""What a batcher does with given arrivals, played through on a service curve instead of a device.

It decides as `AdaptiveBatcher` does: when the device is free and requests wait, a batch is formed; at once, or with
`max_wait_s` no later than so long after its oldest request came, and earlier once it is full. Which requests run
is told by the same function. Without a token budget those are the oldest, so a batch costs one search in the times.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llmopt.bench.arrivals import Floats, Ints
from llmopt.bench.curve import ServiceCurve
from llmopt.bench.simulated import Simulated
from llmopt.errors import MissingExtraError
from llmopt.serving.batching.forming import chosen, full, window
from llmopt.serving.batching.settings import BatchSettings

try:
    import numpy as np
except ImportError as error:
    raise MissingExtraError(error.name or "numpy", "bench") from error


@dataclass(frozen=True, slots=True)
class Overhead:
    """What serving takes besides the model."""

    batch_s: float = 0.0
    """Each batch takes so much longer than the curve says: it is handed to a thread, and its results are handed out.
    Below 0 where batches in a row are quicker than in the sweep."""
    request_s: float = 0.0
    """Each request is on its way so long, while the device may work on others."""
    idle_s: float = 0.0
    """A batch takes so much longer where the device was idle before it: threads wake up, caches are cold."""
    busy_s: float = 0.0
    """The way of a request is so much longer where another batch follows its own at once."""

    def before_s(self, idle: bool) -> float:
        """Return what is added to the time of a batch."""
        return self.batch_s + self.idle_s if idle else self.batch_s


NO_OVERHEAD = Overhead()


def simulate(
    curve: ServiceCurve,
    arrivals_s: Floats,
    lengths: Ints,
    settings: BatchSettings,
    seed: int = 0,
    *,
    overhead: Overhead = NO_OVERHEAD,
    noise: Sequence[float] | None = None,
) -> Simulated:
    """Play a batcher through.

    Args:
        curve: time of each batch.
        arrivals_s: when each request comes, ascending, in seconds.
        lengths: tokens of each request.
        settings: of the batcher.
        seed: for the noise of the service time.
        overhead: what serving takes besides the model.
        noise: what the time of each batch is multiplied by, at least as many as requests; None: drawn from the curve.
    """
    noise = curve.noise(len(arrivals_s), seed).tolist() if noise is None else noise
    return _served(curve, arrivals_s.tolist(), lengths, settings, noise, overhead)


def _served(
    curve: ServiceCurve,
    arrivals: list[float],
    lengths: Ints,
    settings: BatchSettings,
    noise: Sequence[float],
    overhead: Overhead,
) -> Simulated:
    """Choose the way of playing it through that is fastest."""
    longest, size, wait_s = int(lengths.max()), settings.max_batch_size, settings.max_wait_s
    if int(lengths.min()) == longest:
        if settings.max_batch_tokens is not None:
            size = max(1, min(size, settings.max_batch_tokens // max(longest, 1)))
        rows = {longest: curve.rows([longest], size)[longest]}
        return _oldest(arrivals, None, rows, size, wait_s, noise, overhead)
    if settings.max_batch_tokens is None:
        each = lengths.tolist()
        return _oldest(arrivals, each, curve.rows(each, size), size, wait_s, noise, overhead)
    return _budgeted(arrivals, lengths.tolist(), curve, settings, noise, overhead)


def _oldest(
    arrivals: list[float],
    lengths: list[int] | None,
    rows: Mapping[int, list[float]],
    size: int,
    wait_s: float,
    noise: Sequence[float],
    overhead: Overhead,
) -> Simulated:
    """Without a token budget the oldest requests run; `lengths` is None where all are equal, with one row."""
    row = rows[next(iter(rows))]
    count, first, free, busy = len(arrivals), 0, 0.0, 0.0
    batch_s, idle_s = overhead.before_s(idle=False), overhead.before_s(idle=True)
    sizes: list[int] = []
    done: list[float] = []
    idle: list[int] = []
    for factor in noise:
        oldest = arrivals[first]
        start = free if free > oldest else oldest
        if wait_s and oldest + wait_s > start:
            start = _waited(arrivals, first, size, start, oldest + wait_s)
        last = bisect_right(arrivals, start, first + 1, min(first + size, count))
        if lengths is not None:
            row = rows[max(lengths[first:last])]
        took = row[last - first] * factor
        if start > free:
            took += idle_s
            idle.append(len(sizes))
        else:
            took += batch_s
        busy += took
        free = start + took
        sizes.append(last - first)
        done.append(free)
        if last == count:
            break
        first = last
    return _in_order(arrivals, sizes, done, busy, idle, overhead)


def _waited(arrivals: list[float], first: int, size: int, start: float, due: float) -> float:
    """Return when a batch starts that may wait until `due`: earlier once it is full."""
    place = first + size - 1
    filled = arrivals[place] if place < len(arrivals) else due
    return max(start, min(due, filled))


def _ways(batches: int, idle: Sequence[int], overhead: Overhead) -> Floats:
    """Return how long the requests of each batch are on their way; `idle` are those before which nothing ran."""
    ways_s = np.full(batches, overhead.request_s + overhead.busy_s)
    ways_s[-1] = overhead.request_s
    ways_s[[number - 1 for number in idle if number]] = overhead.request_s
    return ways_s


def _in_order(
    arrivals: list[float], sizes: list[int], done: list[float], busy: float, idle: list[int], overhead: Overhead
) -> Simulated:
    """Put together a run whose batches hold the requests in the order of their arrival."""
    batch_sizes = np.array(sizes, dtype=np.int64)
    ways_s = _ways(len(sizes), idle, overhead)
    latencies = np.repeat(np.array(done) + ways_s, batch_sizes) - np.array(arrivals)
    elapsed, span = done[-1] - arrivals[0], arrivals[-1] - arrivals[0]
    return Simulated(latencies, batch_sizes, busy, elapsed, span, len(idle))


def _budgeted(
    arrivals: list[float],
    lengths: list[int],
    curve: ServiceCurve,
    settings: BatchSettings,
    noise: Sequence[float],
    overhead: Overhead,
) -> Simulated:
    """A token budget: which of the oldest requests run is the batcher's own choice."""
    rows = curve.rows(lengths, settings.max_batch_size)
    looked_at, count = window(settings), len(arrivals)
    finished, batch_of = np.empty(count), np.empty(count, dtype=np.int64)
    sizes: list[int] = []
    queue: list[int] = []
    come, free, busy = 0, 0.0, 0.0
    idle: list[int] = []
    for factor in noise:
        oldest = arrivals[queue[0] if queue else come]
        start = free if free > oldest else oldest
        until = bisect_right(arrivals, start, come)
        queue += range(come, until)
        come = until
        due = oldest + settings.max_wait_s
        while start < due and not full([lengths[request] for request in queue[:looked_at]], settings):
            if come == count or arrivals[come] > due:
                start = due
                break
            start = arrivals[come]
            queue.append(come)
            come += 1
        places = chosen([lengths[request] for request in queue[:looked_at]], settings)
        picked = [queue[place] for place in places]
        took = rows[max([lengths[request] for request in picked])][len(picked)] * factor
        took += overhead.before_s(start > free)
        if start > free:
            idle.append(len(sizes))
        busy += took
        free = start + took
        finished[picked] = free
        batch_of[picked] = len(sizes)
        sizes.append(len(picked))
        for place in reversed(places):
            del queue[place]
        if come == count and not queue:
            break
    latencies = finished + _ways(len(sizes), idle, overhead)[batch_of] - np.array(arrivals)
    elapsed, span = free - arrivals[0], arrivals[-1] - arrivals[0]
    return Simulated(latencies, np.array(sizes, dtype=np.int64), busy, elapsed, span, len(idle))
