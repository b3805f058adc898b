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
    """How long the latest first attempts of a stage took, and how many second ones they pay for; bounded.

    A first attempt that was cancelled counts with the time it had until then. That is less than it would have taken,
    but more than the quantile, so the quantile stays where it is; leaving it out would pull it down with each hedge.

    Each first attempt that comes to its end pays for twice the share of a second one that the quantile stands for: one
    in ten at 0.95. What is not used is saved up, for as many attempts as are remembered. When everything has become
    slow at once, the second attempts end there; one for each would double the load that makes it slow.
    """

    def __init__(self, quantile: float, length: int) -> None:
        """Remember nothing yet.

        Args:
            quantile: between 0 and 1; a first attempt slower than this quantile is hedged.
            length: runs to remember.
        """
        self.quantile = quantile
        self._took_s: deque[float] = deque(maxlen=length)
        self._each = 2 * (1 - quantile)
        self._most = max(1.0, self._each * length)
        self._saved = 0.0

    def add(self, took_s: float) -> None:
        """Remember a first attempt."""
        self._took_s.append(took_s)
        self._saved = min(self._most, self._saved + self._each)

    def hedge_after_s(self) -> float | None:
        """Return how long to wait for a first attempt before a second one; None with fewer than 20 seen."""
        return quantile(sorted(self._took_s), self.quantile) if len(self._took_s) >= LEAST else None

    def pay(self) -> bool:
        """Pay for a second attempt; False: there is none."""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True
