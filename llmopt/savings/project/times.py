"""When the calls of a log were, by UTC day: enough to say what time the log covers, and it adds up over parts of it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

DAY_US = 86_400_000_000
APART_DAYS = 31
"""Without a call: what lies beyond is no part of the same log."""


class Day(NamedTuple):
    """The calls of one UTC day."""

    calls: int
    first_us: int
    last_us: int


class Edges(NamedTuple):
    """Where in its first and in its last day a log begins and ends."""

    head_us: int
    """Of the first day, before the first call."""
    tail_us: int
    """Of the last day, up to the last call."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days that no long time without any call parts."""

    first_us: int
    """First call."""
    last_us: int
    """Last call."""
    calls: int
    between: int
    """Calls of the days that are neither the first nor the last."""

    @property
    def edges(self) -> Edges:
        """Where in their days it begins and ends."""
        return Edges(self.first_us % DAY_US, self.last_us % DAY_US)

    @property
    def inner(self) -> range:
        """The numbers of the days that are neither the first nor the last."""
        return range(self.first_us // DAY_US + 1, self.last_us // DAY_US)


@dataclass(frozen=True, slots=True)
class Times:
    """The calls that have a time."""

    days: Mapping[int, Day] = field(default_factory=dict)
    """Number of the day since 1970 -> its calls; days without any are missing."""

    @property
    def calls(self) -> int:
        """All of them."""
        return sum(day.calls for day in self.days.values())

    def most(self) -> Stretch | None:
        """Return the stretch with the most calls, the first of several; None where no call has a time.

        Calls far apart from it, as those of a record whose time is 0, are no part of the time that the log covers.
        """
        return max(self._stretches(), key=lambda stretch: stretch.calls, default=None)

    def _stretches(self) -> Iterator[Stretch]:
        found: list[Day] = []
        for number in sorted(self.days):
            day = self.days[number]
            if found and day.first_us - found[-1].last_us > APART_DAYS * DAY_US:
                yield _stretch(found)
                found = []
            found.append(day)
        if found:
            yield _stretch(found)


def times_of(at_us: Sequence[int]) -> Times:
    """Return the days of calls.

    Args:
        at_us: when they were, microseconds since 1970, ascending; calls without a time left out.
    """
    days = {}
    first = 0
    while first < len(at_us):
        number = at_us[first] // DAY_US
        stop = bisect_left(at_us, (number + 1) * DAY_US, first)
        days[number] = Day(stop - first, at_us[first], at_us[stop - 1])
        first = stop
    return Times(days)


def all_times(parts: Iterable[Times]) -> Times:
    """Return the days of the calls of all parts of a log."""
    days: dict[int, Day] = {}
    for part in parts:
        for number, day in part.days.items():
            known = days.get(number, Day(0, day.first_us, day.last_us))
            ends = min(known.first_us, day.first_us), max(known.last_us, day.last_us)
            days[number] = Day(known.calls + day.calls, *ends)
    return Times(days)


def at_edges(at_us: Sequence[int], most: Stretch | None) -> tuple[int, int]:
    """Count the calls on inner days that stand where the first day lacks its beginning, and the last day its end.

    Args:
        at_us: as for `times_of`; may be a part of the log.
        most: the days that the whole log covers.
    """
    if most is None:
        return 0, 0
    head, tail = most.edges
    early = late = 0
    for day in most.inner:
        start = bisect_left(at_us, day * DAY_US)
        end = bisect_left(at_us, (day + 1) * DAY_US, start)
        early += bisect_left(at_us, day * DAY_US + head, start, end) - start
        late += end - bisect_left(at_us, day * DAY_US + tail, start, end)
    return early, late


def _stretch(days: Sequence[Day]) -> Stretch:
    calls = sum(day.calls for day in days)
    between = sum(day.calls for day in days[1:-1])
    return Stretch(days[0].first_us, days[-1].last_us, calls, between)
