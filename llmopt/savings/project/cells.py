"""Put calls together that every set of levers treats alike, and keep their tokens side by side.

A cell holds calls of one kind with one route that are all repeats or none, can all wait or none, and so on. What a set
of levers makes of its calls then differs by their tokens only. The calls of a cell stand in a row, by time; so whatever
is done to their tokens is done to slices of columns, by functions that loop in C.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import repeat
from operator import add, floordiv, mod, mul

from llmopt.cost.call_columns import NO_TIME, CallColumns
from llmopt.savings.project.by_call import by_call, timed_calls
from llmopt.savings.project.hits import HIT, SHARED, keys, outcomes
from llmopt.savings.project.levers.batch import in_hours, tagged
from llmopt.savings.project.levers.self_host import serves
from llmopt.savings.project.plan import Plan
from llmopt.savings.project.prefixes.tree import ROOT
from llmopt.savings.project.requests import SAMPLES, UNKNOWN_SETTINGS, Requests

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
_EPOCH = date(1970, 1, 1)
_HIT, _WAITS, _TAGGED, _CHAINED, _SAMPLED, _FLAGS = 1, 2, 4, 8, 16, 32


@dataclass(frozen=True, slots=True)
class Cell:
    """Calls in a row that differ by their time, their request and their tokens only."""

    kind: int
    """Index in `CallColumns.kinds`."""
    route: int
    """Index in `Requests.routes`; -1: none."""
    hit: bool
    """The response cache answers them."""
    waits: bool
    """The batch lever chooses them."""
    tagged: bool
    """They have a tag that own machines serve."""
    chained: bool
    """They have a time, and their prompt is in the tree of prefixes."""
    sampled: bool
    """They are answered by the cache although they sample, or may."""
    first: int
    last: int
    """Places in the columns of `Cells`, the last one excluded."""

    def __len__(self) -> int:
        return self.last - self.first


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a cell."""

    day: date | None
    """UTC day; None: all days, or no time."""
    first: int
    last: int


@dataclass(slots=True)
class Cells:
    """All calls of a log, cell by cell."""

    cells: tuple[Cell, ...]
    order: array[int]
    """Number of each call in the log."""
    at_us: array[int]
    usage: dict[str, array[int]]
    """Bucket -> tokens."""
    asked: array[int] | None
    """What each call asks of the response cache, in the order of the log (`hits.keys`); None without a cache."""
    _columns: CallColumns
    _request: array[int] | None = None
    _days: dict[int, tuple[Piece, ...]] = field(default_factory=dict)

    @property
    def request(self) -> array[int]:
        """Return the number of each call's request, as in `CallColumns`."""
        if self._request is None:
            self._request = _gathered("i", self._columns.request, self.order)
        return self._request

    def days(self, number: int) -> tuple[Piece, ...]:
        """Return the days of a cell."""
        if number not in self._days:
            cell = self.cells[number]
            self._days[number] = tuple(_days(self.at_us, cell.first, cell.last))
        return self._days[number]


def put_together(columns: CallColumns, requests: Requests, plan: Plan) -> Cells:
    """Return the cells of a log."""
    asked = None if plan.cache is None else keys(columns, requests, plan.cache)
    routes = by_call("i", requests.route, -1, columns)
    sorts = _Sorts(1 + max(routes, default=-1))
    codes = sorts.codes(columns.kind, routes, _flags(columns, requests, plan, asked))
    order = array("i", sorted(range(len(codes)), key=codes.__getitem__))
    return Cells(
        cells=tuple(_cells(sorts, Counter(codes))),
        order=order,
        at_us=_gathered("q", columns.at_us, order),
        usage={bucket: _gathered("q", column, order) for bucket, column in columns.usage.items()},
        asked=asked,
        _columns=columns,
    )


def day_of(at_us: int) -> date:
    """Return the UTC day of an instant."""
    return _EPOCH + timedelta(days=at_us // DAY_US)


@dataclass(frozen=True, slots=True)
class _Sorts:
    """What the calls of a cell share, as one number: so they are sorted by it, too."""

    routes: int

    def codes(self, kinds: array[int], routes: array[int], flags: bytes) -> array[int]:
        """Return the number of each call."""
        found = map(mul, kinds, repeat(self.routes + 1))
        if self.routes:
            found = map(add, map(add, found, routes), repeat(1))
        return array("q", map(add, map(mul, found, repeat(_FLAGS)), flags))

    def parts(self, code: int) -> tuple[int, int, int]:
        """Return kind, route and flags."""
        rest, flags = divmod(code, _FLAGS)
        kind, route = divmod(rest, self.routes + 1)
        return kind, route - 1, flags


def _flags(columns: CallColumns, requests: Requests, plan: Plan, asked: array[int] | None) -> bytes:
    """Return the bits of each call."""
    found = bytes(len(columns))
    if plan.cache is not None:
        found = _hit(columns, requests, outcomes(columns, requests, plan.cache, asked))
    for some in (_by_label(columns, plan), _by_hour(columns, plan), _chained(columns, requests)):
        if some is not None:
            found = _either(found, some)
    return found


def _either(one: bytes, other: bytes) -> bytes:
    """Return the bits of both: all bytes at once, as one whole number."""
    return (int.from_bytes(one, "little") | int.from_bytes(other, "little")).to_bytes(len(one), "little")


def _hit(columns: CallColumns, requests: Requests, came: bytearray) -> bytes:
    by_outcome = bytes(_HIT if outcome in (HIT, SHARED) else 0 for outcome in range(256))
    hit = bytes(came.translate(by_outcome))
    samples = bytes(_SAMPLED if flags & (SAMPLES | UNKNOWN_SETTINGS) else 0 for flags in range(256))
    by_request = requests.flags.tobytes().translate(samples)
    if not any(by_request):
        return hit
    # Both bits for a hit, so that what is in both is the mark of a hit that samples.
    mask = bytes(came.translate(by_outcome.replace(bytes([_HIT]), bytes([_SAMPLED]))))
    sampled = by_call("B", by_request, 0, columns).tobytes()
    both = int.from_bytes(mask, "little") & int.from_bytes(sampled, "little")
    return _either(hit, both.to_bytes(len(hit), "little"))


def _by_label(columns: CallColumns, plan: Plan) -> bytes | None:
    batch, own = plan.batch, plan.self_host
    by_label = bytes(
        (_WAITS if batch is not None and tagged(label, batch.tags) else 0)
        | (_TAGGED if own is not None and serves(own, label) else 0)
        for label in columns.labels
    )
    return bytes(map(by_label.__getitem__, columns.label)) if any(by_label) else None


def _by_hour(columns: CallColumns, plan: Plan) -> bytes | None:
    if plan.batch is None or plan.batch.hours is None:
        return None
    timed = timed_calls(columns)
    rest = bytes(len(columns) - timed)
    by_hour = bytes(_WAITS if in_hours(hour * HOUR_US, plan.batch.hours) else 0 for hour in range(24))
    if all(by_hour):
        return bytes([_WAITS]) * timed + rest
    hours = map(mod, map(floordiv, columns.at_us[:timed], repeat(HOUR_US)), repeat(24))
    return bytes(map(by_hour.__getitem__, hours)) + rest


def _chained(columns: CallColumns, requests: Requests) -> bytes | None:
    by_request = bytes(map(ROOT.__lt__, requests.chain))
    if not any(by_request):
        return None
    timed = timed_calls(columns)
    known = by_call("B", by_request.replace(b"\1", bytes([_CHAINED])), 0, columns).tobytes()
    return known[:timed] + bytes(len(columns) - timed)


def _cells(sorts: _Sorts, sizes: Mapping[int, int]) -> Iterator[Cell]:
    first = 0
    for code, size in sorted(sizes.items()):
        kind, route, flags = sorts.parts(code)
        yield Cell(
            kind=kind,
            route=route,
            hit=bool(flags & _HIT),
            waits=bool(flags & _WAITS),
            tagged=bool(flags & _TAGGED),
            chained=bool(flags & _CHAINED),
            sampled=bool(flags & _SAMPLED),
            first=first,
            last=first + size,
        )
        first += size


def _gathered(kind: str, column: array[int], order: array[int]) -> array[int]:
    return array(kind, map(column.__getitem__, order))


def _days(at_us: array[int], first: int, last: int) -> Iterator[Piece]:
    """Cut a row of calls into days; those without a time stand at its end."""
    while first < last:
        at = at_us[first]
        if at == NO_TIME:
            yield Piece(None, first, last)
            return
        stop = bisect_left(at_us, (at // DAY_US + 1) * DAY_US, first, _timed(at_us, first, last))
        yield Piece(day_of(at), first, stop)
        first = stop


def _timed(at_us: array[int], first: int, last: int) -> int:
    """Return where the calls of a cell without a time begin."""
    return bisect_left(at_us, True, first, last, key=NO_TIME.__eq__)
