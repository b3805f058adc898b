"""What came of a simulated run: latencies, batches, and how sure their quantiles are.

The p99 of a queue cannot be bounded as that of independent samples, since a bad moment hits many requests in a row.
The run is cut into sections, and the spread of their quantiles about that of the whole run gives the interval
(sectioning: Asmussen and Glynn, Stochastic Simulation, 2007, chapter III.5).
"""

from __future__ import annotations

from dataclasses import dataclass

from llmopt.bench.arrivals import Floats, Ints
from llmopt.errors import MissingExtraError

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
    after_idle: int = 0
    """Batches before which the device was idle."""

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
