"""How fast a followed log spends: by the minutes that the follower has watched, not by those that the log tells of.

What was in the log before is no pace: counting begins with the first look that has read everything that was there.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from decimal import Decimal

from llmopt.core.money import EXACT, MICRO
from llmopt.cost.result import CostReport

MINUTE_S = 60.0
MOST_BARS = 30
"""Minutes that are remembered one by one."""
_MONTH_MINUTES = 30 * 24 * 60


@dataclass(frozen=True, slots=True)
class Tick:
    """One look at a followed log."""

    report: CostReport
    """On everything so far."""
    watched_s: float
    """Since everything that was there before was read."""
    new_requests: int
    """Priced since the look before."""
    usd_per_min: Decimal | None
    """Over the last minute, or as long as was watched; None before there is a second look."""
    requests_per_min: Decimal | None
    """Over the same time."""
    monthly_usd: Decimal | None
    """What 30 days cost at the pace since the follower began; None before it has watched a minute."""
    minutes_usd: tuple[Decimal, ...]
    """Dollars of each of the last minutes, the oldest first; the last one is not over yet."""


@dataclass(frozen=True, slots=True)
class _Sample:
    at_s: float
    cost_usd: Decimal
    requests: int


class Pace:
    """Turns reports into ticks."""

    def __init__(self) -> None:
        self._first: _Sample | None = None
        self._samples: deque[_Sample] = deque()
        self._minutes: deque[Decimal] = deque(maxlen=MOST_BARS)
        self._minute = 0
        self._requests = 0

    def tick(self, report: CostReport, now_s: float, *, behind: bool = False) -> Tick:
        """Note a report.

        Args:
            report: on everything so far.
            now_s: when, by a clock that never goes back.
            behind: there is more to read that was there before.
        """
        now = _Sample(now_s, report.total.cost_usd, report.total.requests)
        before, self._requests = self._requests, now.requests
        if behind and self._first is None:
            return Tick(report, 0.0, now.requests - before, None, None, None, ())
        first = self._first = self._first or now
        self._note(now, first)
        start, watched_s = self._samples[0], now_s - first.at_s
        return Tick(
            report=report,
            watched_s=watched_s,
            new_requests=now.requests - before,
            usd_per_min=_rate(now.cost_usd - start.cost_usd, now_s - start.at_s),
            requests_per_min=_rate(Decimal(now.requests - start.requests), now_s - start.at_s),
            monthly_usd=_monthly(now.cost_usd - first.cost_usd, watched_s),
            minutes_usd=tuple(self._minutes),
        )

    def _note(self, now: _Sample, first: _Sample) -> None:
        """Keep the samples of the last minute and one before, and add to the bar of this minute."""
        minute = int((now.at_s - first.at_s) // MINUTE_S)
        missing = min(minute - self._minute if self._minutes else 1, MOST_BARS)
        self._minutes.extend([Decimal(0)] * missing)
        self._minute = minute
        if self._samples:
            self._minutes[-1] += now.cost_usd - self._samples[-1].cost_usd
        self._samples.append(now)
        while len(self._samples) > 2 and now.at_s - self._samples[1].at_s >= MINUTE_S:
            self._samples.popleft()


def _rate(amount: Decimal, elapsed_s: float) -> Decimal | None:
    """Return how much of it comes in a minute."""
    if elapsed_s <= 0:
        return None
    return EXACT.divide(EXACT.multiply(amount, Decimal(60)), Decimal(elapsed_s)).quantize(MICRO, context=EXACT)


def _monthly(amount: Decimal, watched_s: float) -> Decimal | None:
    per_minute = _rate(amount, watched_s) if watched_s >= MINUTE_S else None
    return None if per_minute is None else EXACT.multiply(per_minute, Decimal(_MONTH_MINUTES))
