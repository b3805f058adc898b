"""Texts that wait: in memory as long as they are few, then in a file that is gone when it is closed."""

from __future__ import annotations

import tempfile
from types import TracebackType
from typing import IO

MOST_HELD_BYTES = 64 * 2**20
"""Texts are kept in memory up to this much."""

Ticket = bytes | tuple[int, int]
"""The text itself, or where in the file it lies and how long it is."""


class Shelf:
    """Keeps texts until they are asked for, once."""

    def __init__(self, most_held_bytes: int = MOST_HELD_BYTES) -> None:
        """Begin with nothing; the file is only made when it is needed."""
        self._most, self._held, self._end = most_held_bytes, 0, 0
        self._file: IO[bytes] | None = None

    def put(self, text: bytes) -> Ticket:
        """Keep a text."""
        if self._held + len(text) <= self._most:
            self._held += len(text)
            return text
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="llmopt-")  # noqa: SIM115  # closed with the shelf
        place = (self._end, len(text))
        self._file.seek(self._end)
        self._file.write(text)
        self._end += len(text)
        return place

    def take(self, ticket: Ticket) -> bytes:
        """Return a text, which is not kept any longer."""
        if isinstance(ticket, bytes):
            self._held -= len(ticket)
            return ticket
        if self._file is None:
            return b""
        self._file.seek(ticket[0])
        return self._file.read(ticket[1])

    def drop(self, ticket: Ticket | None) -> None:
        """Let go of a text that nobody will ask for."""
        if isinstance(ticket, bytes):
            self._held -= len(ticket)

    def __enter__(self) -> Shelf:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
