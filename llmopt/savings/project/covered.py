"""Which UTC days a log covers from midnight to midnight: the first and the last are often cut off.

A day that is cut off would make a month look cheaper than it is. Whether one is cannot be seen from its calls alone:
offices sleep at night, too. So the hours that are missing at its edge are looked at in the days between: if hardly any
calls stand there, the day is whole.

Calls that lie far apart from most others, as those of a record whose time is 0, would make a month of empty days, and
years of fees. They are left out of the time that the log covers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from llmopt.savings.project.times import DAY_US, Stretch

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).date()
_FEW_CALLS = 4.0
"""So many calls are missing by chance in a log of few: a Poisson count of 4 is 0 in 2 % of cases."""
_WARM_ENOUGH = 0.25
_SMALL_SHARE = 0.01
"""Of a day's calls: less than this makes no difference to a month."""


@dataclass(frozen=True, slots=True)
class Covered:
    """The whole days of a log."""

    first: date | None
    """None: there is no whole day."""
    last: date | None
    cut: tuple[date, ...]
    """Days that are left out since the log begins or ends within them."""
    begins_us: int = 0
    """Of the log, microseconds since 1970."""

    @property
    def days(self) -> int:
        """How many there are, those without a call among them."""
        return (self.last - self.first).days + 1 if self.first and self.last else 0

    def cold(self, warm_up_s: float) -> int:
        """Return how many of the whole days begin before a cache that was empty at the log's beginning holds its usual.

        A day that lacks less than a quarter of what it should know is taken for warm.
        """
        if self.first is None:
            return 0
        warm_us = self.begins_us + warm_up_s * 1e6 - (self.first - _EPOCH).days * DAY_US
        return max(math.ceil(warm_us / DAY_US - _WARM_ENOUGH), 0)


def covered(most: Stretch | None, at_edges: tuple[int, int]) -> Covered:
    """Return the whole UTC days of a log.

    Args:
        most: the days that the log covers.
        at_edges: calls on its inner days that stand where the edges of the log are missing, as `times.at_edges` counts.
    """
    if most is None:
        return Covered(None, None, ())
    start, end = most.first_us // DAY_US, most.last_us // DAY_US
    head, tail = most.edges.head_us, DAY_US - most.edges.tail_us
    cut, alone = [], start == end
    if _matters(most, at_edges[0], head):
        cut.append(_day(start))
        start += 1
    if _matters(most, at_edges[1], tail):
        if not (alone and cut):
            cut.append(_day(end))
        end -= 1
    if start > end:
        return Covered(None, None, tuple(cut), most.first_us)
    return Covered(_day(start), _day(end), tuple(cut), most.first_us)


def _matters(most: Stretch, missing: int, lacks_us: int) -> bool:
    """Whether a day that lacks so much of its time lacks a part that one would notice.

    Args:
        most: the days that the log covers.
        missing: calls on its inner days that stand there.
        lacks_us: of the day; where there are no inner days, calls are taken to be spread evenly.
    """
    days = len(most.inner)
    if days < 1:
        span = max(most.last_us - most.first_us, 1)
        return most.calls * lacks_us / span >= _FEW_CALLS and lacks_us >= _SMALL_SHARE * DAY_US
    return missing >= _FEW_CALLS * days and missing >= _SMALL_SHARE * most.between


def _day(number: int) -> date:
    return _EPOCH + timedelta(days=number)
