"""The slow path: read single records in Python, book the good ones, say what is wrong with the rest.

Here come the lines that the duckdb query was not sure of, and whole files that it cannot read: damaged archives,
lines longer than its buffers, formats without usage. Nothing is lost on the way: every line is booked, skipped
or rejected with file, line and reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from llmopt.core.ledger import Entry, Key, Ledger
from llmopt.core.usage import BUCKETS, Usage
from llmopt.cost.csv_files import records as csv_records
from llmopt.cost.groups import BY_TIME
from llmopt.cost.plan import Plan
from llmopt.cost.result import Rejected
from llmopt.cost.sniff import Sniffer
from llmopt.cost.sources import DAMAGE, Source, numbered_lines
from llmopt.cost.spec.load import Spec
from llmopt.cost.spec.python import RecordReader
from llmopt.cost.spec.row import Outcome, Row
from llmopt.cost.spec.values import epoch_micros, from_micros
from llmopt.cost.weights import Weights
from llmopt.tokens.count import prompt_tokens

_KINDS: dict[type, str] = {list: "list", str: "text", bool: "boolean", type(None): "null"}
_VARIABLE = re.compile(r"'[^']*'|-?\d+")


class Rejects:
    """Rejected records by kind of reason, each with the first place."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[str, int, str]] = {}

    def add(self, reason: str, file: str, line: int) -> None:
        """Count one rejected record; `reason` may hold values, records with other values count with it."""
        kind = _VARIABLE.sub("", reason)
        first_reason, count, first = self._found.get(kind, (reason, 0, f"{file}:{line}"))
        self._found[kind] = (first_reason, count + 1, first)

    def listed(self) -> tuple[Rejected, ...]:
        """Return the reasons, most frequent first."""
        found = [Rejected(reason, count, first) for reason, count, first in self._found.values()]
        return tuple(sorted(found, key=lambda item: (-item.count, item.first, item.reason)))

    @property
    def count(self) -> int:
        """How many records were rejected."""
        return sum(count for _, count, _ in self._found.values())


class Booked(Protocol):
    """What the reader adds to."""

    ledger: Ledger
    rejects: Rejects
    duplicates: int
    free: int
    skipped: int
    seen: int
    dearest_usd: Decimal | None


@dataclass(slots=True)
class _Kept:
    """The best record so far of one response."""

    row: Row
    file: str
    first: int | None
    """Earliest timestamp of all its records, in microseconds."""
    copies: int = 0
    """Other records of the same response."""


@dataclass(slots=True)
class Reader:
    """Reads records one by one and books them."""

    sniffer: Sniffer
    plan: Plan
    booked: Booked
    weigh: Callable[[Key], Weights | None] | None = None
    """Given where the dearest request is wanted: what the requests of a key cost."""
    _kept: dict[object, _Kept] = field(default_factory=dict)
    _spans: list[tuple[Row, Source]] = field(default_factory=list)
    _readers: dict[str, RecordReader] = field(default_factory=dict)

    def read_all(self, source: Source) -> None:
        """Read a whole file."""
        self._readers = {}
        number = 0
        try:
            for number, line in numbered_lines(source):
                self._line(source, number, line, (), None)
        except DAMAGE as error:
            self.reject(f"damaged file, cannot be read further: {error}", source.shown, source.line_of(number + 1))

    def read_some(self, source: Source, specs: Sequence[Spec], found: Sequence[Sequence[Any]]) -> None:
        """Read single records of a file.

        Args:
            source: the file.
            specs: the formats that duckdb read it by.
            found: (line among those that are not blank, place in each nested list, whether the whole line is meant).
        """
        self._readers = {}
        places: dict[int, set[tuple[int, ...]] | None] = {}
        for count, *place, whole in found:
            known = places.setdefault(count, set())
            if whole or known is None:
                places[count] = None
            else:
                known.add(tuple(place))
        stateful = [reader for reader in (self._reader(spec) for spec in specs) if reader.stateful]
        try:
            for count, (number, line) in enumerate(numbered_lines(source), 1):
                if count in places:
                    self._line(source, number, line, specs, places[count])
                elif stateful:
                    _remember(stateful, line)
        except DAMAGE as error:
            self.reject(f"damaged file, cannot be read further: {error}", source.shown, source.line_of(count + 1))

    def read_records(self, source: Source, spec: Spec, records: Iterable[tuple[int, dict[str, Any]]]) -> None:
        """Read rows of a table, already taken apart: (line, record)."""
        reader = RecordReader(spec)
        for number, record in records:
            for row in reader.rows(record):
                self._book(row, source, number)

    def read_csv(self, source: Source, spec: Spec, wanted: frozenset[int] | None = None) -> None:
        """Read a CSV file.

        Args:
            source: the file.
            spec: the format of its rows.
            wanted: numbers (from 1) among the rows that are CSV at all; None: every row, and the others rejected.
        """
        reader = RecordReader(spec)
        number = 0
        for line, record, reason in csv_records(source):
            if record is None:
                if wanted is None:
                    self.reject(reason, source.shown, line)
                continue
            number += 1
            if wanted is None or number in wanted:
                for row in reader.rows(record):
                    self._book(row, source, line)

    def reject(self, reason: str, file: str, line: int) -> None:
        """Count a record that cannot be read."""
        self.booked.seen += 1
        self.booked.rejects.add(reason, file, line)

    def finish(self) -> None:
        """Book what had to wait for the last record: leaf spans, then the best record of each response."""
        for row, source in self._leaves():
            self._keep(row, source)
        self._spans = []
        for kept in self._kept.values():
            self._enter(kept.row, kept.file, kept.first)
            if _within(kept.first, self.plan):
                self.booked.duplicates += kept.copies
            else:
                self.booked.skipped += kept.copies
        self._kept = {}

    def _line(
        self, source: Source, number: int, line: bytes, specs: Sequence[Spec], places: set[tuple[int, ...]] | None
    ) -> None:
        number = source.line_of(number)
        record, reason = decoded(line, first=number == 1)
        spec = self.sniffer.recognise(record) if not reason else None
        if spec is None and not reason and self.sniffer.is_empty(record):
            self.booked.seen += 1
            self.booked.skipped += 1
            return
        if spec is None:
            self.reject(reason or "a record of no known format", source.shown, number)
            return
        for variant in self.sniffer.chains(spec, record):
            known = any(variant is other for other in specs)
            for row in self._reader(variant).rows(record):
                if places is None or not known or row.place in places or not row.place:
                    self._book(row, source, number)

    def _reader(self, spec: Spec) -> RecordReader:
        """One reader a spec and file: it remembers what earlier lines said."""
        if spec.variant not in self._readers:
            self._readers[spec.variant] = RecordReader(spec)
        return self._readers[spec.variant]

    def _leaves(self) -> Iterator[tuple[Row, Source]]:
        """Leave out spans that repeat the usage of spans below them."""
        parents: dict[str, str | None] = {row.span: row.parent for row, _ in self._spans if row.span}
        above: set[str] = set()
        for row, _ in self._spans:
            parent = row.parent if row.outcome == Outcome.OK else None
            while parent and parent not in above:
                above.add(parent)
                parent = parents.get(parent)
        for row, source in self._spans:
            if row.outcome not in (Outcome.OK, Outcome.NO_USAGE):
                continue
            if row.outcome == Outcome.OK and row.span in above:
                within = _within(epoch_micros(row.timestamp), self.plan)
                self.booked.duplicates += int(within)
                self.booked.skipped += int(not within)
            else:
                yield row, source

    def _book(self, row: Row, source: Source, number: int) -> None:
        self.booked.seen += 1
        if row.span and row.outcome != Outcome.BAD:
            self._spans.append((row, source))
            if row.outcome in (Outcome.OK, Outcome.NO_USAGE):
                return
        match row.outcome:
            case Outcome.SKIP:
                self.booked.skipped += 1
            case Outcome.FREE if _within(epoch_micros(row.timestamp), self.plan):
                self.booked.free += 1
                self.booked.ledger.add(Key(row.spec, int(Outcome.FREE)), Entry(records=1))
            case Outcome.FREE:
                self.booked.skipped += 1
            case Outcome.BAD | Outcome.UNKNOWN:
                self.booked.rejects.add(row.reason or "a record of no known format", source.shown, number)
            case _:
                self._keep(row, source)

    def _keep(self, row: Row, source: Source) -> None:
        """Keep the best record of each response; book at once what has no identity."""
        micros = epoch_micros(row.timestamp)
        identity: object = row.key if row.key and all(row.key) else None
        if self.plan.dedupe == "none":
            row = replace(row, request_id=None)
            identity = None
        if identity is None and not row.key and row.request_id is not None:
            identity = hash((row.request_id, row.model, micros, row.usage))
        if identity is None:
            self._enter(row, source.shown, micros)
            return
        known = self._kept.get(identity)
        if known is None:
            self._kept[identity] = _Kept(row, source.shown, micros)
            return
        known.copies += 1
        stamps = [stamp for stamp in (known.first, micros) if stamp is not None]
        known.first = min(stamps, default=None)
        if (-row.outcome, row.order) > (-known.row.outcome, known.row.order):
            known.row, known.file = row, source.shown

    def _enter(self, row: Row, file: str, micros: int | None) -> None:
        if not _within(micros, self.plan):
            self.booked.skipped += 1
            return
        outcome, usage, estimated = row.outcome, row.usage, 0
        if outcome == Outcome.NO_USAGE and row.prompt:
            usage, estimated = prompt_tokens(row.prompt, row.model)
            outcome = Outcome.OK
        stamp = row.timestamp if micros is None else from_micros(micros)
        keying = self.plan.keying
        groups = row.groups | {"file": file} | {name: of(stamp) if stamp else None for name, of in BY_TIME.items()}
        key = Key(
            format=row.spec,
            outcome=int(outcome),
            model=row.model,
            provider=row.provider,
            tier=row.tier,
            epoch=keying.epoch(stamp),
            minute=keying.minute(row.model, stamp),
            band=keying.band(usage.input_tokens, aggregate=row.aggregate) if outcome == Outcome.OK else 0,
            groups=tuple(groups.get(name) for name in self.plan.by),
        )
        if self.weigh is not None and outcome == Outcome.OK and not row.aggregate:
            self._weigh(key, usage, self.weigh)
        self.booked.ledger.add(
            key,
            Entry(
                1, row.requests, usage, row.reported_usd, stamp, stamp, int(stamp is None), int(row.naive), estimated
            ),
        )

    def _weigh(self, key: Key, usage: Usage, weigh: Callable[[Key], Weights | None]) -> None:
        weights = weigh(key)
        if weights is not None:
            tokens = sum((weights.usd_per_mtok[bucket] * getattr(usage, bucket) for bucket in BUCKETS), Decimal(0))
            self.seen_cost(tokens / 1_000_000 + weights.usd_per_request)

    def seen_cost(self, cost_usd: Decimal) -> None:
        """Note what a single request costs; the dearest is kept."""
        known = self.booked.dearest_usd
        self.booked.dearest_usd = cost_usd if known is None else max(known, cost_usd)


def decoded(line: bytes, *, first: bool) -> tuple[Any, str]:
    """Return the record on a line, or null and what is wrong with it."""
    text = line.strip().removeprefix(b"\xef\xbb\xbf") if first else line.strip()
    try:
        record = msgspec.json.decode(text)
    except RecursionError:
        return None, "not JSON that can be read: nested too deeply"
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return None, _why(text, str(error))
    if not isinstance(record, dict):
        return None, f"a JSON {_KINDS.get(type(record), 'number')}, not a record"
    return record, ""


def _why(text: bytes, error: str) -> str:
    if b"\x00" in text:
        return "not JSON: it holds a NUL byte"
    try:
        text.decode()
    except UnicodeDecodeError:
        return "not valid UTF-8"
    if text.startswith(b"{") and "truncated" in error:
        return "truncated JSON"
    return "not JSON: " + error.removeprefix("JSON is malformed: ")


def _remember(readers: Iterable[RecordReader], line: bytes) -> None:
    record, reason = decoded(line, first=False)
    if not reason:
        for reader in readers:
            reader.rows(record)


def _within(micros: int | None, plan: Plan) -> bool:
    if plan.since_us is None and plan.until_us is None:
        return True
    if micros is None:
        return False
    return (plan.since_us is None or micros >= plan.since_us) and (plan.until_us is None or micros < plan.until_us)
