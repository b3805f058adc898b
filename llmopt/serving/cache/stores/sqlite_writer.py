"""The thread that writes an SQLite store: what is set within some milliseconds is one transaction."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from threading import Condition, Thread, current_thread

from llmopt.errors import LlmoptError
from llmopt.serving.cache.entry import Entry
from llmopt.serving.cache.stores import sqlite_table as table
from llmopt.serving.cache.stores.faults import Faults
from llmopt.serving.cache.stores.memory import most_entries
from llmopt.serving.cache.stores.sqlite_connections import WritableFile
from llmopt.serving.cache.stores.sqlite_file import Identity, is_damage

LINGER_S = 0.01
ROOM_WAIT_S, HOLD_WAIT_S, FLUSH_WAIT_S = 1.0, 2.0, 30.0
MOST_WAITING_BYTES = 32 * 2**20
LEAST_AT_ONCE_BYTES, MOST_AT_ONCE_BYTES = 2**16, 2**22
USED_AT_ONCE, USED_EVERY_S, MOST_USED = 256, 10.0, 10_000


@dataclass(slots=True)
class Batch:
    """What is written at once."""

    entries: dict[str, tuple[Entry, bytes]] = field(default_factory=dict)
    used: dict[str, None] = field(default_factory=dict)
    """Keys of entries that were read, in the order of reading."""
    size_bytes: int = 0
    last: int = 0
    """Number of the last `put` that is in it."""
    damage: tuple[Identity | None] | None = None
    """The file that a reader found damaged."""
    suspect: bool = False
    """Whether to look at the file again, since reading it failed."""


class Writer:
    """Takes entries at once, and writes them in a thread of its own, which begins with the first."""

    def __init__(self, file: WritableFile, max_bytes: int, faults: Faults) -> None:
        """Prepare.

        Args:
            file: what to write to.
            max_bytes: most bytes of answers.
            faults: where failures are noted.
        """
        self._file = file
        self._max_bytes, self._max_entries = max_bytes, most_entries(max_bytes)
        self._at_once_bytes = min(max(max_bytes // 8, LEAST_AT_ONCE_BYTES), MOST_AT_ONCE_BYTES)
        self._faults = faults
        self.closed = False
        """Whether `put` takes nothing any more."""
        self._roomy = False
        self.evicted = 0
        """Entries that made room."""
        self._begin()

    def _begin(self) -> None:
        self._changed = Condition()
        self._thread: Thread | None = None
        self._waiting, self._writing = Batch(), Batch()
        self._accepted = self._done = 0
        self._used_since_s = 0.0
        self._due = self._hurry = self._stopping = self._paused = False

    def find(self, key: str) -> Entry | None:
        """Return an entry that is not in the file yet."""
        found = self._waiting.entries.get(key) or self._writing.entries.get(key)
        return found[0] if found else None

    def has_room(self) -> bool:
        """Whether `put` need not wait."""
        return self._waiting.size_bytes < MOST_WAITING_BYTES

    def put(self, key: str, entry: Entry, data: bytes) -> None:
        """Take an entry; where the disk does not keep up, wait a second for it, then give the entry up."""
        with self._changed:
            if not self.has_room():
                self._hurry = True
                self._changed.notify_all()
                if not self._changed.wait_for(self.has_room, ROOM_WAIT_S):
                    self._faults.note("writing", "the disk does not keep up, so an answer was not kept")
                    return
            if self.closed:
                return
            self._accepted += 1
            batch = self._waiting
            batch.entries[key] = (entry, data)
            batch.size_bytes += len(data)
            batch.last = self._accepted
            self._wake()

    def used(self, key: str, now_s: float) -> None:
        """Note that an entry was read: written with other entries, once there are many, or after a while.

        Not while half the room is free: nothing has to go soon.
        """
        if self._roomy:
            return
        with self._changed:
            keys = self._waiting.used
            if self.closed or len(keys) >= MOST_USED:
                return
            if not keys:
                self._used_since_s = now_s
            keys[key] = None
            if len(keys) >= USED_AT_ONCE or now_s - self._used_since_s >= USED_EVERY_S:
                self._wake()

    def damaged(self) -> None:
        """Have the file set aside, since it is damaged, and a new one begun."""
        with self._changed:
            if not self.closed and self._file.may_renew:
                self._waiting.damage = (self._file.seen,)
                self._wake()

    def suspect(self) -> None:
        """Have the file opened and looked at again, since reading it failed."""
        with self._changed:
            if not self.closed:
                self._waiting.suspect = True
                self._wake()

    def flush(self) -> None:
        """Return when everything that was put before is written or given up."""
        with self._changed:
            target = self._accepted
            self._hurry = self._hurry or self._done < target
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: self._done >= target, FLUSH_WAIT_S):
                self._faults.note("writing", f"not done after {FLUSH_WAIT_S:g} s")

    def close(self) -> None:
        """Write what waits, and close the file."""
        with self._changed:
            self.closed = True
            if self._stop(FLUSH_WAIT_S):
                self._write_rest()
                self._file.close()

    def hold(self) -> None:
        """Write what waits, end the thread, close the file, and keep the lock; for a fork."""
        self._changed.acquire()
        self._paused = True
        if self._stop(HOLD_WAIT_S):
            self._file.close()

    def go_on(self, *, child: bool) -> None:
        """Write again after `hold`; what still waits is the parent's to write."""
        if child:
            self._file.abandon()
            self._begin()
            return
        self._stopping = self._paused = False
        if self._waiting.entries or self._waiting.damage:
            self._wake()
        self._changed.release()

    def _wake(self) -> None:
        """Have the thread write soon; the lock is held."""
        if self._due or self._paused:
            return
        self._due = True
        self._changed.notify_all()
        if self._thread is None:
            self._thread = Thread(target=self._run, name="llmopt-cache-writer", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # no more threads, or the interpreter is about to end
                self._thread = None
                self._write_rest()

    def _stop(self, wait_s: float) -> bool:
        """Let the thread write what waits and end; say whether it has. The lock is held."""
        thread = self._thread
        if thread is None:
            return True
        self._stopping = self._hurry = True
        self._changed.notify_all()
        if thread is current_thread():  # the garbage collector closes a store wherever it happens to run
            return False
        if not self._changed.wait_for(lambda: self._thread is None, wait_s):
            return False
        thread.join(wait_s)
        return True

    def _run(self) -> None:
        try:
            while (batch := self._next()) is not None:
                self._write(batch)
        finally:  # also where the thread dies: another one goes on
            with self._changed:
                due, self._due = self._due, False
                self._thread, self._stopping = None, False
                if self.closed:
                    self._file.close()
                self._changed.notify_all()
                if due:
                    self._wake()

    def _next(self) -> Batch | None:
        """Wait for what is to be written; None: the thread is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._due or self._stopping)
            self._changed.wait_for(lambda: self._hurry, LINGER_S)
            return self._take() if self._due else None

    def _take(self) -> Batch:
        """Return what waits, which `find` still finds; the lock is held."""
        self._writing = self._waiting
        self._waiting = Batch()
        self._due = False
        self._hurry = self._stopping
        self._changed.notify_all()
        return self._writing

    def _write_rest(self) -> None:
        if self._due or self._waiting.used:
            self._write(self._take())

    def _write(self, batch: Batch) -> None:
        try:
            if batch.suspect:
                self._file.close()
            if batch.damage is not None:
                self._file.renew(batch.damage[0])
            try:
                self._keep(batch)
            except sqlite3.Error as error:
                self._file.close()
                if not (is_damage(error) and self._file.may_renew):
                    raise
                self._file.renew(self._file.seen)
                self._keep(batch)
            self._faults.fine("writing")
        except (sqlite3.Error, LlmoptError, MemoryError, OSError, ValueError) as error:
            self._file.close()
            self._faults.note("writing", error)
        finally:
            with self._changed:
                self._writing = Batch()
                self._done = max(self._done, batch.last)
                self._changed.notify_all()

    def _keep(self, batch: Batch) -> None:
        """Write a batch, a part in each transaction, so that the file hardly grows beyond its bound."""
        connection = self._file.connection()
        if batch.used:
            with table.transaction(connection):
                table.mark_used(connection, batch.used)
        for rows in table.parted(batch.entries, self._at_once_bytes):
            with table.transaction(connection):
                evicted = table.keep(connection, rows, self._max_bytes, self._max_entries)
            self.evicted += evicted
        found = table.totals(connection)
        self._roomy = found.size_bytes * 2 < self._max_bytes and found.entries * 2 < self._max_entries
