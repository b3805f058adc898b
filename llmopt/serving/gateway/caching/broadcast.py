"""One stream for many readers: pieces are appended once, and each reader goes through them at its own pace.

The fastest reader sets the pace: the one who appends waits when even that one is far behind. Memory is bounded: past
`LARGEST_BYTES` nobody joins any more, what everyone has read is dropped, and who is too far behind the fastest is cut
off.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable

WINDOW_BYTES = 2**20
"""How far the fastest reader may be behind."""
LARGEST_BYTES = 8 * 2**20
"""Of what is held for readers."""


class Pulse:
    """Wakes all who wait for a change; they look for themselves what it was."""

    __slots__ = ("_asleep",)

    def __init__(self) -> None:
        self._asleep: set[asyncio.Future[None]] = set()

    async def until(self, happened: Callable[[], bool]) -> None:
        """Return when something has happened; it is looked at after each change."""
        while not happened():
            future = asyncio.get_running_loop().create_future()
            self._asleep.add(future)
            try:
                await future
            finally:
                self._asleep.discard(future)

    def wake(self) -> None:
        """Tell all who wait of a change."""
        for future in self._asleep:
            if not future.done():
                future.set_result(None)


class Reader:
    """Where one reader is."""

    __slots__ = ("at", "cut", "read_bytes")

    def __init__(self, begin: int) -> None:
        self.at = begin
        """Number of the next piece."""
        self.read_bytes = begin
        """Of the stream, so far."""
        self.cut = False
        """Whether it was too slow, and gets nothing more."""


class Broadcast:
    """Pieces of a stream, and those who read them; of one event loop."""

    def __init__(self, *, window_bytes: int = WINDOW_BYTES, largest_bytes: int = LARGEST_BYTES) -> None:
        """Begin an empty stream.

        Args:
            window_bytes: how far the fastest reader may be behind.
            largest_bytes: of what is held for readers.
        """
        self._window = window_bytes
        self._largest = largest_bytes
        self._pieces: list[bytes] = []
        self._dropped = 0
        """Pieces from the beginning that are not held any more."""
        self._bytes = 0
        """Of the stream, so far."""
        self._readers: set[Reader] = set()
        self._came = Pulse()
        self._went = Pulse()
        self.ended = False
        """Whether nothing more will come."""

    @property
    def joinable(self) -> bool:
        """Whether a new reader would get the whole stream."""
        return self._bytes <= self._largest

    @property
    def held_bytes(self) -> int:
        """Of the pieces that are held for readers."""
        return sum(map(len, self._pieces))

    def join(self, *, waits: bool = False) -> Reader:
        """Return a new reader, at the beginning of the stream.

        Args:
            waits: whether it reads nothing, and waits for the end: then nobody is too fast for it.
        """
        reader = Reader(sys.maxsize if waits else 0)
        self._readers.add(reader)
        return reader

    def leave(self, reader: Reader) -> int:
        """Take leave of a reader; return how many there still are."""
        self._readers.discard(reader)
        self._went.wake()
        return len(self._readers)

    async def add(self, piece: bytes) -> None:
        """Append a piece; wait while all readers are far behind."""
        self._pieces.append(piece)
        self._bytes += len(piece)
        if not self.joinable:
            self._trim()
        self._came.wake()
        if self._is_ahead():
            await self._went.until(lambda: not self._is_ahead())

    def end(self) -> None:
        """Say that nothing more will come."""
        self.ended = True
        self._came.wake()

    async def next(self, reader: Reader) -> bytes:
        """Return what a reader has not read yet, in one piece; empty at the end, or when it is cut off."""
        if not reader.cut and reader.at == self._dropped + len(self._pieces) and not self.ended:
            await self._came.until(lambda: self.ended or reader.cut or reader.at < self._dropped + len(self._pieces))
        if reader.cut:
            return b""
        begin = reader.at - self._dropped
        new = self._pieces[begin:] if begin else self._pieces
        reader.at += len(new)
        reader.read_bytes = self._bytes
        self._went.wake()
        return new[0] if len(new) == 1 else b"".join(new)

    def _is_ahead(self) -> bool:
        """Return whether even the fastest reader is far behind."""
        return self._bytes - self._best() > self._window

    def _best(self) -> int:
        """Return how far the fastest reader is."""
        return min(self._bytes, max((each.read_bytes for each in self._readers), default=self._bytes))

    def _trim(self) -> None:
        """Cut off who is too far behind, and drop what all others have read."""
        best = self._best()
        for reader in self._readers:
            reader.cut = reader.cut or best - reader.read_bytes > self._largest - self._window
        lowest = min(*_numbers(self._readers), self._dropped + len(self._pieces))
        del self._pieces[: lowest - self._dropped]
        self._dropped = lowest


def _numbers(readers: Iterable[Reader]) -> Iterable[int]:
    return (reader.at for reader in readers if not reader.cut)
