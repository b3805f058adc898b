"""Put tables with the same columns together, so that one scan reads them all.

A scan a file would cost more than linearly: duckdb plans them all at once. Tables with other columns, or the same ones
of other types, stay apart: read together they would lose columns, or have their types widened to texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from llmopt.cost.csv_files import header_of
from llmopt.cost.plan import Batch
from llmopt.cost.sources import Source, head
from llmopt.cost.spec.columns import literal

WATCHED_ROWS = 2**17
"""Request ids of so many rows of tables are all watched for repeats, then 1 in 2, 3 …; see `Plan.sample`."""
WATCHED_BYTES = 160 * 2**20
"""The same for lines."""
_HEAD_BYTES = 65536
_SCHEMA = """SELECT file_name, md5(string_agg(
  concat_ws(chr(31), CASE WHEN column_id > 0 THEN name END, type, duckdb_type, logical_type, converted_type,
    num_children, scale, precision), chr(30) ORDER BY column_id))
FROM parquet_schema([{files}]) GROUP BY file_name"""
_LENGTH = "SELECT file_name, num_rows FROM parquet_file_metadata([{files}])"
_PARTITION_KIND = """SELECT value, CASE WHEN TRY_CAST(value AS DATE) IS NOT NULL THEN 'date'
  WHEN TRY_CAST(value AS TIMESTAMP) IS NOT NULL THEN 'time' WHEN TRY_CAST(value AS BIGINT) IS NOT NULL THEN 'number'
  ELSE 'text' END FROM (SELECT DISTINCT unnest(CAST(? AS VARCHAR[])) AS value)"""
"""What duckdb makes of the value of a partition; the files of a scan must agree on it."""


def grouped(connection: duckdb.DuckDBPyConnection, batches: Sequence[Batch]) -> list[Batch]:
    """Return batches with like tables put together, in the order of the first of each kind."""
    tables = [source for batch in batches if batch.kind != "lines" for source in batch.sources]
    if len(tables) < 2:
        return list(batches)
    parquet = [source for batch in batches if batch.kind == "parquet" for source in batch.sources]
    columns = _by_file(connection, _SCHEMA, parquet)
    kinds = _partition_kinds(connection, tables)
    found: dict[object, Batch] = {}
    for number, batch in enumerate(batches):
        if batch.kind == "lines":
            found[number] = batch
            continue
        for source in batch.sources:
            own = columns.get(source.path, source.path) if batch.kind == "parquet" else _header(source)
            places = tuple((name, kinds[value]) for name, value in partitions(source.path))
            key = (batch.kind, tuple(spec.variant for spec in batch.specs), own, places)
            found.setdefault(key, Batch(batch.specs, batch.kind, [])).sources.append(source)
    return list(found.values())


def partitions(path: str) -> list[tuple[str, str]]:
    """Return (name, value) of the folders of a path that are called `name=value`, as Hive writes them."""
    folders = Path(path).parent.parts
    return [(name, value) for name, equal, value in (folder.partition("=") for folder in folders) if equal]


@dataclass(frozen=True, slots=True)
class Extent:
    """How long a log is."""

    lines_bytes: int = 0
    """Size of the files that hold lines, packed as they are."""
    rows: int = 0
    """Rows of the tables; of CSV about as many."""

    def __add__(self, other: Extent) -> Extent:
        return Extent(self.lines_bytes + other.lines_bytes, self.rows + other.rows)

    @property
    def watched(self) -> int:
        """In how many request ids one is to be watched for repeats: 1 for a small log."""
        return 1 + self.lines_bytes // WATCHED_BYTES + self.rows // WATCHED_ROWS


def extent_of(connection: duckdb.DuckDBPyConnection, batches: Sequence[Batch]) -> Extent:
    """Return how long a log is.

    It adds up what each file alone says of its length, so it does not matter how the files are read.
    """
    lines = sum(source.size_bytes for batch in batches if batch.kind == "lines" for source in batch.sources)
    rows = sum(_rows_of_text(source) for batch in batches if batch.kind == "csv" for source in batch.sources)
    parquet = [source for batch in batches if batch.kind == "parquet" for source in batch.sources]
    rows += sum(count for count in _by_file(connection, _LENGTH, parquet).values() if isinstance(count, int))
    return Extent(lines, rows)


def _by_file(connection: duckdb.DuckDBPyConnection, query: str, sources: Sequence[Source]) -> dict[str, object]:
    """Return what a query says of each Parquet file; nothing of a damaged one, which its reader will name."""
    if not sources:
        return {}
    files = ", ".join(literal(source.path) for source in sources)
    try:
        return dict(connection.execute(query.format(files=files)).fetchall())
    except duckdb.Error:
        halves = [sources[: len(sources) // 2], sources[len(sources) // 2 :]] if len(sources) > 1 else []
        return {path: value for half in halves for path, value in _by_file(connection, query, half).items()}


def _partition_kinds(connection: duckdb.DuckDBPyConnection, sources: Iterable[Source]) -> dict[str, str]:
    values = sorted({value for source in sources for _, value in partitions(source.path)})
    return dict(connection.execute(_PARTITION_KIND, [values]).fetchall()) if values else {}


def _header(source: Source) -> tuple[object, ...]:
    """Return the names of the columns of a CSV file, and how it is written."""
    start = head(source, _HEAD_BYTES)
    if b"\n" not in start:
        start = head(source)
    return (*header_of(start.decode("utf-8-sig", "replace"), source.delimiter), source.delimiter, source.compression)


def _rows_of_text(source: Source) -> int:
    """Return about how many rows a CSV file has, by the length of its first ones."""
    start = head(source, _HEAD_BYTES)
    return source.size_bytes * start.count(b"\n") // len(start) if start else 0
