"""Arrow streams as Parquet files: whatever has `__arrow_c_stream__`, written by duckdb, batch by batch.

No Arrow library is needed for it: the stream is a C interface that duckdb reads itself.
https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

import duckdb

from llmopt.cost.spec.columns import literal, quoted
from llmopt.errors import InputError

MEMORY_BYTES = 2**30
"""What duckdb may use while it writes. It works on 2,048 rows at a time: those of long texts are large."""
AS_PARQUET = "FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE_BYTES '32MiB'"
"""How files in the spool are written: rows with long texts must not add up to large row groups."""


@runtime_checkable
class ArrowStream(Protocol):
    """A table that can be read as a stream of Arrow batches."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the stream, as a capsule."""
        ...


def connect(spool: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection that writes files in the order of its rows, in bounded memory, without any network."""
    connection = duckdb.connect(
        config={
            "memory_limit": f"{MEMORY_BYTES // 2**20}MiB",
            "temp_directory": str(spool / "spill"),
            # One thread keeps the order of rows, and row groups of so many bytes are to be had only like this.
            "threads": 1,
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def write_stream(stream: ArrowStream, target: Path, shown: str) -> Path:
    """Write a stream to a Parquet file.

    Args:
        stream: it is read once.
        target: the file.
        shown: what to call the stream in an error.

    Raises:
        InputError: the stream broke, or holds types that duckdb does not know.
    """
    with connect(target.parent) as connection:
        try:
            # The capsule and not what it comes from: that need not give a second one, and duckdb asks twice.
            connection.register("llmopt_stream", stream.__arrow_c_stream__())
            connection.execute(
                f"COPY ({select_all(connection, 'llmopt_stream')}) TO {literal(str(target))} ({AS_PARQUET})"
            )
        except duckdb.Error as error:
            raise InputError(f"{shown}: {first_line(error)}", "cast the column to text or to a number") from error
        finally:
            connection.unregister("llmopt_stream")
    return target


def select_all(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    """Return a statement for all columns of a FROM item, in types that Parquet keeps."""
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return f"SELECT {', '.join(kept(name, kind) for name, kind, *_ in described)} FROM {relation}"


def kept(name: str, kind: str) -> str:
    """A column as Parquet keeps it: sums of duckdb are 128 bits wide, which Parquet has only as a decimal."""
    column = quoted(name)
    if kind == '"NULL"':
        # Not read at all: duckdb refuses batches of it that come without a mask, which Arrow allows.
        return f"CAST(NULL AS VARCHAR) AS {column}"
    if kind in ("HUGEINT", "UHUGEINT"):
        return f"CAST({column} AS DECIMAL(38, 0)) AS {column}"
    if kind.startswith(("UNION", "BIT", "BIGNUM", "INTERVAL", "VARIANT")):
        return f"CAST({column} AS VARCHAR) AS {column}"
    return column


def first_line(error: Exception) -> str:
    """Return the first line of what a library says, without the name of its exception."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return line.partition(" Error: ")[2] or line
