"""The slow path: read single records in Python, book the good ones, say what is wrong with the rest.

Here come the lines that the duckdb query was not sure of, and whole files that it cannot read: damaged archives,
lines longer than its buffers, formats without usage. Nothing is lost on the way: every line is booked, skipped
or rejected with file, line and reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, Protocol

from llmopt.core.ledger import Entry, Key, Ledger
from llmopt.core.usage import BUCKETS, Usage
from llmopt.cost.counting import counted
from llmopt.cost.csv_files import records as csv_records
from llmopt.cost.groups import BY_TIME
from llmopt.cost.identity import Identity, better, identity_of
from llmopt.cost.line import by_line, decoded
from llmopt.cost.pairs import Answer, Kept, billed, custom_id_of, is_within, joined, pair, wanted
from llmopt.cost.plan import Plan
from llmopt.cost.rejected import Rejects
from llmopt.cost.sniff import Sniffer
from llmopt.cost.sources import DAMAGE, Source, numbered_lines
from llmopt.cost.spans import repeated
from llmopt.cost.spec.closures import Frames
from llmopt.cost.spec.load import Spec
from llmopt.cost.spec.python import RecordReader
from llmopt.cost.spec.row import Outcome, Row, Told
from llmopt.cost.spec.values import epoch_micros, from_micros
from llmopt.cost.weights import Weights

MOST_HELD = 64 * 2**20
"""Characters of text that are kept; further ones are counted at once, even if usage turns up for their response."""


class Booked(Protocol):
    """What the reader adds to."""

    ledger: Ledger
    rejects: Rejects
    duplicates: int
    free: int
    skipped: int
    seen: int
    dearest_usd: Decimal | None


class Witness(Protocol):
    """Who wants the calls one by one."""

    def note(self, spec: Spec, frames: Frames, where: str) -> Told:
        """Look at a record while it is there."""
        ...

    def enter(self, key: Key, entry: Entry, row: Row) -> None:
        """Take a call, as it enters the ledger."""
        ...


@dataclass(slots=True)
class Reader:
    """Reads records one by one and books them."""

    sniffer: Sniffer
    plan: Plan
    booked: Booked
    weigh: Callable[[Key], Weights | None] | None = None
    """Given where the dearest request is wanted: what the requests of a key cost."""
    witness: Witness | None = None
    """Given where calls are wanted one by one."""
    counts: dict[tuple[str, int], int] = field(default_factory=dict)
    """(File, line) of a call -> its count in the file, by which it was asked for, where that is another number."""
    unpaired: list[str] = field(default_factory=list)
    """Once finished: ids of texts without usage, whose usage no record has that was read."""
    _kept: dict[Identity, Kept] = field(default_factory=dict)
    _spans: list[tuple[Row, Source]] = field(default_factory=list)
    _readers: dict[str, RecordReader] = field(default_factory=dict)
    _conceded: set[str] = field(default_factory=set)
    _repeated: set[str] = field(default_factory=set)
    _held: int = 0
    """Characters of text that wait for the last record."""
    _answers: list[Answer] = field(default_factory=list)
    """Answers that are not kept, or that another reader has booked; by name, a request may look for its own."""
    _texted: frozenset[str] = field(init=False)
    """Formats that log what was said."""
    _by_time: tuple[str, ...] = field(init=False)
    """The groups by time that are asked for."""

    def __post_init__(self) -> None:
        """Look through the formats."""
        self._texted = frozenset(spec.name for spec in self.sniffer.variants if spec.has_texts)
        self._by_time = tuple(name for name in self.plan.by if name in BY_TIME)

    def read_all(self, source: Source) -> None:
        """Read a whole file."""
        self._readers = {}
        for number, line in self._lines(source):
            self._line(source, number, line, (), None)

    def read_some(self, source: Source, specs: Sequence[Spec], found: Iterable[Sequence[Any]]) -> None:
        """Read single records of a file.

        Args:
            source: the file.
            specs: the formats that duckdb read it by.
            found: (line among those that are not blank, place in each nested list, whether the whole line is meant),
                in order.
        """
        self._readers = {}
        wanted = by_line(found)
        line_wanted, places = next(wanted, (0, None))
        stateful = [reader for reader in (self._reader(spec) for spec in specs) if reader.stateful]
        for count, (number, line) in enumerate(self._lines(source), 1):
            if count == line_wanted:
                self._count(source, source.line_of(number), count)
                self._line(source, number, line, specs, places)
                line_wanted, places = next(wanted, (0, None))
            elif stateful:
                _remember(stateful, line)

    def _lines(self, source: Source) -> Iterator[tuple[int, bytes]]:
        """Yield (number, line) as far as the file can be read."""
        number = 0
        try:
            for number, line in numbered_lines(source):
                yield number, line
        except DAMAGE as error:
            self.reject(f"damaged file, cannot be read further: {error}", source.shown, source.line_of(number + 1))

    def read_records(self, source: Source, spec: Spec, records: Iterable[tuple[int, dict[str, Any]]]) -> None:
        """Read rows of a table, already taken apart: (line, record)."""
        self._readers = {}
        for number, record in records:
            self._row(source, number, record, spec)

    def read_csv(self, source: Source, spec: Spec, wanted: frozenset[int] | None = None) -> None:
        """Read a CSV file.

        Args:
            source: the file.
            spec: the format of its rows.
            wanted: numbers (from 1) among the rows that are CSV at all; None: every row, and the others rejected.
        """
        self._readers = {}
        number = 0
        for line, record, reason in csv_records(source):
            if record is None:
                if wanted is None:
                    self.reject(reason, source.shown, line)
                continue
            number += 1
            if wanted is None or number in wanted:
                self._count(source, line, number + 1)
                self._row(source, line, record, spec)

    def _count(self, source: Source, line: int, count: int) -> None:
        if self.witness is not None and line != count:
            self.counts[source.shown, line] = count

    def reject(self, reason: str, file: str, line: int) -> None:
        """Count a record that cannot be read."""
        self.booked.seen += 1
        self.booked.rejects.add(reason, file, line)

    def claims(self) -> tuple[list[str], list[str], list[str]]:
        """Return what other readers of the same logs may hold too.

        The keys of the responses that were read, the spans without usage that have text, and the ids of other texts.
        """
        rows = [row for row, _ in self._spans]
        keys = {joined(row.key) for row in (*rows, *(kept.row for kept in self._kept.values())) if all(row.key)}
        texts = {row.span for row in rows if row.span and row.outcome == Outcome.NO_USAGE and row.has_text}
        return sorted(keys - {""}), sorted(texts), sorted(wanted(self._kept.values()))

    def concede(self, keys: Iterable[str], spans: Iterable[str], answers: Iterable[Answer] = ()) -> None:
        """Take what `claims` named for duplicates of what another reader has booked."""
        self._conceded.update(keys)
        self._repeated.update(spans)
        self._answers.extend(answers)

    def hand_over(self) -> Iterator[tuple[Identity, Kept]]:
        """Yield what `finish` would book, for a reader of all parts of the log to `adopt`."""
        for row, source in self._leaves():
            self._keep(row, source)
        self._spans = []
        yield from self._kept.items()

    def answers(self) -> list[Answer]:
        """Return the answers that were booked at once, by which a request may be found to be told twice."""
        return self._answers

    def adopt(self, identity: Identity, kept: Kept) -> None:
        """Take the best record of a response in some part of the log, as that part's reader has handed it over."""
        known = self._kept.get(identity)
        self._kept[identity] = kept if known is None else better(known, kept)

    def finish(self) -> None:
        """Book what had to wait for the last record: leaf spans, then the best record of each response."""
        for row, source in self._leaves():
            self._keep(row, source)
        self._spans = []
        if wanted(self._kept.values()):
            within = partial(is_within, plan=self.plan)
            pair(self._kept.values(), [*self._answers, *billed(self._kept.values(), within)], within)
            self.unpaired = sorted(wanted(kept for kept in self._kept.values() if not kept.repeated))
        for identity in list(self._kept):
            kept = self._kept.pop(identity)  # there may be millions, and whoever takes them keeps something too
            if kept.repeated or (self._conceded and joined(kept.row.key) in self._conceded):
                self._repeat(kept.first, kept.copies + 1)
                continue
            self._enter(kept.row, kept.file, kept.first)
            self._repeat(kept.first, kept.copies)

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
        custom_id = custom_id_of(record)
        for variant in self.sniffer.chains(spec, record):
            known = any(variant is other for other in specs)
            for row in self._rows(variant, record, f"{source.shown}:{number}"):
                if places is None or not known or row.place in places or not row.place:
                    self._book(row, source, number, custom_id)

    def _row(self, source: Source, number: int, record: dict[str, Any], spec: Spec) -> None:
        """Read a row of a table."""
        for row in self._rows(spec, record, f"{source.shown}:{number}"):
            self._book(row, source, number, custom_id_of(record))

    def _rows(self, spec: Spec, record: dict[str, Any], where: str) -> list[Row]:
        """Read a record by the format of its neighbours, or where it is not of that by its own."""
        rows = self._reader(spec).rows(record, where)
        if not spec.rows and any(row.outcome == Outcome.UNKNOWN for row in rows):
            own = self.sniffer.recognise_alone(record)
            return self._reader(own).rows(record, where) if own else rows
        return rows

    def _reader(self, spec: Spec) -> RecordReader:
        """One reader a spec and file: it remembers what earlier lines said."""
        if spec.variant not in self._readers:
            self._readers[spec.variant] = RecordReader(spec, self.witness.note if self.witness else None)
        return self._readers[spec.variant]

    def _leaves(self) -> Iterator[tuple[Row, Source]]:
        """Leave out spans that repeat the tokens of others."""
        rows = [row for row, _ in self._spans]
        for (row, source), again in zip(self._spans, repeated(rows, self._repeated), strict=True):
            if again:
                self._repeat(epoch_micros(row.timestamp), 1)
            elif row.outcome in (Outcome.OK, Outcome.NO_USAGE):
                yield row, source

    def _repeat(self, micros: int | None, records: int) -> None:
        """Count records of a response that is booked by another."""
        if is_within(micros, self.plan):
            self.booked.duplicates += records
        else:
            self.booked.skipped += records

    def _book(self, row: Row, source: Source, number: int, custom_id: str | None) -> None:
        self.booked.seen += 1
        if row.span and row.outcome != Outcome.BAD:
            self._spans.append((row, source))
            if row.outcome in (Outcome.OK, Outcome.NO_USAGE):
                return
        match row.outcome:
            case Outcome.SKIP:
                self.booked.skipped += 1
            case Outcome.FREE if is_within(epoch_micros(row.timestamp), self.plan):
                self.booked.free += 1
                self._note(row, custom_id)
                self.booked.ledger.add(Key(row.spec, int(Outcome.FREE)), Entry(records=1))
            case Outcome.FREE:
                self.booked.skipped += 1
            case Outcome.BAD | Outcome.UNKNOWN:
                self.booked.rejects.add(row.reason or "a record of no known format", source.shown, number)
            case _:
                self._keep(row, source, custom_id)

    def _note(self, row: Row, custom_id: str | None) -> None:
        """Note that a request was answered, where a batch names it."""
        if custom_id is not None and self.plan.dedupe != "none":
            self._answers.append(Answer(row.spec, None, custom_id, row.model))

    def _keep(self, row: Row, source: Source, custom_id: str | None = None) -> None:
        """Keep the best record of each response; book at once what has no identity."""
        micros = epoch_micros(row.timestamp)
        identity: Identity | None = row.key if row.key and all(row.key) else None
        if self.plan.dedupe == "none":
            row = replace(row, request_id=None)
            identity = None
        if identity is None and not row.key and row.request_id is not None:
            identity = identity_of(row)
        if identity is None:
            if row.outcome == Outcome.OK and is_within(micros, self.plan):
                self._note(row, custom_id)
            self._enter(row, source.shown, micros)
            return
        if row.told is not None:
            row.told.identity = identity
        known = self._kept.get(identity)
        if known is None:
            self._kept[identity] = self._first(row, source, custom_id)
            return
        better(known, Kept(self._lightened(row), source.shown, micros))

    def _first(self, row: Row, source: Source, custom_id: str | None) -> Kept:
        is_text = row.outcome == Outcome.NO_USAGE and not row.key and row.spec in self._texted
        asks = is_text and row.prompt is not None and row.response is None
        return Kept(self._lightened(row), source.shown, epoch_micros(row.timestamp), custom_id, is_text, asks)

    def _lightened(self, row: Row) -> Row:
        """Count a text now rather than keep it, but where a record of the same response may bring the usage yet."""
        if not row.has_text:
            return row
        size = len(row.prompt or "") + len(row.response or "")
        if not row.key or self._held + size > MOST_HELD:
            return counted(row, self.plan.deployments)
        self._held += size
        return row

    def _enter(self, row: Row, file: str, micros: int | None) -> None:
        if not is_within(micros, self.plan):
            self.booked.skipped += 1
            return
        if row.has_text:
            row = counted(row, self.plan.deployments)
        outcome, usage = Outcome.OK if row.counted else row.outcome, row.usage
        stamp = row.timestamp if micros is None else from_micros(micros)
        key = self._key(row, file, outcome, stamp)
        if self.weigh is not None and outcome == Outcome.OK and not row.aggregate:
            self._weigh(key, usage, self.weigh)
        untimed, naive = int(stamp is None), int(row.naive)
        entry = Entry(1, row.requests, usage, row.reported_usd, stamp, stamp, untimed, naive, row.counted)
        self.booked.ledger.add(key, entry)
        if self.witness is not None:
            self.witness.enter(key, entry, row)

    def _key(self, row: Row, file: str, outcome: Outcome, stamp: datetime | None) -> Key:
        keying = self.plan.keying
        groups = {**row.groups, "file": file, **{name: BY_TIME[name](stamp) for name in self._by_time if stamp}}
        return Key(
            format=row.spec,
            outcome=int(outcome),
            model=row.model,
            provider=row.provider,
            tier=row.tier,
            epoch=keying.epoch(stamp),
            minute=keying.minute(row.model, stamp),
            band=keying.band(row.usage.input_tokens, aggregate=row.aggregate) if outcome == Outcome.OK else 0,
            groups=tuple(groups.get(name) for name in self.plan.by),
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


def _remember(readers: Iterable[RecordReader], line: bytes) -> None:
    record, reason = decoded(line, first=False)
    if not reason:
        for reader in readers:
            reader.rows(record)
