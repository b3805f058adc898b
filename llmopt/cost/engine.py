"""Add up large logs with duckdb.

All batches become one statement. The few records that it is not sure of are located by a second one and read
again one by one. Memory stays bounded: the statement keeps totals, not rows, and spills to disk where it sorts.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from llmopt.core.ledger import Entry, Key
from llmopt.cost.entries import entry_of, repeats, tier_of, whole
from llmopt.cost.outside import leave_out
from llmopt.cost.overlap import booked_answers, booked_keys, naming_requests, repeated_spans
from llmopt.cost.pairs import Answer
from llmopt.cost.plan import Batch, Plan
from llmopt.cost.query import DUPLICATE, MAX_OBJECT_BYTES, Records, Scan, locate, records
from llmopt.cost.rejects import Reader
from llmopt.cost.schemas import extent_of, grouped
from llmopt.cost.sniff import Sniffer
from llmopt.cost.sources import DAMAGE, Source, without_long_lines
from llmopt.cost.spec.columns import JsonRelation, literal
from llmopt.cost.spec.row import Outcome
from llmopt.cost.stores.mount import mounted, reason_of
from llmopt.cost.tables import comma_separated, parquet
from llmopt.cost.totals import KEY_COLUMNS, dearest, totals, unpacked
from llmopt.cost.typed import TypedRelation
from llmopt.cost.weights import Weights
from llmopt.errors import ConfigError

_THREAD_BYTES = 5 * MAX_OBJECT_BYTES
"""What a scanning thread needs: two line buffers and room to work."""
LEAST_MEMORY_BYTES = 192 * 2**20
"""What one thread needs to de-duplicate a log of any size, spilling to disk."""
_LOCATED_AT_ONCE = 4096
"""Records to be read again that are fetched together."""


class Engine:
    """One run over one set of files."""

    def __init__(
        self, plan: Plan, sniffer: Sniffer, reader: Reader, spool: Path, memory_bytes: int, jobs: int | None
    ) -> None:
        """Keep what to do; `reader` takes the totals and the records that duckdb is not sure of."""
        self.plan, self.sniffer, self.reader, self.spool = plan, sniffer, reader, spool
        self.memory_bytes, self.jobs = memory_bytes, jobs
        self.files: list[Source] = []
        self._numbered, self._numbers = self.files, dict[str, int]()
        self._copies = 0
        self._frugal = 0

    def run(self, batches: list[Batch]) -> None:
        """Read all batches."""
        with self._opened(batches) as connection:
            self._scan(connection, batches)

    @contextmanager
    def _opened(self, batches: list[Batch]) -> Iterator[duckdb.DuckDBPyConnection]:
        """Connect, so that what the batches read can be read, wherever it lies."""
        sources = [source for batch in batches for source in batch.sources]
        with self._connect() as connection, mounted(connection, sources):
            yield connection

    def _connect(self) -> duckdb.DuckDBPyConnection:
        memory = self.memory_bytes
        threads = max(1, min(self.jobs or _cores(), memory // _THREAD_BYTES))
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{memory // 2**20}MiB",
            "threads": threads,
            "temp_directory": str(self.spool / "spill"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "preserve_insertion_order": False,
        }
        connection = duckdb.connect(config=config)
        connection.execute("SET TimeZone = 'UTC'")
        # It would go to stdout, where the result belongs.
        connection.execute("SET enable_progress_bar = false")
        return connection

    def _scan(self, connection: duckdb.DuckDBPyConnection, batches: list[Batch]) -> None:
        """Add up all batches with one statement; files that stop it are mended, or taken out."""
        batches = self._readable(connection, batches)
        while batches:
            plan = replace(self.plan, sample=self._sample(connection, batches))
            self.files = [source for batch in batches for source in batch.sources]
            if any(spec.carries for batch in batches for spec in batch.specs):
                connection.execute("SET preserve_insertion_order = true")
            try:
                found, rows = self._added_up(connection, batches, plan)
            except duckdb.OutOfMemoryException as error:
                self._with_less(connection, error)
                continue
            except duckdb.Error as error:
                batches = self._without(batches, error)
                continue
            if self._again(rows, found):
                continue
            self._book(rows, found)
            if self.reader.weigh is not None:
                self._dearest(connection, rows, found, plan)
            self._unsure(connection, batches, rows, len(found.formats))
            self._concede(connection, batches, found, plan)
            return

    def _sample(self, connection: duckdb.DuckDBPyConnection, batches: list[Batch]) -> int:
        """Return in how many request ids one is watched for repeats."""
        return extent_of(connection, batches).watched

    def _added_up(
        self, connection: duckdb.DuckDBPyConnection, batches: list[Batch], plan: Plan
    ) -> tuple[Records, list[tuple[Any, ...]]]:
        """Return the query of all records, and what they add up to."""
        found = records([self._to_scan(connection, batch) for batch in batches], plan)
        return found, connection.execute(totals(found, plan)).fetchall()

    def _concede(self, connection: duckdb.DuckDBPyConnection, batches: list[Batch], found: Records, plan: Plan) -> None:
        """Tell the reader which of its texts the statement has the usage of."""
        keys, spans, ids = self.reader.claims()
        answers: list[Answer] = []
        if ids:
            named = [replace(batch, specs=tuple(map(naming_requests, batch.specs))) for batch in batches]
            scans = [self._to_scan(connection, batch) for batch in named]
            answers = booked_answers(connection, records(scans, replace(plan, by=("user",))), ids)
        repeats = repeated_spans(connection, found, spans)
        self.reader.concede(booked_keys(connection, found, keys), repeats, answers)

    def _with_less(self, connection: duckdb.DuckDBPyConnection, error: duckdb.Error) -> None:
        """Make do with the memory: one thread, then what one thread needs at least.

        Raises:
            ConfigError: even that is not enough.
        """
        if self._frugal == 0:
            connection.execute("SET threads = 1")
        elif self._frugal == 1 and self.memory_bytes < LEAST_MEMORY_BYTES:
            connection.execute(f"SET memory_limit = '{LEAST_MEMORY_BYTES // 2**20}MiB'")
        else:
            raise ConfigError(f"out of memory: {str(error).splitlines()[0]}", "give more with --memory") from error
        self._frugal += 1

    def _readable(self, connection: duckdb.DuckDBPyConnection, batches: list[Batch]) -> list[Batch]:
        """Leave out tables that say nothing, and put those that are alike together."""
        batches = grouped(connection, [batch for batch in batches if self._is_known(connection, batch)])
        left_out = leave_out(connection, batches, self.plan)
        self.reader.booked.seen += left_out
        self.reader.booked.skipped += left_out
        return [batch for batch in batches if batch.sources]

    def _is_known(self, connection: duckdb.DuckDBPyConnection, batch: Batch) -> bool:
        """Look into a Parquet file, whose format its columns tell; reject one that says nothing."""
        if batch.kind != "parquet":
            return True
        source = batch.sources[0]
        try:
            batch.specs = self.sniffer.table(parquet(connection, source).sample(connection))
        except duckdb.Error as error:
            self._reject(source, error)
            return False
        if not batch.specs:
            self.reader.reject("no known columns (name them with --map column=field)", source.shown, 1)
        return bool(batch.specs)

    def _reject(self, source: Source, error: duckdb.Error) -> None:
        reason = reason_of(error).replace(source.path, source.shown)
        self.reader.reject(f"damaged file, cannot be read: {reason}", source.shown, 1)

    def _to_scan(self, connection: duckdb.DuckDBPyConnection, batch: Batch) -> Scan:
        first = self._number_of(batch.sources[0])
        if batch.kind == "lines":
            return Scan(batch.specs, JsonRelation(), _read_json(batch.sources), first)
        table = parquet(connection, *batch.sources) if batch.kind == "parquet" else comma_separated(*batch.sources)
        return Scan(batch.specs, TypedRelation(table.columns), table.from_sql, first)

    def _number_of(self, source: Source) -> int:
        """Return the place of a source in `files`; 0 for one that is not there yet."""
        if self._numbered is not self.files:
            self._numbered = self.files
            self._numbers = {other.path: number for number, other in enumerate(self.files)}
        return self._numbers.get(source.path, 0)

    def _without(self, batches: list[Batch], error: duckdb.Error) -> list[Batch]:
        """Mend the file that stopped duckdb, or have it read line by line, or reject it."""
        text = str(error)
        everything = [source for batch in batches for source in batch.sources]
        named = [source for source in everything if source.path in text]
        culprits = named[:1] or everything
        too_long = "maximum_object_size" in text
        mended: list[Batch] = []
        for batch in batches:
            kept: list[Source] = []
            for source in batch.sources:
                if source not in culprits:
                    kept.append(source)
                elif too_long and not source.trimmed and (copy := self._trimmed(source)):
                    kept.append(copy)
                else:
                    self._read_slowly(batch, source, error)
            mended += [Batch(batch.specs, batch.kind, [source]) for source in kept if source.trimmed]
            mended.append(Batch(batch.specs, batch.kind, [source for source in kept if not source.trimmed]))
        return [batch for batch in mended if batch.sources]

    def _read_slowly(self, batch: Batch, source: Source, error: duckdb.Error) -> None:
        if batch.kind == "lines":
            self.reader.read_all(source)
        elif batch.kind == "csv":
            self.reader.read_csv(source, batch.specs[0])
        else:
            self._reject(source, error)

    def _trimmed(self, source: Source) -> Source | None:
        """Return the file without the lines that are too long for duckdb; None when it is damaged."""
        self._copies += 1
        try:
            return without_long_lines(source, MAX_OBJECT_BYTES // 2, self.spool / f"trimmed-{self._copies}")
        except DAMAGE:
            return None

    def _again(self, rows: list[tuple[Any, ...]], found: Records) -> bool:
        """Does what was found call for a closer look? Unknown tiers, and request ids that repeat."""
        if self._odd_tiers(rows, found):
            self.plan = replace(self.plan, check_tiers=True)
            return True
        if self.plan.dedupe == "auto" and repeats(rows):
            self.plan = replace(self.plan, dedupe="all")
            return True
        return False

    def _odd_tiers(self, rows: list[tuple[Any, ...]], found: Records) -> bool:
        """Is there a tier that no format knows, and that the statement has not looked at?"""
        return not self.plan.check_tiers and any(tier_of(row, found, self.plan) is None for row in rows)

    def _book(self, rows: list[tuple[Any, ...]], found: Records) -> None:
        """Enter the rows of the statement into the ledger."""
        for row in rows:
            spec, outcome, key, entry = entry_of(row, found, self.plan)
            self.reader.booked.seen += entry.records
            if outcome == DUPLICATE:
                self.reader.booked.duplicates += entry.records
            elif outcome == Outcome.FREE:
                self.reader.booked.free += entry.records
                self.reader.booked.ledger.add(Key(key.format, outcome), Entry(records=entry.records))
            elif outcome == Outcome.SKIP:
                self.reader.booked.skipped += entry.records
            elif outcome in (Outcome.OK, Outcome.NO_USAGE) and spec is not None:
                self.reader.booked.ledger.add(self._shown_key(key), entry)

    def _dearest(
        self, connection: duckdb.DuckDBPyConnection, rows: list[tuple[Any, ...]], found: Records, plan: Plan
    ) -> None:
        """Find the dearest single request: rows of one key cost the same a token, so one more pass does."""
        weights: dict[tuple[object, ...], Weights] = {}
        for row in rows:
            spec, outcome, key, _ = entry_of(row, found, plan)
            weight = self.reader.weigh(key) if self.reader.weigh and outcome == Outcome.OK else None
            if weight is not None and spec is not None and not spec.aggregate:
                weights[tuple(row[:KEY_COLUMNS])] = weight
        if weights:
            highest = connection.execute(dearest(found, plan, weights.items())).fetchone()
            if highest and highest[0] is not None:
                self.reader.seen_cost(highest[0] / 1_000_000)

    def _shown_key(self, key: Key) -> Key:
        if "file" not in self.plan.by:
            return key
        place = self.plan.by.index("file")
        groups = list(key.groups)
        groups[place] = self.files[int(groups[place] or 0)].shown
        return replace(key, groups=tuple(groups))

    def _unsure(
        self, connection: duckdb.DuckDBPyConnection, batches: list[Batch], rows: list[tuple[Any, ...]], formats: int
    ) -> None:
        """Read the records again that the statement was not sure of."""
        files = {unpacked(whole(row[0]), formats, self.plan.keying)[0] for row in rows} - {-1}
        odd_rows = self._odd_csv_rows(connection, batches)
        if not files and not odd_rows:
            return
        connection.execute("SET preserve_insertion_order = true")
        for batch in batches:
            for source in batch.sources:
                if self._number_of(source) in files:
                    self._read_again(connection, Batch(batch.specs, batch.kind, [source]), source)

    def _read_again(self, connection: duckdb.DuckDBPyConnection, batch: Batch, source: Source) -> None:
        found = self._unseen(connection.execute(locate(self._to_scan(connection, batch), self.plan)))
        if batch.kind == "lines":
            self.reader.read_some(source, batch.specs, found)
            deque(found, maxlen=0)
        elif batch.kind == "csv":
            self.reader.read_csv(source, batch.specs[0], frozenset(row[0] for row in found))
        else:
            numbers = [row[0] for row in found]  # before the connection is asked anything else
            wanted = parquet(connection, source).rows(connection, numbers)
            self.reader.read_records(source, batch.specs[0], wanted)

    def _unseen(self, located: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
        """Yield what was found, bit by bit; each is seen again by the reader."""
        while rows := located.fetchmany(_LOCATED_AT_ONCE):
            for row in rows:
                self.reader.booked.seen -= 1
                yield row

    def _odd_csv_rows(self, connection: duckdb.DuckDBPyConnection, batches: list[Batch]) -> bool:
        """Reject the CSV rows that duckdb left out."""
        shown = {source.path: source.shown for batch in batches if batch.kind == "csv" for source in batch.sources}
        if not shown:
            return False
        joined = "reject_errors JOIN reject_scans USING (scan_id, file_id)"
        query = f"SELECT DISTINCT file_path, line, error_message FROM {joined}"
        found = connection.execute(query).fetchall()
        for path, line, message in sorted(found):
            reason = f"not a row of this table: {str(message).splitlines()[0]}"
            self.reader.reject(reason, shown.get(path, path), line)
        return bool(found)


def _cores() -> int:
    """Return how many cores this process may use; all of them where the system does not say (macOS)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def of_lines(sources: list[Source]) -> str:
    """Return the arguments of a table function that reads lines of JSON."""
    files = ", ".join(literal(source.trimmed or source.path) for source in sources)
    packed = "uncompressed" if sources[0].trimmed or sources[0].compression == "none" else sources[0].compression
    return (
        f"[{files}], format = 'newline_delimited', ignore_errors = true, "
        f"maximum_object_size = {MAX_OBJECT_BYTES}, compression = '{packed}'"
    )


def _read_json(sources: list[Source]) -> str:
    return f"read_json({of_lines(sources)}, records = true, columns = {{columns}})"
