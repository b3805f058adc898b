"""The tables of an SQLite store, and how a database is recognised as one.

Source: sqlite.org/pragma.html (application_id, user_version, journal_mode), sqlite.org/wal.html.
"""

from __future__ import annotations

import sqlite3
import time
from enum import Enum

APPLICATION, VERSION = 0x6C6C6D63, 1
PAGE_BYTES = 8192  # two answers of 2 KB do not fit in the default page of 4 KB: half of it would be empty
WAL_WAIT_S = 5.0
SCHEMA = """
CREATE TABLE bodies (id INTEGER PRIMARY KEY, value BLOB);
CREATE TABLE entries (
  key TEXT PRIMARY KEY, id INTEGER, place INTEGER, used INTEGER, size INTEGER,
  stored_s REAL, expires_s REAL, tenant BLOB, model BLOB, usd BLOB
) WITHOUT ROWID;
CREATE INDEX by_place ON entries (place);
CREATE INDEX by_expiry ON entries (expires_s);
CREATE TABLE totals (size INTEGER, entries INTEGER);
INSERT INTO totals VALUES (0, 0);
CREATE TRIGGER added AFTER INSERT ON entries BEGIN
  UPDATE totals SET size = size + new.size, entries = entries + 1;
END;
CREATE TRIGGER dropped AFTER DELETE ON entries BEGIN
  DELETE FROM bodies WHERE id = old.id;
  UPDATE totals SET size = size - old.size, entries = entries - 1;
END
"""
"""`place` orders entries for eviction; `used` is 1 for one that was read since it got its place."""


class Kind(Enum):
    """What a database is."""

    EMPTY = "empty"
    CACHE = "a cache"
    OTHER_VERSION = "a cache of another version of llmopt"
    FOREIGN = "a database of something else"


def looked_at(connection: sqlite3.Connection) -> Kind:
    """Return what an open database is."""
    outer = connection.in_transaction
    if not outer:
        connection.execute("BEGIN")  # another process may be about to make it a cache
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not outer:
        connection.execute("COMMIT")
    if not tables and application in (0, APPLICATION):
        return Kind.EMPTY
    if application != APPLICATION:
        return Kind.FOREIGN
    return Kind.CACHE if version == VERSION else Kind.OTHER_VERSION


def write_schema(connection: sqlite3.Connection) -> None:
    """Make an empty database a cache, unless another process is faster."""
    connection.execute("PRAGMA synchronous = OFF")  # there is nothing to lose yet, and a slow disk costs 50 ms
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    _to_wal(connection)
    connection.execute("BEGIN IMMEDIATE")
    if looked_at(connection) is Kind.EMPTY:
        for statement in _statements(SCHEMA):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _to_wal(connection: sqlite3.Connection) -> None:
    """Change the journal; SQLite does not wait by itself while another process does the same."""
    end_s = time.monotonic() + WAL_WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end_s:
                raise
            time.sleep(0.01)
        else:
            return


def _statements(script: str) -> list[str]:
    """Split a script; `executescript` would end the transaction."""
    found, part = [], ""
    for piece in script.split(";"):
        part += piece + ";"
        if sqlite3.complete_statement(part):
            found.append(part)
            part = ""
    return found
