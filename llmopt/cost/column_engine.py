"""Read large logs into columns with duckdb; what it is not sure of goes to the reader of single records."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path as FilePath

import duckdb

from llmopt.cost.arrow import batches as rows_of
from llmopt.cost.asked import QUESTION_COLUMNS
from llmopt.cost.column_book import ColumnBook
from llmopt.cost.column_rows import Layout, NeedsSettings
from llmopt.cost.column_scan import Scan, Scanned
from llmopt.cost.column_sql import FIELDS, Places, column_sql, places_of
from llmopt.cost.column_wish import Unfit, Wish
from llmopt.cost.engine import Engine, of_lines
from llmopt.cost.overlap import booked_answers, booked_keys, naming_requests
from llmopt.cost.plan import Batch, Plan
from llmopt.cost.query import Records, records
from llmopt.cost.query import Scan as FileScan
from llmopt.cost.rejects import Reader
from llmopt.cost.sniff import Sniffer
from llmopt.cost.sources import Source, end_with_newlines
from llmopt.cost.spec.columns import JsonRelation
from llmopt.cost.spec.expr import Path
from llmopt.cost.spec.load import Spec
from llmopt.cost.tables import parquet

MEMORY_BYTES, SIZES_BYTES = 640 * 2**20, 960 * 2**20
"""What duckdb may use, without and with answers as a whole: texts come in the order of the log, so some wait."""
_THREAD_BYTES, _SIZES_THREAD_BYTES = 192 * 2**20, 384 * 2**20
"""What a thread takes of it where lines are long; with more threads one alone would have to do in the end."""
_ALL_ROWS = 2**62
_MOST_NAMES = 5_000
"""Names of fields that are worth to be known; a log with more has data in their place."""
_HEAD_LINES = 512
_LONG_LINE_BYTES = 700


class ColumnEngine(Engine):
    """One run over one set of files."""

    def __init__(
        self, plan: Plan, sniffer: Sniffer, reader: Reader, spool: FilePath, book: ColumnBook, wish: Wish
    ) -> None:
        """Keep what to do; `book` takes the calls, `reader` the records that duckdb is not sure of."""
        memory, each = (SIZES_BYTES, _SIZES_THREAD_BYTES) if wish.sizes else (MEMORY_BYTES, _THREAD_BYTES)
        jobs = min(os.cpu_count() or 1, memory // each)
        super().__init__(replace(plan, fields=FIELDS, by=wish.groups), sniffer, reader, spool, memory, jobs)
        self.book, self.wish = book, wish
        book.counts = reader.counts
        self.fast = range(0)
        """The calls in the book that the statement has read."""
        self._places = Places(((),))
        self._settings = False
        self._names: dict[tuple[Source, ...], frozenset[str] | None] = {}

    def _scan(self, connection: duckdb.DuckDBPyConnection, batches: list[Batch]) -> None:
        """Read all batches with one statement; files that stop it are mended, or taken out."""
        connection.execute("SET preserve_insertion_order = true")
        connection.execute("SET enable_progress_bar = false")
        batches = self._readable(connection, batches)
        batches = [batch for batch in batches if self._fits(connection, batch)]
        if not end_with_newlines([source for batch in batches if batch.kind == "lines" for source in batch.sources]):
            # Several threads hand out a last line without a newline first, and rows are told by their order.
            connection.execute("SET threads = 1")
        while batches:
            start = len(self.book.at_us)
            try:
                scanned, found = self._read(connection, batches)
            except NeedsSettings:
                self.book.cut(start)
                self._settings = True
            except duckdb.OutOfMemoryException as error:
                self.book.cut(start)
                if self._frugal:
                    raise Unfit from error
                self._with_less(connection, error)
            except duckdb.Error as error:
                self.book.cut(start)
                batches = self._without(batches, error)
            else:
                self.fast = range(start, len(self.book.at_us))
                self._closer(connection, batches, scanned)
                self._check(connection, batches, found)
                return

    def _fits(self, connection: duckdb.DuckDBPyConnection, batch: Batch) -> bool:
        """Read a batch at once one by one if its records must be put together."""
        if all(map(_is_plain, batch.specs)):
            return True
        for source in batch.sources:
            if batch.kind == "lines":
                self.reader.read_all(source)
            elif batch.kind == "csv":
                self.reader.read_csv(source, batch.specs[0])
            else:
                rows = parquet(connection, source).rows(connection, None, _ALL_ROWS)
                self.reader.read_records(source, batch.specs[0], rows)
        return False

    def _read(self, connection: duckdb.DuckDBPyConnection, batches: list[Batch]) -> tuple[Scanned, Records]:
        self.files = [source for batch in batches for source in batch.sources]
        specs = [spec for batch in batches for spec in batch.specs]
        self._places = places_of(
            specs, self.wish.columns, self.wish.ends, settings=self._settings, sizes=self.wish.sizes
        )
        found = records([self._to_scan(connection, batch) for batch in batches], self.plan, ranked=False)
        self._places.without(found.beside)
        tables = {source.path for batch in batches if batch.kind != "lines" for source in batch.sources}
        layout = Layout(
            plan=self.plan,
            formats=found.formats,
            places=self._places,
            files=[source.shown for source in self.files],
            turns=[self.book.files.get(source.shown, 0) for source in self.files],
            tables=frozenset(n for n, source in enumerate(self.files) if source.path in tables),
            headed=frozenset(n for n, source in enumerate(self.files) if source.delimiter),
            wish=self.wish,
            settings=self._settings,
        )
        scan = Scan(self.book, layout)
        query = column_sql(found, self.plan, self._places, lines=len(tables) < len(self.files))
        for rows in rows_of(connection, query):
            scan.take(rows)
        return scan.found, found

    def _to_scan(self, connection: duckdb.DuckDBPyConnection, batch: Batch) -> FileScan:
        scan = replace(super()._to_scan(connection, batch), beside=self._places.beside)
        if batch.kind != "lines":
            return scan
        files = tuple(batch.sources)
        if files not in self._names:
            self._names[files] = _names(connection, batch.sources)
        return replace(scan, relation=JsonRelation(self._names[files]))

    def _closer(self, connection: duckdb.DuckDBPyConnection, batches: list[Batch], scanned: Scanned) -> None:
        """Read the records again that the statement was not sure of."""
        booked = self.reader.booked
        booked.free += scanned.free
        booked.skipped += scanned.skipped
        booked.seen += scanned.seen - sum(map(len, scanned.unsure.values()))
        self._odd_csv_rows(connection, batches)
        numbers = {source.path: number for number, source in enumerate(self.files)}
        for batch in batches:
            for source in batch.sources:
                rows = scanned.unsure.get(numbers[source.path])
                if rows:
                    self._again_one_by_one(connection, batch, source, rows)

    def _again_one_by_one(
        self, connection: duckdb.DuckDBPyConnection, batch: Batch, source: Source, rows: Sequence[int]
    ) -> None:
        if batch.kind == "lines":
            wanted = iter([(row, True) for row in rows])
            self.reader.read_some(source, batch.specs, wanted)
            deque(wanted, maxlen=0)
        elif batch.kind == "csv":
            self.reader.read_csv(source, batch.specs[0], frozenset(rows))
        else:
            self.reader.read_records(source, batch.specs[0], parquet(connection, source).rows(connection, rows))

    def _check(self, connection: duckdb.DuckDBPyConnection, batches: list[Batch], found: Records) -> None:
        """Look whether records that were read one by one belong to others that were not.

        Raises:
            Unfit: they do.
        """
        keys, _, ids = self.reader.claims()
        if keys and booked_keys(connection, found, keys):
            raise Unfit
        if ids:
            named = [replace(batch, specs=tuple(map(naming_requests, batch.specs))) for batch in batches]
            scans = [self._to_scan(connection, batch) for batch in named]
            answers = records(scans, replace(self.plan, by=("user",), fields=()), ranked=False)
            if booked_answers(connection, answers, ids):
                raise Unfit


def _names(connection: duckdb.DuckDBPyConnection, sources: list[Source]) -> frozenset[str] | None:
    """Return the names of all fields of all lines, in lower case; None: they are not worth to be looked for.

    Columns that are empty in each row cost more than to look at the names of a whole log, if its lines are short.
    """
    lines = f"read_ndjson_objects({of_lines(sources)})"
    head = f"SELECT json FROM {lines} LIMIT {_HEAD_LINES}"
    # A result that is not fetched to its end keeps the connection from all other work.
    ((size,),) = connection.execute(f"SELECT avg(strlen(CAST(json AS VARCHAR))) FROM ({head})").fetchall()
    if size is None or size > _LONG_LINE_BYTES:
        return None
    keys = f"SELECT DISTINCT lower(unnest(json_keys(json))) FROM {lines}"
    found = connection.execute(f"{keys} LIMIT {_MOST_NAMES + 1}").fetchall()
    return frozenset(name for (name,) in found) if len(found) <= _MOST_NAMES else None


def _is_plain(spec: Spec) -> bool:
    """Does each record stand for itself, at a place where nothing else is looked for?"""
    odd = (
        spec.rows
        or spec.tree
        or spec.aggregate
        or spec.carries
        or not set(QUESTION_COLUMNS).isdisjoint(spec.wrapper[:1])
    )
    own = spec.fields.get("prompt")
    return not odd and not (isinstance(own, Path) and (spec.wrapper or len(own.steps) > 1))
