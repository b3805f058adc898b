"""Read many files at once, and keep what each of them gave apart, so that each can be replaced alone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

from llmopt.core.ledger import Entry, Key, Ledger
from llmopt.cost.counting import light
from llmopt.cost.entries import entry_of
from llmopt.cost.groups import BY_TIME
from llmopt.cost.identity import Identity
from llmopt.cost.pairs import Answer, Kept
from llmopt.cost.part_engine import PartEngine
from llmopt.cost.partial import Partial
from llmopt.cost.plan import Batch, Plan
from llmopt.cost.query import DUPLICATE, Records
from llmopt.cost.read import Settings, in_batches
from llmopt.cost.rejects import Reader
from llmopt.cost.sniff import Sniffer
from llmopt.cost.sources import Source
from llmopt.cost.spec.load import Spec
from llmopt.cost.spec.row import Outcome, Row
from llmopt.errors import UsageError

DAY, FILE = 0, 1
"""Places of these groups in the keys of a state's ledgers; those that the user asks for follow."""


def read_files(sources: Sequence[Source], settings: Settings, rows: Path, *, sample: int) -> list[Partial]:
    """Read files, each as a part of its own.

    Args:
        sources: the files.
        settings: how to read them; grouped by day and file first.
        rows: Parquet file for the records of all of them that others may repeat; only made where there are any.
        sample: in how many request ids one is watched for repeats.

    Raises:
        UsageError: files of which no part can be read alone.
    """
    sniffer, plan = Sniffer(settings.formats), replace(settings.plan(), apart=True)
    reader = _FileReader(sniffer, plan)
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        spool = Path(folder)
        batches = in_batches(list(sources), sniffer, reader, spool, small=False)
        if batches:
            memory, jobs = settings.memory_bytes, settings.jobs
            _FileEngine(plan, sniffer, reader, spool, memory, jobs, rows=rows, sample=sample).run(batches)
    return [reader.part(source.shown) for source in sources]


def book(part: Partial, outcome: int, key: Key, entry: Entry, file: str | None) -> None:
    """Enter records into a part; free ones and repeats keep their day too, by which they may be left out later."""
    groups = list(key.groups)
    groups[FILE] = file
    part.seen += entry.records
    if outcome in (DUPLICATE, Outcome.FREE):
        part.ledger.add(_uncounted(key.format, outcome, groups), Entry(records=entry.records))
    elif outcome == Outcome.SKIP:
        part.skipped += entry.records
    elif outcome in (Outcome.OK, Outcome.NO_USAGE):
        part.ledger.add(replace(key, groups=tuple(groups)), entry)


def _uncounted(name: str, outcome: int, groups: Sequence[str | None]) -> Key:
    return Key(name, outcome, groups=(groups[DAY], *[None] * (len(groups) - 1)))


@dataclass(slots=True)
class _Apart:
    """What the reader has of one file."""

    part: Partial = field(default_factory=Partial)
    kept: dict[Identity, Kept] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)


class _FileReader(Reader):
    """Books what it reads by file: it turns to the file first."""

    __slots__ = ("_apart",)

    def __init__(self, sniffer: Sniffer, plan: Plan) -> None:
        super().__init__(sniffer, plan, Partial())
        self._apart: dict[str, _Apart] = {}

    def turn_to(self, shown: str) -> Partial:
        """Book in the part of this file from now on."""
        apart = self._apart.setdefault(shown, _Apart())
        self.booked, self._kept, self._answers = apart.part, apart.kept, apart.answers
        return apart.part

    def part(self, shown: str) -> Partial:
        """Return what a file gave."""
        part, apart = self.turn_to(shown), self._apart[shown]
        part.files = [shown]
        part.kept = [(identity, light(kept, self.plan.deployments)) for identity, kept in apart.kept.items()]
        part.answers = apart.answers
        ledger = Ledger()
        for key, entry in part.ledger:
            groups = list(key.groups)
            groups[FILE] = None
            ledger.add(replace(key, groups=tuple(groups)), entry)
        part.ledger = ledger
        return part

    def read_all(self, source: Source) -> None:
        self.turn_to(source.shown)
        super().read_all(source)

    def read_some(self, source: Source, specs: Sequence[Spec], found: Iterable[Sequence[Any]]) -> None:
        self.turn_to(source.shown)
        super().read_some(source, specs, found)

    def read_records(self, source: Source, spec: Spec, records: Iterable[tuple[int, dict[str, Any]]]) -> None:
        self.turn_to(source.shown)
        super().read_records(source, spec, records)

    def read_csv(self, source: Source, spec: Spec, wanted: frozenset[int] | None = None) -> None:
        self.turn_to(source.shown)
        super().read_csv(source, spec, wanted)

    def reject(self, reason: str, file: str, line: int) -> None:
        self.turn_to(file)
        super().reject(reason, file, line)

    def _book(self, row: Row, source: Source, number: int, custom_id: str | None) -> None:
        if row.span:
            raise _traces(source.shown)
        if row.outcome != Outcome.FREE:
            super()._book(row, source, number, custom_id)
            return
        self._note(row, custom_id)
        day = BY_TIME["day"](row.timestamp) if row.timestamp else None
        groups = [day, *[None] * (len(self.plan.by) - 1)]
        self.booked.seen += 1
        self.booked.ledger.add(_uncounted(row.spec, int(Outcome.FREE), groups), Entry(records=1))


class _FileEngine(PartEngine):
    """Books the rows of the statement by file."""

    reader: _FileReader

    def run(self, batches: list[Batch]) -> None:
        for batch in batches:
            _refuse(batch)
        super().run(batches)

    def _readable(self, connection: duckdb.DuckDBPyConnection, batches: list[Batch]) -> list[Batch]:
        readable = super()._readable(connection, batches)
        for batch in readable:
            _refuse(batch)
        return readable

    def _book(self, rows: list[tuple[Any, ...]], found: Records) -> None:
        for row in rows:
            _, outcome, key, entry = entry_of(row, found, self.plan)
            part = self.reader.turn_to(self.files[int(key.groups[FILE] or 0)].shown)
            book(part, outcome, key, entry, None)
            if isinstance(row[-1], list):
                part.ids += row[-1]

    def _read_again(self, connection: duckdb.DuckDBPyConnection, batch: Batch, source: Source) -> None:
        self.reader.turn_to(source.shown)  # before the first record is counted as seen again
        super()._read_again(connection, batch, source)


def _refuse(batch: Batch) -> None:
    if any(spec.tree for spec in batch.specs):
        raise _traces(batch.sources[0].shown)


def _traces(shown: str) -> UsageError:
    return UsageError(
        f"{shown}: spans of one trace may lie in several files, so no file of them can be priced alone",
        "price traces without --state",
    )
