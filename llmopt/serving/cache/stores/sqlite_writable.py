"""The connection that writes an SQLite store, to whatever file now has its name."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from llmopt.serving.cache.stores.faults import Faults
from llmopt.serving.cache.stores.sqlite_file import Identity, connected, identity, prepared, renewed

BUSY_WAIT_S = 5.0
_LEFT_OPEN: list[sqlite3.Connection] = []
"""In use by a thread at a fork: the child must not even close them."""


class WritableFile:
    """A file that is opened when it is needed, and begun anew when it is damaged or gone."""

    def __init__(self, path: Path, faults: Faults, replaced: Callable[[], None], *, may_renew: bool) -> None:
        """Prepare.

        Args:
            path: of a file that is a cache.
            faults: where it is said that a file was set aside.
            replaced: called when another file has taken the place of the one that was open.
            may_renew: whether to begin a new file in place of one that is damaged or gone.
        """
        self.may_renew = may_renew
        self.seen = identity(path)
        """The file that is open, or was."""
        self._path = path
        self._faults = faults
        self._replaced = replaced
        self._connection: sqlite3.Connection | None = None

    def connection(self) -> sqlite3.Connection:
        """Return the connection.

        Raises:
            sqlite3.Error: the file cannot be opened.
            ConfigError: no new one can be begun.
        """
        if identity(self._path) != self.seen:  # somebody deleted it, or another process set it aside
            self.close()
            self._replaced()
        if self._connection is None:
            if self.may_renew and self._path.parent.is_dir():
                said = prepared(self._path, create=True)
                if said:
                    self._replaced()
                    self._faults.say(said)
            self.seen = identity(self._path)
            self._connection = connected(self._path, wait_s=BUSY_WAIT_S)
        return self._connection

    def renew(self, seen: Identity | None) -> None:
        """Set a damaged file aside, unless another process has done so, and begin a new one.

        Raises:
            ConfigError: it cannot be renamed, or no new one begun.
        """
        self.close()
        self._replaced()
        self._faults.say(renewed(self._path, seen, "is damaged"))
        self.seen = identity(self._path)

    def close(self) -> None:
        """Close the connection; the next use opens the file again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def abandon(self) -> None:
        """Forget a connection that a thread was using when this process was forked."""
        if self._connection is not None:
            _LEFT_OPEN.append(self._connection)
            self._connection = None
