"""What a batcher does with given arrivals, played through on a service curve instead of a device.

It decides as `AdaptiveBatcher` does: when the device is free and requests wait, a batch is formed; at once, or with
`max_wait_s` no later than so long after its oldest request came, and earlier once it is full. Which requests run
is told by the same function. Without a token budget those are the oldest, so a batch costs one search in the times.

The p99 of a queue cannot be bounded as that of independent samples, since a bad moment hits many requests in a row.
The run is cut into sections, and the spread of their quantiles about that of the whole run gives the interval
(sectioning: Asmussen and Glynn, Stochastic Simulation, 2007, chapter III.5).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from llmopt.bench.arrivals import Floats, Ints
from llmopt.bench.curve import ServiceCurve
from llmopt.errors import MissingExtraError
from llmopt.serving.batching.forming import chosen, full, window
from llmopt.serving.batching.settings import BatchSettings

try:
    import numpy as np
except ImportError as error:
    raise MissingExtraError(error.name or "numpy", "bench") from error

_SECTIONS = 10
_STUDENT = 2.262
"""Quantile 0.975 of Student's distribution with `_SECTIONS - 1` degrees of freedom. For a one-sided bound 0.95 would do
if sections were independent and normal; with queues it then held in 83 to 92 % of runs of 40,000 requests."""
_SATURATED = 0.97
"""A device that computes a larger share of the time than this may be overrun."""
_GROWTH = 1.5
"""A queue that is overrun grows evenly: the last third of its requests waits 5/3 times as long as the middle one."""


@dataclass(frozen=True, slots=True)
class Overhead:
    """What serving takes besides the model."""

    batch_s: float = 0.0
    """The device waits so long for each batch: it is handed to a thread, and its results are handed out."""
    request_s: float = 0.0
    """Each request is on its way so long, while the device may work on others."""


NO_OVERHEAD = Overhead()


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came of a simulated run."""

    latencies_s: Floats
    """Of each request, in the order of their arrival, from then until its batch was done."""
    batch_sizes: Ints
    """Requests of each batch, in order."""
    busy_s: float
    """Time in which the device computed."""
    elapsed_s: float
    """From the first arrival until the last batch was done."""
    span_s: float
    """From the first arrival to the last."""

    @property
    def mean_batch_size(self) -> float:
        """Requests of a batch."""
        return len(self.latencies_s) / len(self.batch_sizes)

    @property
    def utilization(self) -> float:
        """Share of the time in which the device computed."""
        return self.busy_s / self.elapsed_s

    @property
    def throughput_per_s(self) -> float:
        """Requests answered, from the first arrival to the last answer."""
        return len(self.latencies_s) / self.elapsed_s

    def quantile(self, q: float) -> float:
        """Return a quantile of all latencies."""
        return float(np.quantile(self.latencies_s, q))

    def upper(self, q: float) -> float:
        """Return an upper 95 % bound of a quantile of the latency in the long run, of a queue that is not overrun.

        The first tenth of the requests met a queue that had yet to build up; it is left out. Infinite where there are
        too few requests to say.
        """
        settled = self.latencies_s[len(self.latencies_s) // 10 :]
        if len(settled) < 2 * _SECTIONS:
            return float("inf")
        whole = float(np.quantile(settled, q))
        usable = len(settled) // _SECTIONS * _SECTIONS
        parts = np.quantile(settled[:usable].reshape(_SECTIONS, -1), q, axis=1)
        variance = float(((parts - whole) ** 2).sum()) / (_SECTIONS * (_SECTIONS - 1))
        return float(whole + _STUDENT * variance**0.5)

    @property
    def unstable(self) -> bool:
        """Whether requests came faster than they could be served, so that the queue grew all the time."""
        if self.utilization < _SATURATED:
            return False
        third = len(self.latencies_s) // 3
        middle, last = self.latencies_s[third : 2 * third], self.latencies_s[2 * third :]
        return third > 0 and float(last.mean()) > _GROWTH * float(middle.mean())


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
    served = _served(curve, arrivals_s.tolist(), lengths, settings, noise, overhead.batch_s)
    return replace(served, latencies_s=served.latencies_s + overhead.request_s)


def _served(
    curve: ServiceCurve,
    arrivals: list[float],
    lengths: Ints,
    settings: BatchSettings,
    noise: Sequence[float],
    overhead_s: float,
) -> Simulated:
    """Choose the way of playing it through that is fastest."""
    longest = int(lengths.max())
    if int(lengths.min()) == longest:
        size = settings.max_batch_size
        if settings.max_batch_tokens is not None:
            size = max(1, min(size, settings.max_batch_tokens // max(longest, 1)))
        return _equal(arrivals, curve.rows([longest], size)[longest], size, settings.max_wait_s, noise, overhead_s)
    if settings.max_batch_tokens is None:
        return _fifo(arrivals, lengths.tolist(), curve, settings, noise, overhead_s)
    return _budgeted(arrivals, lengths.tolist(), curve, settings, noise, overhead_s)


def _equal(
    arrivals: list[float], row: list[float], size: int, wait_s: float, noise: Sequence[float], overhead_s: float
) -> Simulated:
    """Requests of one length: the oldest ones run, and only how many they are matters."""
    count, first, free, busy = len(arrivals), 0, 0.0, 0.0
    sizes: list[int] = []
    done: list[float] = []
    for factor in noise:
        oldest = arrivals[first]
        start = free if free > oldest else oldest
        if wait_s and oldest + wait_s > start:
            start = _waited(arrivals, first, size, start, oldest + wait_s)
        last = bisect_right(arrivals, start, first + 1, min(first + size, count))
        took = row[last - first] * factor + overhead_s
        busy += took
        free = start + took
        sizes.append(last - first)
        done.append(free)
        if last == count:
            break
        first = last
    return _in_order(arrivals, sizes, done, busy)


def _fifo(
    arrivals: list[float],
    lengths: list[int],
    curve: ServiceCurve,
    settings: BatchSettings,
    noise: Sequence[float],
    overhead_s: float,
) -> Simulated:
    """Requests of several lengths without a token budget: the oldest run, and the longest of them counts."""
    size, wait_s = settings.max_batch_size, settings.max_wait_s
    rows = curve.rows(lengths, size)
    count, first, free, busy = len(arrivals), 0, 0.0, 0.0
    sizes: list[int] = []
    done: list[float] = []
    for factor in noise:
        oldest = arrivals[first]
        start = free if free > oldest else oldest
        if wait_s and oldest + wait_s > start:
            start = _waited(arrivals, first, size, start, oldest + wait_s)
        last = bisect_right(arrivals, start, first + 1, min(first + size, count))
        took = rows[max(lengths[first:last])][last - first] * factor + overhead_s
        busy += took
        free = start + took
        sizes.append(last - first)
        done.append(free)
        if last == count:
            break
        first = last
    return _in_order(arrivals, sizes, done, busy)


def _waited(arrivals: list[float], first: int, size: int, start: float, due: float) -> float:
    """Return when a batch starts that may wait until `due`: earlier once it is full."""
    place = first + size - 1
    filled = arrivals[place] if place < len(arrivals) else due
    return max(start, min(due, filled))


def _in_order(arrivals: list[float], sizes: list[int], done: list[float], busy: float) -> Simulated:
    """Put together a run whose batches hold the requests in the order of their arrival."""
    batch_sizes = np.array(sizes, dtype=np.int64)
    latencies = np.repeat(np.array(done), batch_sizes) - np.array(arrivals)
    return Simulated(latencies, batch_sizes, busy, done[-1] - arrivals[0], arrivals[-1] - arrivals[0])


def _budgeted(
    arrivals: list[float],
    lengths: list[int],
    curve: ServiceCurve,
    settings: BatchSettings,
    noise: Sequence[float],
    overhead_s: float,
) -> Simulated:
    """A token budget: which of the oldest requests run is the batcher's own choice."""
    rows = curve.rows(lengths, settings.max_batch_size)
    looked_at, count = window(settings), len(arrivals)
    finished = np.empty(count)
    sizes: list[int] = []
    queue: list[int] = []
    come, free, busy = 0, 0.0, 0.0
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
        took = rows[max([lengths[request] for request in picked])][len(picked)] * factor + overhead_s
        busy += took
        free = start + took
        finished[picked] = free
        sizes.append(len(picked))
        for place in reversed(places):
            del queue[place]
        if come == count and not queue:
            break
    latencies = finished - np.array(arrivals)
    elapsed, span = free - arrivals[0], arrivals[-1] - arrivals[0]
    return Simulated(latencies, np.array(sizes, dtype=np.int64), busy, elapsed, span)
