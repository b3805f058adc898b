"""Spending in an SQLite file, shared by the processes of a machine and kept when they end.

Each exchange is one transaction on a connection of its own: some hundred microseconds in a thread, twenty times a
second at most, and nothing to care for when a process forks, or somebody moves the file away.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from llmopt.errors import ConfigError
from llmopt.serving.gateway.spend.shared import StoreGoneError, Wish

_WAIT_S = 5.0
"""For another process that writes."""
KIND = 0x6C6C7370
"""`llsp`, in the file's header: spending of llmopt."""
_SCHEMA = "CREATE TABLE IF NOT EXISTS spending (name TEXT PRIMARY KEY, pico_usd INTEGER NOT NULL) STRICT, WITHOUT ROWID"
_ADD = """
INSERT INTO spending VALUES (:name, :floor + :add)
ON CONFLICT DO UPDATE SET pico_usd = max(pico_usd, :floor) + :add RETURNING pico_usd
"""
_READ = "SELECT pico_usd FROM spending WHERE name = ?"


class SqliteSpend:
    """Keeps sums in a file.

    Args:
        path: of the file, which is made where there is none.

    Raises:
        ConfigError: it cannot be written, or is something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.expanduser().absolute()
        self.where = str(path)
        """The file."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._make()
        except (OSError, sqlite3.Error) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise ConfigError(f"{path} cannot be used for spending: {why}", "name another file") from error

    async def exchange(self, batch: str, wishes: Mapping[str, Wish]) -> dict[str, int]:
        """Add to sums and return what they are.

        Args:
            batch: not needed: what was not committed was not added.
            wishes: by the name of the sum.

        Raises:
            StoreGoneError: the file cannot be written.
        """
        return await asyncio.to_thread(self._exchanged, wishes)

    async def close(self) -> None:
        """Do nothing: no connection stays open."""

    def _exchanged(self, wishes: Mapping[str, Wish]) -> dict[str, int]:
        try:
            if not self._path.exists():
                self._make()
            with closing(self._connected()) as connection, connection:
                return {name: _sum(connection, name, wish) for name, wish in wishes.items()}
        except (OSError, sqlite3.Error) as error:
            raise StoreGoneError(str(error)) from error

    def _make(self) -> None:
        """Make the file, for its owner only, or see whether it is one."""
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        with closing(self._connected()) as connection:
            kind = connection.execute("PRAGMA application_id").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
            if kind != KIND and (kind or tables):
                raise sqlite3.DatabaseError("it is a database of something else")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA application_id = {KIND}")
            connection.execute(_SCHEMA)

    def _connected(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=_WAIT_S)


def _sum(connection: sqlite3.Connection, name: str, wish: Wish) -> int:
    if wish.add:
        row = connection.execute(_ADD, {"name": name, "add": wish.add, "floor": wish.floor}).fetchone()
    else:
        row = connection.execute(_READ, (name,)).fetchone()
    return int(row[0]) if row else 0
