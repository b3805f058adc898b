"""Rows of a query over a PostgreSQL server: Arrow batches of its driver, written to Parquet as they come.

The only module that knows the driver, https://arrow.apache.org/adbc/current/driver/postgresql.html; it is loaded when
such a database is named.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from llmopt.cost.databases.duckdb_rows import tables_hint
from llmopt.cost.spec.columns import quoted
from llmopt.cost.streams import write_stream
from llmopt.errors import InputError, MissingExtraError

try:
    import adbc_driver_manager
    import adbc_driver_postgresql.dbapi as driver
except ImportError as error:
    raise MissingExtraError(error.name or "adbc-driver-postgresql", "postgres") from error

_CONNECT_S = 10
"""How long to wait for a server, where the URL does not say."""
_READ_ONLY = "-c default_transaction_read_only=on"
_READING = ("", "select", "with", "values", "table")
_TABLES = (
    "SELECT table_schema || '.' || table_name FROM information_schema.tables "
    "WHERE table_schema NOT IN ('information_schema', 'pg_catalog') ORDER BY 1"
)


def write_postgres(statement: str, url: str, target: Path) -> Path:
    """Write the rows of a SELECT to a Parquet file.

    Raises:
        InputError: no connection, a wrong statement, or a statement that is no single SELECT. The password of the URL
            is in no message.
    """
    shown = f"postgresql://{_host(url)}"
    if statement.split(None, 1)[0].lower().strip("(") not in _READING:
        raise InputError(f"{shown}: the query must be one SELECT", "it is only read, never changed")
    try:
        connection = driver.connect(_for_reading(url))
    except adbc_driver_manager.Error as error:
        hint = "is the server up, and are host, port, user and password right?"
        raise InputError(f"{shown}: {_told(error, url)}", hint) from error
    with connection, connection.cursor() as cursor:
        try:
            cursor.execute(_in_plain_types(cursor, statement, shown))
            return write_stream(cursor.fetch_arrow(), target, shown)
        except adbc_driver_manager.Error as error:
            connection.rollback()
            raise InputError(f"{shown}: {_told(error, url)}", _hint(connection, error)) from error


def _in_plain_types(cursor: driver.Cursor, statement: str, shown: str) -> str:
    """Return the statement with money as numbers: the driver gives it in cents.

    In parentheses nothing but a SELECT is grammar, and a WITH cannot write.
    """
    rows = f"WITH llmopt_rows AS (SELECT * FROM ({statement}\n) AS llmopt_query)"
    cursor.execute(f"{rows} SELECT * FROM llmopt_rows LIMIT 0")
    names = [str(name) for name, *_ in cursor.description or ()]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"{shown}: two columns are called {twice[0]!r}", "rename one of them with AS")
    types = ", ".join(f"CAST(pg_typeof((SELECT {quoted(name)} FROM llmopt_rows LIMIT 0)) AS text)" for name in names)
    cursor.execute(f"{rows} SELECT {types}")
    kinds = cursor.fetchone() or ()
    columns = ", ".join(
        f"CAST({quoted(name)} AS numeric) AS {quoted(name)}" if kind == "money" else quoted(name)
        for name, kind in zip(names, kinds, strict=True)
    )
    return f"{rows} SELECT {columns} FROM llmopt_rows"


def _for_reading(url: str) -> str:
    """Return the URL for a session that cannot write and does not wait for ever."""
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    given.setdefault("connect_timeout", str(_CONNECT_S))
    given["options"] = f"{given.get('options', '')} {_READ_ONLY}".strip()
    return urlunsplit(parts._replace(query=urlencode(given, quote_via=quote)))


def _host(url: str) -> str:
    """Return host and database of a URL, without user, password and options."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] + parts.path


def _told(error: Exception, url: str) -> str:
    """What the server or its client says, in one line and without the password."""
    text = " ".join(str(error).split())
    text = text.partition("ERROR: ")[2] or text.partition("failed: ")[2] or text
    text = text.partition(" LINE ")[0].partition(" Query was:")[0].partition(". SQLSTATE")[0]
    for secret in _secrets(url):
        text = text.replace(secret, "***")
    return text


def _secrets(url: str) -> list[str]:
    """Every spelling of a password in a URL."""
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    found = [login.partition(":")[2], *(value for key, value in parse_qsl(parts.query) if "password" in key.lower())]
    return [spelling for secret in found if secret for spelling in (secret, unquote(secret), quote(unquote(secret)))]


def _hint(connection: driver.Connection, error: adbc_driver_manager.Error) -> str:
    """What to do next about what the server says."""
    if "does not exist" not in str(error) or "relation" not in str(error):
        return "run the query in psql"
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        return tables_hint([str(name) for (name,) in cursor.fetchall()])
