"""The tables of a state, and how a database is recognised as one.

Source: sqlite.org/pragma.html (application_id, user_version), sqlite.org/wal.html.
"""

from __future__ import annotations

import sqlite3

from llmopt.errors import ConfigError

APPLICATION, VERSION = 0x6C6C7374, 1
"""`llst` in the header of the file, and the shape of its tables."""
_TABLES = (
    """CREATE TABLE sets (
      id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, described TEXT NOT NULL, dedupe TEXT NOT NULL,
      sample INTEGER NOT NULL, variants TEXT NOT NULL, lost TEXT NOT NULL, final BLOB, ranked BLOB
    )""",
    "CREATE TABLE files (id INTEGER PRIMARY KEY AUTOINCREMENT, set_id INTEGER NOT NULL, known BLOB NOT NULL)",
    "CREATE INDEX files_of_set ON files (set_id)",
    "CREATE TABLE parts (file_id INTEGER PRIMARY KEY, part BLOB NOT NULL, ids BLOB NOT NULL)",
    "CREATE TABLE rows (name TEXT PRIMARY KEY, set_id INTEGER NOT NULL, records INTEGER NOT NULL)",
)
"""A set is what was read in one way; `rows` are Parquet files of records that other records may repeat."""


def prepare_tables(connection: sqlite3.Connection, shown: str) -> None:
    """Make the tables, or see that they are there.

    Raises:
        ConfigError: the database is something else, or was written by another version.
    """
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application == APPLICATION and version == VERSION:
        return
    if application == APPLICATION:
        age = "a newer" if version > VERSION else "an older"
        raise ConfigError(
            f"{shown}: written by {age} version of llmopt (tables {version}, this one knows {VERSION})",
            "use that version, or name another folder: all logs are then read once more",
        )
    if application or tables:
        raise ConfigError(f"{shown}: a database of something else", "name another folder")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    for statement in _TABLES:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")
