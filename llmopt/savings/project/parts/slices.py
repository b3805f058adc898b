"""Calls of a part of a log as numbers that mean the same elsewhere: to be dealt by request, and put together again.

A call refers to its request by a number, as in `CallColumns`; what is known of the request goes with it, under digests
that each machine computes alike. No text is in it but names of models and labels. A call takes some 160 bytes, of which
a fast compressor leaves 40 to 50: most buckets of tokens are empty.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from llmopt.core.usage import BUCKETS
from llmopt.cost.call_columns import NO_TIME, Kind
from llmopt.cost.spec.load import GROUP_FIELDS
from llmopt.savings.project.levers.compression import Stratum

T = TypeVar("T")
NO_KEY = bytes(16)
"""Of a request that JSON cannot spell."""


@dataclass(slots=True)
class Asked:
    """What is known of the distinct requests of some calls; all columns are of one length."""

    spelled: list[bytes] = field(default_factory=list)
    """16 bytes that differ where requests are spelled differently, or are of another model, provider or label."""
    key: list[bytes] = field(default_factory=list)
    """16 bytes: the question, as a cache tells it; `NO_KEY`."""
    flags: array[int] = field(default_factory=lambda: array("B"))
    """As in `Requests`."""
    route: array[int] = field(default_factory=lambda: array("i"))
    """As in `Requests`; -1 where routing is off."""
    stratum: list[Stratum | None] = field(default_factory=list)
    """Which sampled requests may stand for it; None: there is nothing to compress."""
    tokens: array[int] = field(default_factory=lambda: array("q"))
    """As in `Strata`."""
    first: array[int] = field(default_factory=lambda: array("q"))
    """Place of its first call in the log."""

    def __len__(self) -> int:
        return len(self.spelled)

    def picked(self, numbers: Sequence[int]) -> Asked:
        """Return some of the requests."""
        return Asked(
            spelled=[self.spelled[number] for number in numbers],
            key=[self.key[number] for number in numbers],
            flags=_picked(self.flags, numbers),
            route=_picked(self.route, numbers),
            stratum=[self.stratum[number] for number in numbers],
            tokens=_picked(self.tokens, numbers),
            first=_picked(self.first, numbers),
        )

    def extend(self, other: Asked) -> None:
        """Add requests behind these."""
        self.spelled += other.spelled
        self.key += other.key
        self.flags += other.flags
        self.route += other.route
        self.stratum += other.stratum
        self.tokens += other.tokens
        self.first += other.first


@dataclass(slots=True)
class Slice:
    """Calls in any order; all columns are of one length."""

    order: array[int] = field(default_factory=lambda: array("q"))
    """Place in the whole log."""
    ident: array[int] = field(default_factory=lambda: array("Q"))
    """What a record is told from others by; 0 where nothing does."""
    at_us: array[int] = field(default_factory=lambda: array("q"))
    """This and what follows as in `CallColumns`."""
    took_us: array[int] = field(default_factory=lambda: array("q"))
    kind: array[int] = field(default_factory=lambda: array("i"))
    request: array[int] = field(default_factory=lambda: array("i"))
    """Index in `asked`; -1: not logged."""
    label: array[int] = field(default_factory=lambda: array("i"))
    flags: array[int] = field(default_factory=lambda: array("B"))
    """Also with the bit `NAIVE` of a book."""
    usage: dict[str, array[int]] = field(default_factory=lambda: {bucket: array("q") for bucket in BUCKETS})
    """Of all buckets."""
    kinds: list[Kind] = field(default_factory=list)
    labels: list[Mapping[str, str]] = field(default_factory=list)
    asked: Asked = field(default_factory=Asked)

    def __len__(self) -> int:
        return len(self.order)

    def picked(self, rows: Sequence[int]) -> Slice:
        """Return some of the calls, with what they refer to and no more."""
        kind, kinds = _renumbered(_picked(self.kind, rows))
        label, labels = _renumbered(_picked(self.label, rows))
        request, requests = _renumbered(_picked(self.request, rows))
        return Slice(
            order=_picked(self.order, rows),
            ident=_picked(self.ident, rows),
            at_us=_picked(self.at_us, rows),
            took_us=_picked(self.took_us, rows),
            kind=kind,
            request=request,
            label=label,
            flags=_picked(self.flags, rows),
            usage={bucket: _picked(column, rows) for bucket, column in self.usage.items()},
            kinds=[self.kinds[number] for number in kinds],
            labels=[self.labels[number] for number in labels],
            asked=self.asked.picked(requests),
        )

    def by_time(self) -> list[int]:
        """Return the calls by time, those without one last, those of one time in the order of the log."""
        at_us, order = self.at_us, self.order
        return sorted(range(len(order)), key=lambda row: (at_us[row] == NO_TIME, at_us[row], order[row]))

    def dealt(self, bucket_of: Sequence[int], buckets: int) -> dict[int, Slice]:
        """Return the calls by bucket; buckets without any are missing.

        Args:
            bucket_of: of each call.
            buckets: their number.
        """
        rows: list[list[int]] = [[] for _ in range(buckets)]
        for row, bucket in enumerate(bucket_of):
            rows[bucket].append(row)
        return {bucket: self.picked(some) for bucket, some in enumerate(rows) if some}

    def by_ident(self, buckets: int) -> dict[int, Slice]:
        """Return the calls by bucket: those that may be the same record are in one."""
        calls = zip(self.ident, self.order, strict=True)
        return self.dealt([(ident or order) % buckets for ident, order in calls], buckets)

    def by_question(self, buckets: int) -> dict[int, Slice]:
        """Return the calls by bucket: those of one question, or of one spelling of what has no key, are in one."""
        keys = zip(self.asked.key, self.asked.spelled, strict=True)
        of = [int.from_bytes((spelled if key == NO_KEY else key)[:8], "little") % buckets for key, spelled in keys]
        calls = zip(self.request, self.order, strict=True)
        return self.dealt([order % buckets if request < 0 else of[request] for request, order in calls], buckets)


def joined(slices: Iterable[Slice]) -> Slice:
    """Put calls together; requests that are spelled alike, kinds and labels become one."""
    whole = Slice()
    kinds: dict[object, int] = {}
    labels: dict[object, int] = {}
    asked: dict[bytes, int] = {}
    for part in slices:
        kind_of = [_number(kinds, _name(kind), whole.kinds, kind) for kind in part.kinds]
        label_of = [_number(labels, tuple(sorted(label.items())), whole.labels, label) for label in part.labels]
        whole.kind.extend(map(kind_of.__getitem__, part.kind))
        whole.label.extend(map(label_of.__getitem__, part.label))
        whole.request.extend(map(_requests(whole.asked, asked, part.asked).__getitem__, part.request))
        for name in ("order", "ident", "at_us", "took_us", "flags"):
            getattr(whole, name).extend(getattr(part, name))
        for bucket, column in whole.usage.items():
            column.extend(part.usage[bucket])
    return whole


def without_repeats(part: Slice) -> tuple[Slice, int]:
    """Return the calls without further records of the same, and how many those were.

    The first record in the log stays, and learns what only a later one says.
    """
    told = len(part) - part.ident.count(0)
    if len(set(part.ident)) - (told < len(part)) == told:
        return part, 0
    first: dict[int, int] = {}
    kept = []
    for row in sorted(range(len(part)), key=part.order.__getitem__):
        ident = part.ident[row]
        if not ident or first.setdefault(ident, row) == row:
            kept.append(row)
        else:
            _merge(part, first[ident], row)
    return part.picked(kept), len(part) - len(kept)


def _merge(part: Slice, kept: int, row: int) -> None:
    """Let a call tell what only a repeat of it says."""
    if part.request[kept] < 0:
        part.request[kept] = part.request[row]
    if not part.took_us[kept]:
        part.took_us[kept] = part.took_us[row]
    if part.label[kept] != part.label[row]:
        own, other = part.labels[part.label[kept]], part.labels[part.label[row]]
        label = {name: text for name, text in other.items() if name not in GROUP_FIELDS} | dict(own)
        if label not in part.labels:
            part.labels.append(label)
        part.label[kept] = part.labels.index(label)


def _requests(whole: Asked, numbers: dict[bytes, int], part: Asked) -> list[int]:
    """Add the requests of a part to those of the whole; return their numbers there, and -1 in the last place."""
    new = []
    for number, spelled in enumerate(part.spelled):
        if spelled not in numbers:
            numbers[spelled] = len(numbers)
            new.append(number)
    whole.extend(part.picked(new))
    if len(new) < len(part):
        _earlier(whole, numbers, part, set(new))
    return [*map(numbers.__getitem__, part.spelled), -1]


def _earlier(whole: Asked, numbers: Mapping[bytes, int], part: Asked, new: set[int]) -> None:
    """Take what the first call of a request says of it, where that is in another part than those before."""
    for number, spelled in enumerate(part.spelled):
        if number not in new and part.first[number] < whole.first[numbers[spelled]]:
            there = numbers[spelled]
            whole.first[there] = part.first[number]
            whole.stratum[there], whole.tokens[there] = part.stratum[number], part.tokens[number]


def _number(known: dict[object, int], name: object, listed: list[T], item: T) -> int:
    """Return the number of a thing, which is added to a list where it is new."""
    if name not in known:
        known[name] = len(listed)
        listed.append(item)
    return known[name]


def _name(kind: Kind) -> tuple[object, ...]:
    """Return what the price of a kind depends on."""
    return kind.model, kind.provider, kind.tier, kind.epoch, kind.minute, kind.unpriced


def _picked(column: array[int], rows: Sequence[int]) -> array[int]:
    return array(column.typecode, map(column.__getitem__, rows))


def _renumbered(column: array[int]) -> tuple[array[int], list[int]]:
    """Return indices into what is used of a list, and what that is; -1 stays."""
    used = sorted(set(column) - {-1})
    new = {old: number for number, old in enumerate(used)} | {-1: -1}
    return array(column.typecode, map(new.__getitem__, column)), used
