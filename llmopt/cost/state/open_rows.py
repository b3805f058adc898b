"""Records that others may repeat: their Parquet files, and the ranking of those that a change touches."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from llmopt.cost.entries import entry_of
from llmopt.cost.overlap import booked_keys
from llmopt.cost.part_engine import RankEngine
from llmopt.cost.partial import Partial
from llmopt.cost.query import TEXT, Records, within, without_repeats
from llmopt.cost.read import Settings
from llmopt.cost.rejects import Reader
from llmopt.cost.sniff import Sniffer
from llmopt.cost.spec.columns import literal
from llmopt.cost.state.by_file import FILE, book
from llmopt.cost.totals import totals

_TOUCHED, _LIVE, _CHANGED = "llmopt_touched", "llmopt_live", "llmopt_changed"


@dataclass(frozen=True, slots=True)
class Written:
    """A file of rows as it was written."""

    records: int
    days: dict[int, set[str]]
    """File -> UTC days of its records."""
    variants: set[str]
    """Formats of the records."""


def write_rows(paths: Sequence[str], numbers: Mapping[str, int] | Mapping[int, int], target: Path) -> Written:
    """Copy rows to one file on the disk, for good: it is whole when it has its name.

    Args:
        paths: Parquet files of rows.
        numbers: name of a file, or the number that its rows have, -> the number to be; rows of others are left out.
        target: where to write.
    """
    temporary = target.with_suffix(".tmp")
    kind = "VARCHAR" if any(isinstance(name, str) for name in numbers) else "BIGINT"
    with duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"CREATE TABLE {_LIVE} (name {kind}, id BIGINT)")
        connection.execute(
            f"INSERT INTO {_LIVE} SELECT unnest($1), unnest($2)", [list(numbers), list(numbers.values())]
        )
        listed = ", ".join(literal(path) for path in paths)
        source = f"read_parquet([{listed}], union_by_name = true) r JOIN {_LIVE} l ON r.file = l.name"
        query = f"SELECT r.* REPLACE (l.id AS file) FROM {source}"
        connection.execute(f"COPY ({query}) TO {literal(str(temporary))} (FORMAT parquet, COMPRESSION zstd)")
        found = connection.execute(
            f"SELECT file, CASE WHEN ts IS NOT NULL THEN strftime(ts, '%Y-%m-%d') END AS day, variant, count(*) "
            f"FROM read_parquet({literal(str(temporary))}) GROUP BY ALL"
        ).fetchall()
    _publish(temporary, target)
    days: dict[int, set[str]] = {}
    for number, day, _, _ in found:
        days.setdefault(number, set()).update([day] if day else [])
    return Written(sum(row[3] for row in found), days, {str(row[2]) for row in found})


def _publish(temporary: Path, target: Path) -> None:
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.rename(target)
    if os.name == "posix":
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class OpenRows(RankEngine):
    """Ranks open records of a state, all of them or those that a change touches."""

    def __init__(self, settings: Settings, paths: Sequence[Path], variants: Collection[str], spool: Path) -> None:
        """Keep what to rank.

        Args:
            settings: those that the rows were read with.
            paths: Parquet files, by `write_rows`.
            variants: formats of all rows ever ranked together: ties are broken by what these formats count.
            spool: a folder to spill to.
        """
        self.part = Partial()
        sniffer, plan = Sniffer(settings.formats), replace(settings.plan(), apart=True)
        reader = Reader(sniffer, plan, self.part)
        super().__init__(plan, sniffer, reader, spool, settings.memory_bytes, settings.jobs)
        listed = ", ".join(literal(str(path)) for path in paths)
        self._formats = [spec for spec in sniffer.variants if spec.variant in variants]
        orders = max((len(spec.dedupe.order) if spec.dedupe else 0 for spec in self._formats), default=0)
        # The files that are left need not have every column that was there when others were.
        columns = ", ".join(["NULL::VARCHAR AS key", *(f"NULL::DOUBLE AS o{index}" for index in range(orders))])
        read = f"SELECT * FROM read_parquet([{listed}], union_by_name = true)"
        self._source = f"({read} UNION ALL BY NAME SELECT {columns} WHERE false)"

    def ranked(self, orders: Sequence[Mapping[int, str]], changed: Collection[int] | None) -> list[Partial]:
        """Return what the best record of each response adds up to, once for each set of files.

        Args:
            orders: number -> name of each file, best first where records are equal.
            changed: rank only the responses that these files have records of; None: all.
        """
        found = []
        with self._connect() as connection:
            self._touch(connection, changed)
            for order in orders:
                self.part = self.reader.booked = Partial()
                self._shown = list(order.values())
                records = self._records(connection, order)
                counted = f"SELECT * FROM ({records.source}) WHERE outcome <> {TEXT}"
                rows = connection.execute(totals(replace(records, source=counted), self.plan)).fetchall()
                self._book(rows, records)
                found.append(self.part)
        return found

    def booked(self, order: Mapping[int, str], keys: Sequence[str]) -> list[str]:
        """Return those of the responses `keys` that a record of these files has the usage of."""
        with self._connect() as connection:
            connection.execute(f"CREATE TEMP TABLE {_CHANGED} AS SELECT unnest($1::VARCHAR[]) AS key", [list(keys)])
            self._take_changed(connection)
            return booked_keys(connection, self._records(connection, order), keys)

    def _touch(self, connection: duckdb.DuckDBPyConnection, changed: Collection[int] | None) -> None:
        """Take the responses that files have records of, from all files."""
        if changed is None:
            connection.execute(f"CREATE TEMP VIEW {_TOUCHED} AS SELECT * FROM {self._source}")
            return
        of_changed = f"SELECT DISTINCT key FROM {self._source} WHERE file IN (SELECT unnest($1::BIGINT[]))"
        connection.execute(f"CREATE TEMP TABLE {_CHANGED} AS {of_changed}", [list(changed)])
        self._take_changed(connection)

    def _take_changed(self, connection: duckdb.DuckDBPyConnection) -> None:
        rows = f"SELECT * FROM {self._source} WHERE key IN (SELECT key FROM {_CHANGED})"
        connection.execute(f"CREATE TEMP TABLE {_TOUCHED} AS {rows}")

    def _records(self, connection: duckdb.DuckDBPyConnection, order: Mapping[int, str]) -> Records:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {_LIVE} (number BIGINT, id BIGINT)")
        connection.execute(f"INSERT INTO {_LIVE} SELECT unnest(range(len($1))), unnest($1::BIGINT[])", [list(order)])
        named = " ".join(f"WHEN {literal(spec.variant)} THEN {number}" for number, spec in enumerate(self._formats))
        opened = (
            f"SELECT r.* EXCLUDE (variant, file), CASE variant {named} END AS fmt, l.number AS file "
            f"FROM {_TOUCHED} r JOIN {_LIVE} l ON r.file = l.id"
        )
        return Records("", within(without_repeats(opened, self._formats), self.plan), self._formats)

    def _book(self, rows: list[tuple[Any, ...]], found: Records) -> None:
        for row in rows:
            _, outcome, key, entry = entry_of(row, found, self.plan)
            file = key.groups[FILE]
            book(self.part, outcome, key, entry, None if file is None else self._shown[int(file)])


@contextmanager
def ranking(settings: Settings, paths: Sequence[Path], variants: Collection[str]) -> Iterator[OpenRows]:
    """Rank open rows, with a folder to spill to."""
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        yield OpenRows(settings, paths, variants, Path(folder))
