"""CSV and Parquet files as duckdb relations: their columns, a sample of their rows, and rows by number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from llmopt.cost.csv_files import header_of, plain
from llmopt.cost.sources import Source, head
from llmopt.cost.spec.columns import literal, quoted


@dataclass(frozen=True, slots=True)
class Table:
    """A file with columns."""

    from_sql: str
    """A FROM item with the file's columns and `file_index`."""
    columns: dict[str, str] = field(default_factory=dict)
    """Column -> duckdb type."""

    def sample(self, connection: duckdb.DuckDBPyConnection, rows: int = 50) -> list[dict[str, Any]]:
        """Return the first rows."""
        return [record for _, record in self.rows(connection, None, rows)]

    def rows(
        self, connection: duckdb.DuckDBPyConnection, numbers: Sequence[int] | None, limit: int = 0
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield (row number from 1, record as JSON values) of some rows, or of the first `limit`."""
        names = ", ".join(_selected(name, kind) for name, kind in self.columns.items())
        inner = f"SELECT row_number() OVER () AS llmopt_row, {names} FROM {self.from_sql}"
        chosen = "WHERE llmopt_row IN (SELECT unnest(CAST(? AS BIGINT[])))" if numbers else f"LIMIT {limit}"
        cursor = connection.execute(f"SELECT * FROM ({inner}) {chosen}", [list(numbers)] if numbers else [])
        while row := cursor.fetchone():
            yield row[0], {name: _plain(value) for name, value in zip(self.columns, row[1:], strict=True)}


def parquet(connection: duckdb.DuckDBPyConnection, *sources: Source) -> Table:
    """Look at the columns of Parquet files that have the same; raises `duckdb.Error` where one is damaged."""
    scan = f"read_parquet({_listed(sources)})"
    described = connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()
    return Table(scan, {row[0]: row[1] for row in described})


def comma_separated(*sources: Source) -> Table:
    """Return CSV files of one header as duckdb shall read them.

    By the header and nothing guessed; odd rows go to `reject_errors`.
    """
    first = sources[0]
    names = header_of(head(first).decode("utf-8-sig", "replace"), first.delimiter)
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    packed = "none" if first.compression == "none" else first.compression
    scan = (
        f"read_csv({_listed(sources)}, auto_detect = false, header = true, columns = {{{columns}}}, "
        f"delim = {literal(first.delimiter)}, quote = '\"', escape = '\"', strict_mode = true, "
        f"ignore_errors = true, store_rejects = true, compression = '{packed}')"
    )
    return Table(scan, dict.fromkeys(names, "VARCHAR"))


def _listed(sources: Sequence[Source]) -> str:
    return f"[{', '.join(literal(source.path) for source in sources)}]"


def _selected(name: str, kind: str) -> str:
    """A column as Python can take it without time-zone tables."""
    column = quoted(name)
    return f"CAST({column} AS TIMESTAMP) AS {column}" if kind.upper().startswith("TIMESTAMP") else column


def _plain(value: Any) -> Any:
    """A duckdb value as JSON would hold it: whole floats are counts, instants are ISO texts in UTC."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if hasattr(value, "isoformat"):
        return value.isoformat() + ("Z" if getattr(value, "tzinfo", 1) is None else "")
    return plain(value) if isinstance(value, str) else value
