"""Let duckdb read objects: a file system of our own, over ranges of bytes.

duckdb reads one file from several threads, each after a `seek` of its own, or passes a compressed file from thread to
thread without any. The file objects of the libraries keep one place for all threads, and read far ahead of each; with
some of them rows were lost or read twice. Here a place belongs to the thread that set it, until somebody reads on.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType
from typing import Any, ClassVar

import duckdb

from llmopt.cost.stores.stored import BLOCK_BYTES, Halt, Stored, StoreError
from llmopt.errors import InputError, MissingExtraError

try:
    from fsspec.spec import AbstractFileSystem
except ImportError as error:
    raise MissingExtraError("fsspec", "cloud") from error

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class ObjectFiles(AbstractFileSystem):  # type: ignore[misc]
    """The objects of one run, as files at `llmopt://<number>/…`."""

    protocol: ClassVar[str] = "llmopt"
    cachable: ClassVar[bool] = False

    def __init__(self, stored: Sequence[Stored]) -> None:
        """Nothing is read yet."""
        super().__init__()
        self._stored = {one.path: one for one in stored}

    def glob(self, path: str, **_: Any) -> list[str]:
        """Return the path itself: what is asked for is always one object, whatever its name looks like."""
        return [path]

    def exists(self, path: str, **_: Any) -> bool:
        """Say yes: it was listed."""
        return True

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Return what was listed."""
        return {"name": path, "type": "file", "size": self._stored[path].size_bytes}

    def modified(self, path: str) -> datetime:
        """Return when the object was written."""
        return self._stored[path].modified or _LONG_AGO

    def open(self, path: str, mode: str = "rb", **_: Any) -> ObjectFile:
        """Open an object; nothing is fetched yet."""
        return ObjectFile(self._stored[path])


class ObjectFile:
    """An object as duckdb reads it."""

    def __init__(self, stored: Stored) -> None:
        """Stand at the start."""
        self._stored = stored
        self.size = stored.size_bytes
        self._place = _Place(0)
        self._mine = threading.local()
        self._last = 0
        """Where the last read ended."""
        self._block = (0, b"")

    def seek(self, place: int, whence: int = 0) -> int:
        """Set the place of this thread, and of whoever reads on without one."""
        start = (0, self._place.at, self.size)[whence]
        self._mine.place = self._place = _Place(start + place)
        return self._place.at

    def tell(self) -> int:
        """Return the place of this thread."""
        return self._here().at

    def read(self, size: int = -1) -> bytes:
        """Return the bytes at the place of this thread, all of them but at the end.

        Raises:
            OSError: with the path of the object, by which its file is found.
        """
        place = self._here()
        start = place.at
        place.used = True
        end = self.size if size < 0 else min(self.size, start + size)
        try:
            data = self._range(start, end) if start < end else b""
        except (StoreError, InputError, KeyboardInterrupt) as error:
            # duckdb takes what is raised here for the text of an error, Ctrl-C as well.
            raise OSError(f"{self._stored.path}: {error}") from error
        self._last = start + len(data)
        self._place = _Place(self._last)
        return data

    def close(self) -> None:
        """Let go of what was read ahead."""
        self._block = (0, b"")

    def seekable(self) -> bool:
        """It is."""
        return True

    def readable(self) -> bool:
        """It is."""
        return True

    def _here(self) -> _Place:
        """Return the place that this thread set if nobody has read from there, else where the last read ended."""
        mine: _Place | None = getattr(self._mine, "place", None)
        return self._place if mine is None or mine.used else mine

    def _range(self, start: int, end: int) -> bytes:
        first, block = self._block
        if first <= start and end <= first + len(block):
            return block[start - first : end - first]
        reads_on = start == self._last and not self._stored.exact
        if not reads_on or end - start >= BLOCK_BYTES:
            return self._stored.read(start, end)
        block = self._stored.read(start, start + BLOCK_BYTES)
        self._block = (start, block)
        return block[: end - start]


class _Place:
    """Where the next read begins, and whether one has."""

    __slots__ = ("at", "used")

    def __init__(self, at: int) -> None:
        self.at, self.used = at, False


@contextmanager
def serving(connection: duckdb.DuckDBPyConnection, stored: Sequence[Stored]) -> Iterator[None]:
    """Let a connection read objects for as long as the context lasts.

    Raises:
        InputError: a store could not be used any more; what was read is not all there is.
        KeyboardInterrupt: Ctrl-C, also where duckdb made something else of it.
    """
    halts = [one.halt for one in stored]
    connection.register_filesystem(ObjectFiles(stored))
    try:
        with _noting_ctrl_c(halts):
            yield
    finally:
        # What stays registered is reported as leaked at the end of the process.
        connection.unregister_filesystem(ObjectFiles.protocol)
        reason = next((halt.reason for halt in halts if halt.reason is not None), None)
        if reason is not None:
            raise reason


@contextmanager
def _noting_ctrl_c(halts: Sequence[Halt]) -> Iterator[None]:
    """Note Ctrl-C where it may come while duckdb calls for bytes, which would make it the error of one file."""
    previous = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(previous):
        yield
        return

    def note(number: int, frame: FrameType | None) -> None:
        for halt in halts:
            halt.reason = halt.reason or KeyboardInterrupt()
        previous(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
