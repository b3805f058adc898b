"""Connections to the file of an SQLite store: a few that read, each for one thread at a time, and one that writes.

A file can be deleted, or another one put in its place, while it is open. Who writes looks before each write; who only
reads looks now and then.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock
from typing import cast

from llmopt.serving.cache.stores.faults import Faults
from llmopt.serving.cache.stores.sqlite_file import OPEN_WAIT_S, Identity, connected, identity, prepared, renewed
from llmopt.serving.cache.stores.sqlite_table import READ

MOST_READERS = 8
READ_WAIT_S = 0.05
"""For a file that another process has locked."""
READER_WAIT_S = 1.0
"""A missed answer is a call that is paid for, and threads wait for the interpreter more than for the disk."""
LOOK_EVERY_S = 1.0
_LEFT_OPEN: list[sqlite3.Connection] = []
"""In use by a thread at a fork: the child must not even close them."""


class Readers:
    """A few connections, opened when they are needed."""

    def __init__(self, path: Path) -> None:
        """Open none yet."""
        self._path = path
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._opened: set[sqlite3.Connection] = set()
        self._seen: Identity | None = None
        self._look_at_s = 0.0
        self._gate = Lock()

    def row(self, key: str) -> tuple[bytes, int] | None:
        """Return what is stored for a key, and whether it is noted as used.

        Raises:
            sqlite3.Error: it cannot be read.
        """
        if time.monotonic() >= self._look_at_s:
            self._look()
        idle = self._idle
        try:
            connection = idle.get_nowait()
        except Empty:
            connection = self._another()
            idle = self._idle
        try:
            # The second step, which ends the reading, is done by fetchone itself: a key has one row.
            row = connection.execute(READ, (key,)).fetchone()
        except BaseException:
            self._close(connection)
            raise
        idle.put(connection)
        if idle is not self._idle:
            self._close_all(idle)
        return cast("tuple[bytes, int] | None", row)

    def close(self) -> None:
        """Close all; those in use are closed after use. The next read opens the file again."""
        with self._gate:
            self._close_idle()

    def hold(self, timeout_s: float) -> None:
        """Close all and let no read begin; wait for those under way, but not for ever."""
        self._gate.acquire()
        self._close_idle()
        end_s = time.monotonic() + timeout_s
        while self._opened and time.monotonic() < end_s:
            time.sleep(0.001)

    def go_on(self, *, child: bool) -> None:
        """Let reads begin again after `hold`."""
        if child:
            _LEFT_OPEN.extend(self._opened)
            self._opened = set()
            self._idle = SimpleQueue()
        self._gate.release()

    def _look(self) -> None:
        """Close the file if its name is that of another one now."""
        self._look_at_s = time.monotonic() + LOOK_EVERY_S
        found = identity(self._path)
        if found != self._seen:
            self._seen = found
            self.close()

    def _another(self) -> sqlite3.Connection:
        with self._gate:
            if len(self._opened) < MOST_READERS:
                connection = connected(self._path, wait_s=READ_WAIT_S, reads_only=True)
                self._opened.add(connection)
                return connection
            idle = self._idle
        try:
            return idle.get(timeout=READER_WAIT_S)
        except Empty:
            raise sqlite3.OperationalError(f"all {MOST_READERS} readers are waiting for the disk") from None

    def _close_idle(self) -> None:
        old, self._idle = self._idle, SimpleQueue()
        self._close_all(old)

    def _close_all(self, idle: SimpleQueue[sqlite3.Connection]) -> None:
        while True:
            try:
                self._close(idle.get_nowait())
            except Empty:
                return

    def _close(self, connection: sqlite3.Connection) -> None:
        self._opened.discard(connection)
        connection.close()


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
            self._connection = connected(self._path, wait_s=OPEN_WAIT_S)
            self._connection.execute("PRAGMA busy_timeout = 0")  # `transaction` waits
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
