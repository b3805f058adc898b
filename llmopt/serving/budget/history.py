"""When a stage is slow enough for a second attempt: after the quantile of what it took before.

Source: J. Dean, L. A. Barroso, "The Tail at Scale", CACM 56(2), 2013: a hedge after the 95th percentile adds some 5 %
of load and cuts most of the tail.
"""

from __future__ import annotations

from collections import deque

from llmopt.core.stats import quantile

LEAST = 20
"""Attempts to have seen before the first hedge."""


class History:
    """How long the latest first attempts of a stage took, and which runs were hedged; bounded.

    A first attempt that was cancelled counts with the time it had until then. That is less than it would have taken,
    but more than the quantile, so the quantile stays where it is; leaving it out would pull it down with each hedge.
    """

    def __init__(self, quantile: float, length: int) -> None:
        """Remember nothing yet.

        Args:
            quantile: between 0 and 1; a first attempt slower than this quantile is hedged.
            length: runs to remember.
        """
        self.quantile = quantile
        self._took_s: deque[float] = deque(maxlen=length)
        self._hedged: deque[bool] = deque(maxlen=length)

    def add(self, took_s: float, *, hedged: bool) -> None:
        """Remember a first attempt."""
        self._took_s.append(took_s)
        self._hedged.append(hedged)

    def hedge_after_s(self) -> float | None:
        """Return how long to wait for a first attempt; None: no second one.

        None with fewer than 20 runs, and while twice the share of runs that the quantile stands for were hedged: when
        everything has become slow, a second attempt for each would double the load that makes it slow.
        """
        seen = len(self._took_s)
        if seen < LEAST or sum(self._hedged) >= max(1.0, 2 * (1 - self.quantile) * seen):
            return None
        return quantile(sorted(self._took_s), self.quantile)
