"""The result of a query as a log: `llmopt cost --sql "SELECT …" --db DATABASE`.

A database is a file of SQLite or duckdb, told by its first bytes, or a PostgreSQL server, told by its URL. It is opened
for reading only, the statement must be one SELECT, and its rows go to a Parquet file in the spool as they come.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from llmopt.errors import InputError, UsageError

_POSTGRES = ("postgresql", "postgres")
_NEXT_STEP = "give a file of SQLite or duckdb, or postgresql://user@host/name"
_HEAD_BYTES = 16


def as_source(sql: str, database: str, spool: Path) -> Path:
    """Return a file in `spool` with the rows of a query; it is called `query of` the database.

    Args:
        sql: one SELECT (or WITH … SELECT).
        database: a file of SQLite or duckdb, or a URL `postgresql://user:password@host:port/name`.
        spool: a directory for the file.

    Raises:
        UsageError: no database of a known kind, an empty query.
        InputError: no such file, no such table, a wrong statement, no connection: the database's own words.
        MissingExtraError: the driver for PostgreSQL is not installed.
    """
    statement = sql.strip().rstrip(";").rstrip()
    if not statement:
        raise UsageError("the query is empty", 'give one, e.g. --sql "SELECT * FROM requests"')
    scheme = database.partition("://")[0].lower() if "://" in database else ""
    if scheme and scheme not in _POSTGRES:
        raise UsageError(f"{scheme}: not a database that can be read", _NEXT_STEP)
    target = _unused(spool, _shown_name(database, scheme))
    if scheme:
        from llmopt.cost.databases.postgres_rows import write_postgres

        return write_postgres(statement, database, target)
    kind = _kind_of(database)
    if kind == "sqlite":
        from llmopt.cost.databases.sqlite_rows import write_sqlite

        return write_sqlite(statement, database, target)
    from llmopt.cost.databases.duckdb_rows import write_duckdb

    return write_duckdb(statement, database, target)


def _kind_of(database: str) -> str:
    """Return `sqlite` or `duckdb`, by the first bytes of the file."""
    path = Path(database)
    if not path.exists():
        raise InputError(f"{database}: no such file", _NEXT_STEP)
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise InputError(f"{database}: {error.strerror}", _NEXT_STEP) from error
    if head == b"SQLite format 3\0":
        return "sqlite"
    if head[8:12] == b"DUCK":
        return "duckdb"
    raise InputError(f"{database}: not a database of SQLite or duckdb{'' if head else ' (it is empty)'}", _NEXT_STEP)


def _shown_name(database: str, scheme: str) -> str:
    """What the log is called: the name of the database, never its user, password or host."""
    if scheme:
        try:
            name = unquote(urlsplit(database).path).strip("/") or "postgres"
        except ValueError as error:
            raise UsageError(f"{scheme}://…: {error}", _NEXT_STEP) from None
    else:
        name = Path(database).name
    return "query of " + name.replace("/", "_").replace("\0", "_")[:120]


def _unused(spool: Path, name: str) -> Path:
    """A file that is not there yet; several queries of a database are told apart by number."""
    number, target = 1, spool / name
    while target.exists():
        number += 1
        target = spool / f"{name} {number}"
    return target
