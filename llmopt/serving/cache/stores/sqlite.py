"""Answers in an SQLite file: no server, shared by the processes of a machine, and there after a restart."""

from __future__ import annotations

import asyncio
import sqlite3
import weakref
from pathlib import Path

from llmopt.errors import InputError, UsageError
from llmopt.serving.cache.codec import decoded, encoded
from llmopt.serving.cache.entry import Entry
from llmopt.serving.cache.stores import sqlite_table as table
from llmopt.serving.cache.stores.faults import Faults
from llmopt.serving.cache.stores.forking import watch_forks
from llmopt.serving.cache.stores.sqlite_connections import Readers, WritableFile
from llmopt.serving.cache.stores.sqlite_file import (
    OPEN_WAIT_S,
    absolute,
    connected,
    is_damage,
    is_stale,
    prepared,
)
from llmopt.serving.cache.stores.sqlite_writer import HOLD_WAIT_S, Writer
from llmopt.serving.cache.stores.store import StoreStats

SQLITE_BYTES = 2**30
LARGEST_BYTES = 2**29
"""SQLite keeps no value of more than a billion bytes, and moves one as a whole."""


class SqliteStore:
    """Keeps entries in a file; reads at once, writes a moment later and many at a time."""

    def __init__(self, path: str | Path, *, max_bytes: int = SQLITE_BYTES, create: bool = True) -> None:
        """Open a file, or begin one.

        A damaged file is set aside (as `NAME.damaged`) and a new one begun; the log and `stats().last_error` say so.

        Args:
            path: of the file; its folder is made where it is missing. Not on a network drive.
            max_bytes: most bytes of answers; those not used for a while make room. The file itself is about half as
                large again. There are at most as many entries as a `MemoryStore` of that size has.
            create: False: the file has to be there, and is never set aside.

        Raises:
            UsageError: a bound below 1, or no path of a file.
            ConfigError: the file cannot be opened or written, or is a database of something else.
            InputError: with `create=False`, there is no such file, or it is damaged or no cache.
        """
        if max_bytes < 1:
            raise UsageError(f"max_bytes is {max_bytes}; at least 1 is needed")
        if not str(path) or str(path) == ":memory:":
            raise UsageError(f"{str(path)!r} is no path of a file", "MemoryStore keeps answers in memory")
        self._path = absolute(path)
        self._max_bytes = max_bytes
        self._faults = Faults(str(self._path))
        said = prepared(self._path, create=create)
        if said:
            self._faults.say(said)
        self._readers = Readers(self._path)
        file = WritableFile(self._path, self._faults, self._readers.close, may_renew=create)
        self._writer = Writer(file, max_bytes, self._faults)
        self._end = weakref.finalize(self, _end, self._writer, self._readers)
        watch_forks(self)

    def get(self, key: str, now_s: float) -> Entry | None:
        """Return an entry that has not expired."""
        entry = self._writer.find(key)
        if entry is None:
            entry = self._read(key, now_s)
        return entry if entry is not None and entry.expires_at_s > now_s else None

    def set(self, key: str, entry: Entry) -> None:
        """Keep an entry; `get` of this store has it at once, other processes some 20 ms later."""
        largest = min(self._max_bytes, LARGEST_BYTES)
        if len(entry.body) > largest:
            self._faults.note("keeping an answer", f"{len(entry.body)} bytes are more than {largest}")
        elif isinstance(table.column(key), bytes):
            self._faults.note("keeping an answer", f"its key {key!a} is no text")
        else:
            self._writer.put(key, entry, encoded(entry, key))

    async def aget(self, key: str, now_s: float) -> Entry | None:
        """As `get`: a read takes a few microseconds, less than a change of threads."""
        return self.get(key, now_s)

    async def aset(self, key: str, entry: Entry) -> None:
        """As `set`; where the disk does not keep up, it waits in a thread."""
        if self._writer.has_room():
            self.set(key, entry)
        else:
            await asyncio.to_thread(self.set, key, entry)

    @property
    def errors(self) -> int:
        """Operations that failed and were taken for a miss, or lost a write, in this process."""
        return self._faults.count

    def purge(self, *, tenant: str | None = None, model: str | None = None, key: str | None = None) -> int:
        """Delete the entries that fit everything given (nothing given: all), and return how many.

        Their bytes in the file are overwritten.

        Raises:
            InputError: the file cannot be read or written, so that they are still there, or some of them.
        """
        connection = self._direct()
        try:
            return table.purge(connection, tenant, model, key)
        except sqlite3.Error as error:
            raise InputError(
                f"{self._path} could not be purged: {error}",
                "what it held may still be there; delete the file itself where its disk is full",
            ) from error
        finally:
            connection.close()

    def stats(self, now_s: float) -> StoreStats:
        """Count what is there.

        Raises:
            InputError: the file cannot be read.
        """
        connection = self._direct()
        try:
            found, figures = table.totals(connection), table.figures(connection, now_s)
        except sqlite3.Error as error:
            raise InputError(
                f"{self._path} could not be read: {error}",
                "see whether it is a cache of llmopt that may be read",
            ) from error
        finally:
            connection.close()
        return StoreStats(
            kind="sqlite",
            entries=found.entries,
            size_bytes=found.size_bytes,
            max_bytes=self._max_bytes,
            expired=figures.expired,
            oldest_s=figures.oldest_s,
            newest_s=figures.newest_s,
            usd=figures.usd,
            evicted=self._writer.evicted,
            errors=self._faults.count,
            last_error=self._faults.last,
            tenants=figures.tenants,
        )

    def flush(self) -> None:
        """Return when everything set before is in the file."""
        self._writer.flush()

    def close(self) -> None:
        """Write what waits, and close the file; also done when the process ends."""
        self._end()

    async def aclose(self) -> None:
        """As `close`."""
        await asyncio.to_thread(self.close)

    def before_fork(self) -> None:
        """Write what waits, close the file, and let nobody begin."""
        self._writer.hold()
        self._readers.hold(HOLD_WAIT_S)

    def after_fork(self, *, child: bool) -> None:
        """Go on; the file is opened again on use."""
        if child:
            self._faults.renew_lock()
        self._readers.go_on(child=child)
        self._writer.go_on(child=child)

    def _read(self, key: str, now_s: float) -> Entry | None:
        if self._writer.closed:
            return None
        try:
            row = self._readers.row(key)
        except (sqlite3.Error, MemoryError, UnicodeEncodeError) as error:
            self._faults.note("reading", error)
            if is_damage(error):
                self._writer.damaged()
            elif is_stale(error):
                self._readers.close()
                self._writer.suspect()
            return None
        self._faults.fine("reading")
        if row is None:
            return None
        entry = decoded(row[0], key)
        if entry is None:
            self._faults.note("decoding", "an answer is damaged or of another version")
        elif not row[1]:
            self._writer.used(key, now_s)
        return entry

    def _direct(self) -> sqlite3.Connection:
        """Return a connection of its own, which sees everything set before."""
        self._writer.flush()
        try:
            return connected(self._path, wait_s=OPEN_WAIT_S)
        except sqlite3.Error as error:
            raise InputError(
                f"{self._path} could not be opened: {error}",
                "see whether it is a cache of llmopt that may be read",
            ) from error


def _end(writer: Writer, readers: Readers) -> None:
    writer.close()
    readers.close()
