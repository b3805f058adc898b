"""An object of a store: where it is, how large it is, and its bytes."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from llmopt.errors import InputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from llmopt.cost.stores.heads import Heads

FIRST_BLOCK_BYTES, BLOCK_BYTES = 256 * 2**10, 4 * 2**20
"""What is fetched at once of an object that is read from front to back: little at first, more as it goes on."""


class StoreError(OSError):
    """One object that cannot be read; others may."""

    def __init__(self, reason: str, status: int = 0) -> None:
        """Say why; `status` is that of a web server's answer."""
        super().__init__(reason)
        self.status = status


@dataclass(slots=True)
class Halt:
    """Why no object of a run is read any more, once that is so: who asks for the next one learns it at once."""

    reason: KeyboardInterrupt | InputError | None = None
    """Ctrl-C, or what is wrong with the store."""


class Store(Protocol):
    """Where objects lie."""

    def read(self, key: str, start: int, end: int) -> bytes:
        """Return the bytes of an object from `start` to before `end`, all of them.

        Raises:
            StoreError: this object cannot be read.
            InputError: the store cannot be used at all.
        """
        ...


@dataclass(frozen=True, slots=True)
class Stored:
    """One object."""

    path: str
    """What duckdb and its errors call it; no path begins with another."""
    url: str
    """What people call it: the URL as the user wrote it, without credentials."""
    key: str
    """What its store calls it."""
    size_bytes: int
    """As it was listed."""
    etag: str
    """Changes with the content; empty when the store has none."""
    modified: datetime | None
    """When it was written (UTC); None when the store does not say."""
    store: Store = field(repr=False, compare=False)
    """Where it lies."""
    heads: Heads = field(repr=False, compare=False)
    """Fetches its first bytes, and keeps them."""
    place: int
    """Which of `heads` is its own."""
    halt: Halt = field(repr=False, compare=False)
    """Shared by all objects of a run."""
    exact: bool = False
    """Is it read here and there (Parquet), so that reading on would fetch too much?"""

    def head(self) -> bytes:
        """Return the first bytes, all of a small object; from memory where they were fetched before."""
        return self.heads.head(self.place)

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` to before `end`, as far as there are any.

        Raises:
            StoreError: this object cannot be read.
            InputError: the store cannot be used at all.
        """
        end = min(end, self.size_bytes)
        if start >= end:
            return b""
        head = self.heads.known(self.place)
        if end <= len(head):
            return head[start:end]
        if self.halt.reason is not None:
            raise self.halt.reason
        try:
            return self.store.read(self.key, start, end)
        except (KeyboardInterrupt, InputError) as error:
            self.halt.reason = error
            raise


class Ranges(io.RawIOBase):
    """An object as a file that is read from front to back; begins with the bytes of the head."""

    def __init__(self, stored: Stored) -> None:
        """Nothing is fetched yet."""
        super().__init__()
        self._stored, self._place, self._start = stored, 0, 0
        self._block = b""
        self._next_bytes = FIRST_BLOCK_BYTES

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer as far as what is there goes; 0 at the end."""
        view = memoryview(buffer).cast("B")
        if self._place >= self._start + len(self._block):
            self._fetch()
        offset = self._place - self._start
        part = self._block[offset : offset + len(view)]
        view[: len(part)] = part
        self._place += len(part)
        return len(part)

    def _fetch(self) -> None:
        self._start = self._place
        if self._place == 0 and (head := self._stored.head()):
            self._block = head
            return
        self._block = self._stored.read(self._place, self._place + self._next_bytes)
        self._next_bytes = min(2 * self._next_bytes, BLOCK_BYTES)
