"""Rows of a query over a SQLite file: read by Python's own sqlite3, typed and written to Parquet by duckdb.

A column of SQLite holds values of any type, and its declared type promises nothing. So SQLite writes each row as JSON,
which keeps the type of each value, and a column gets the type that all of its values have: counts, floats, or text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import duckdb

from llmopt.cost.databases.duckdb_rows import tables_hint
from llmopt.cost.spec.columns import literal, quoted
from llmopt.cost.streams import AS_PARQUET, connect, first_line
from llmopt.errors import InputError

_GROUP = 50
"""Columns in one JSON array: functions of SQLite take about a hundred arguments."""
_ROWS_AT_ONCE = 256
_LEAST_BUFFER_BYTES = 2**20
_TABLES = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%' ORDER BY name"


def write_sqlite(statement: str, database: str, target: Path) -> Path:
    """Write the rows of a SELECT to a Parquet file. Blobs become hexadecimal text.

    Raises:
        InputError: the file is damaged, the statement is wrong or is no single SELECT.
    """
    lines = target.with_name(target.name + ".rows")
    # `mode=ro` keeps SQLite from creating, changing and locking the file.
    connection = sqlite3.connect(Path(database).resolve().as_uri() + "?mode=ro", uri=True)
    try:
        connection.execute("PRAGMA query_only = 1")
        connection.execute("PRAGMA schema_version")  # reads the file, which a query without a table would not
        connection.text_factory = bytes
        names = _columns(connection, statement, database)
        with lines.open("wb") as file:
            longest_bytes = _write(file, _rows(connection, statement, len(names)))
    except sqlite3.Error as error:
        raise InputError(f"{database}: {error}", _hint(connection, str(error))) from error
    finally:
        connection.close()
    _typed(lines, longest_bytes, names, target, database)
    lines.unlink()
    return target


def _columns(connection: sqlite3.Connection, statement: str, database: str) -> list[str]:
    """Return the names of the columns; SQLite numbers those that are there twice."""
    try:
        cursor = connection.execute(f"SELECT * FROM ({statement}\n) LIMIT 0")
    except sqlite3.Error as error:
        # What cannot stand in parentheses is no SELECT, or a wrong one: ask SQLite what it is, without running it.
        _explained(connection, statement, database)
        raise error from None
    return [name for name, *_ in cursor.description]


def _explained(connection: sqlite3.Connection, statement: str, database: str) -> None:
    """Raise what SQLite has against a statement; where it has nothing, the statement is no SELECT."""
    connection.execute(f"EXPLAIN {statement}")
    raise InputError(f"{database}: the query must be one SELECT", "it is only read, never changed")


def _rows(connection: sqlite3.Connection, statement: str, columns: int) -> Iterator[list[bytes]]:
    """Yield lines of JSON: an object of arrays, of up to 50 columns each."""
    names = [f"c{number}" for number in range(columns)]
    groups = [names[start : start + _GROUP] for start in range(0, columns, _GROUP)]
    arrays = " || ',' || ".join(
        f"'\"g{number}\":' || json_array({', '.join(map(_as_json, group))})" for number, group in enumerate(groups)
    )
    query = f"WITH llmopt_rows({', '.join(names)}) AS (SELECT * FROM ({statement}\n)) SELECT {arrays} FROM llmopt_rows"
    cursor = connection.execute(query)
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        yield [b"{" + row + b"}\n" for (row,) in rows]


def _write(file: IO[bytes], parts: Iterator[list[bytes]]) -> int:
    """Write the lines and return the length of the longest."""
    longest_bytes = 0
    for lines in parts:
        part = b"".join(lines)
        # Text of SQLite need not be UTF-8; JSON must be, and what stands in for a byte is two bytes longer at most.
        valid = _is_utf8(part)
        file.write(part if valid else part.decode("utf-8", "replace").encode())
        longest_bytes = max(longest_bytes, max(map(len, lines)) * (1 if valid else 3))
    return longest_bytes


def _as_json(name: str) -> str:
    """A column as JSON takes it: no bytes, no infinity, and all digits of a float."""
    infinite = f"abs({name}) > 1.7976931348623157e308"
    return (
        f"CASE typeof({name}) WHEN 'blob' THEN hex({name}) WHEN 'real' THEN CASE WHEN {infinite} "
        f"THEN CAST({name} AS TEXT) ELSE json(printf('%!.17g', {name})) END ELSE {name} END"
    )


def _is_utf8(part: bytes) -> bool:
    try:
        part.decode()
    except UnicodeDecodeError:
        return False
    return True


def _typed(lines: Path, longest_bytes: int, names: list[str], target: Path, database: str) -> None:
    """Write the lines to Parquet, each column in the type that all of its values have."""
    places = [f"g{number // _GROUP}[{number % _GROUP + 1}]" for number in range(len(names))]
    with connect(target.parent) as connection:
        try:
            kinds = ", ".join(f"list(DISTINCT json_type({place}))" for place in places)
            found = connection.execute(
                f"SELECT {kinds} FROM {_scan(lines, longest_bytes, len(names), 'JSON')}"
            ).fetchone()
            seen = [set(kind or ()) - {None, "NULL"} for kind in found or ()]
            # Only JSON spells a float shortly that stands beside texts; plain text is read in half the time.
            leaf = "JSON" if any("DOUBLE" in kind and len(kind) > 1 for kind in seen) else "VARCHAR"
            columns = ", ".join(
                f"CAST({place} ->> '$' AS {_type(kind)}) AS {quoted(name)}"
                if leaf == "JSON"
                else f"CAST({place} AS {_type(kind)}) AS {quoted(name)}"
                for name, place, kind in zip(names, places, seen, strict=True)
            )
            scan = _scan(lines, longest_bytes, len(names), leaf)
            connection.execute(f"COPY (SELECT {columns} FROM {scan}) TO {literal(str(target))} ({AS_PARQUET})")
        except duckdb.Error as error:
            reason = first_line(error).replace(str(lines), "a row")
            raise InputError(f"{database}: {reason}", "leave long columns out of the query") from error


def _scan(lines: Path, longest_bytes: int, columns: int, leaf: str) -> str:
    """Read the lines, the elements of their arrays as `leaf`."""
    groups = ", ".join(f"g{number}: '{leaf}[]'" for number in range((columns + _GROUP - 1) // _GROUP))
    return (
        f"read_json({literal(str(lines))}, format = 'newline_delimited', records = true, columns = {{{groups}}}, "
        f"maximum_object_size = {max(longest_bytes + 1, _LEAST_BUFFER_BYTES)})"
    )


def _type(kinds: set[str]) -> str:
    """Return the type that holds all values of these kinds."""
    if kinds and kinds <= {"BIGINT", "UBIGINT"}:
        return "BIGINT"
    return "DOUBLE" if kinds == {"DOUBLE"} else "VARCHAR"


def _hint(connection: sqlite3.Connection, reason: str) -> str:
    """What to do next about what SQLite says."""
    if "no such table" in reason:
        return tables_hint([bytes(name).decode("utf-8", "replace") for (name,) in connection.execute(_TABLES)])
    if "locked" in reason:
        return "another program writes to it; try again, or copy the file"
    if "unable to open" in reason or "readonly" in reason:
        return "its write-ahead log cannot be read from here; copy the database with its -wal file"
    return (
        "is it a damaged file?" if "malformed" in reason or "not a database" in reason else "run the query in sqlite3"
    )
