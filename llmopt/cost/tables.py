"""CSV and Parquet files as duckdb relations: their columns, a sample, and their rows by number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from llmopt.cost.sources import Source
from llmopt.cost.spec.columns import literal, quoted
from llmopt.errors import InputError


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
        chosen = f"WHERE llmopt_row IN ({', '.join(map(str, numbers))})" if numbers else f"LIMIT {limit}"
        cursor = connection.execute(f"SELECT * FROM ({inner}) {chosen}")
        while row := cursor.fetchone():
            yield row[0], {name: _plain(value) for name, value in zip(self.columns, row[1:], strict=True)}


def open_table(connection: duckdb.DuckDBPyConnection, source: Source, kind: str) -> Table:
    """Look at the columns of a file.

    Raises:
        InputError: when duckdb cannot read it.
    """
    path = literal(source.path)
    if kind == "parquet":
        scan = f"read_parquet({path})"
    else:
        packed = {"none": "none"}.get(source.compression, source.compression)
        scan = (
            f"read_csv({path}, all_varchar = true, header = true, null_padding = true, strict_mode = false, "
            f"ignore_errors = true, compression = '{packed}')"
        )
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()
    except duckdb.Error as error:
        raise InputError(
            f"{source.shown}: {str(error).splitlines()[0]}", "is it a whole CSV or Parquet file?"
        ) from error
    return Table(scan, {row[0]: row[1] for row in described})


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
    if isinstance(value, str):
        value = value.strip()
        head, point, zeros = value.partition(".")
        return head if point and head.isdigit() and zeros and not zeros.strip("0") else value or None
    return value
