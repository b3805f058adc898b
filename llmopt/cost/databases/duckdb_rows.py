"""Rows of a query over a duckdb file, written to Parquet by duckdb itself."""

from __future__ import annotations

from pathlib import Path

import duckdb

from llmopt.cost.spec.columns import literal, quoted
from llmopt.cost.streams import AS_PARQUET, connect, first_line, select_all
from llmopt.errors import InputError

_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_catalog = 'llmopt_db' ORDER BY ALL"
SHOWN_TABLES = 12
"""Tables named in a hint."""


def write_duckdb(statement: str, database: str, target: Path) -> Path:
    """Write the rows of a SELECT to a Parquet file.

    Raises:
        InputError: the file cannot be opened, the statement is wrong or is no single SELECT.
    """
    with connect(target.parent) as connection:
        try:
            connection.execute(f"ATTACH {literal(str(Path(database).resolve()))} AS llmopt_db (READ_ONLY)")
        except duckdb.Error as error:
            hint = "close what has it open for writing, or copy the file" if "Could not set lock" in str(error) else ""
            raise InputError(f"{database}: {_told(error, database)}", hint) from error
        try:
            connection.execute("USE llmopt_db")
            _checked(connection, statement, database)
            rows = select_all(connection, f"({statement}\n)")
            connection.execute(f"COPY ({rows}) TO {literal(str(target))} ({AS_PARQUET})")
        except duckdb.CatalogException as error:
            raise InputError(f"{database}: {_told(error, database)}", tables_hint(_tables(connection))) from error
        except duckdb.Error as error:
            raise InputError(f"{database}: {_told(error, database)}", "run the query in duckdb first") from error
    return target


def tables_hint(names: list[str]) -> str:
    """Return a hint that names the tables there are."""
    more = f" and {len(names) - SHOWN_TABLES} more" if len(names) > SHOWN_TABLES else ""
    return f"tables: {', '.join(names[:SHOWN_TABLES])}{more}" if names else "it holds no table"


def _tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    return [str(name) for (name,) in connection.execute(_TABLES).fetchall()]


def _checked(connection: duckdb.DuckDBPyConnection, statement: str, database: str) -> None:
    """Refuse anything but one SELECT: duckdb would run several statements, and could write other files."""
    kinds = [one.type for one in connection.extract_statements(statement)]
    if kinds != [duckdb.StatementType.SELECT]:
        raise InputError(f"{database}: the query must be one SELECT", "it is only read, never changed")


def _told(error: duckdb.Error, database: str) -> str:
    return first_line(error).replace(str(Path(database).resolve()), database).replace(f"{quoted('llmopt_db')}.", "")
