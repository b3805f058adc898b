"""Connections that read an SQLite store, each in use by one thread at a time."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock
from typing import cast

from llmopt.serving.cache.stores.sqlite_file import connected
from llmopt.serving.cache.stores.sqlite_table import READ

MOST_READERS = 8
BUSY_WAIT_S = 0.05
READER_WAIT_S = 1.0
"""A missed answer is a call that is paid for, and threads wait for the interpreter more than for the disk."""
_LEFT_OPEN: list[sqlite3.Connection] = []
"""In use by a thread at a fork: the child must not even close them."""


class Readers:
    """A few connections, opened when they are needed."""

    def __init__(self, path: Path) -> None:
        """Open none yet."""
        self._path = path
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._opened: set[sqlite3.Connection] = set()
        self._gate = Lock()

    def row(self, key: str) -> tuple[bytes, int] | None:
        """Return what is stored for a key, and whether it is noted as used.

        Raises:
            sqlite3.Error: it cannot be read.
        """
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

    def _another(self) -> sqlite3.Connection:
        with self._gate:
            if len(self._opened) < MOST_READERS:
                connection = connected(self._path, wait_s=BUSY_WAIT_S, reads_only=True)
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
