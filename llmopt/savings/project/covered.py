"""Which UTC days a log covers from midnight to midnight: the first and the last are often cut off.

A day that is cut off would make a month look cheaper than it is. Whether one is cannot be seen from its calls alone:
offices sleep at night, too. So the hours that are missing at its edge are looked at in the days between: if hardly any
calls stand there, the day is whole.

Calls that lie far apart from most others, as those of a record whose time is 0, would make a month of empty days, and
years of fees. They are left out of the time that the log covers.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

_DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).date()
APART_DAYS = 31
"""Without a call: what lies beyond is no part of the same log."""
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
        warm_us = self.begins_us + warm_up_s * 1e6 - (self.first - _EPOCH).days * _DAY_US
        return max(math.ceil(warm_us / _DAY_US - _WARM_ENOUGH), 0)


def covered(at_us: Sequence[int]) -> Covered:
    """Return the whole UTC days of a log.

    Args:
        at_us: when its calls were, microseconds since 1970, ascending; calls without a time left out.
    """
    if not at_us:
        return Covered(None, None, ())
    most = most_calls(at_us)
    at_us = at_us[most.start : most.stop] if len(most) < len(at_us) else at_us
    first, last = at_us[0] // _DAY_US, at_us[-1] // _DAY_US
    head, tail = at_us[0] - first * _DAY_US, (last + 1) * _DAY_US - at_us[-1]
    cut = []
    start, end = first, last
    if _matters(at_us, first + 1, last - 1, 0, head):
        cut.append(_day(first))
        start += 1
    if _matters(at_us, first + 1, last - 1, _DAY_US - tail, _DAY_US):
        if last != first or not cut:
            cut.append(_day(last))
        end -= 1
    if start > end:
        return Covered(None, None, tuple(cut), at_us[0])
    return Covered(_day(start), _day(end), tuple(cut), at_us[0])


def most_calls(at_us: Sequence[int]) -> range:
    """Return which calls make the time that a log covers: all but those far apart from most others.

    Args:
        at_us: as for `covered`.
    """
    return max(_stretches(at_us), key=len, default=range(0))


def _stretches(at_us: Sequence[int]) -> Iterator[range]:
    """Yield where calls stand that no long time without any parts."""
    start = last = 0
    while last < len(at_us):
        after = bisect_right(at_us, at_us[last] + APART_DAYS * _DAY_US)
        if after - 1 > last and after < len(at_us):
            last = after - 1
            continue
        yield range(start, after)
        start = last = after


def _matters(at_us: Sequence[int], first: int, last: int, since_us: int, until_us: int) -> bool:
    """Whether a day without what lies between two times of the day lacks a part that one would notice.

    The days from `first` to `last` say what lies there; without any, calls are taken to be spread evenly.
    """
    days = last - first + 1
    if days < 1:
        span = max(at_us[-1] - at_us[0], 1)
        missing = len(at_us) * (until_us - since_us) / span
        return missing >= _FEW_CALLS and until_us - since_us >= _SMALL_SHARE * _DAY_US
    calls = bisect_left(at_us, (last + 1) * _DAY_US) - bisect_left(at_us, first * _DAY_US)
    missing = sum(
        bisect_left(at_us, day * _DAY_US + until_us) - bisect_left(at_us, day * _DAY_US + since_us)
        for day in range(first, last + 1)
    )
    return missing >= _FEW_CALLS * days and missing >= _SMALL_SHARE * calls


def _day(number: int) -> date:
    return _EPOCH + timedelta(days=number)
