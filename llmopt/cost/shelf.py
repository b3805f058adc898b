"""Texts that wait: in memory as long as they are few, then in a file that is gone when it is closed."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from types import TracebackType
from typing import IO

from llmopt.errors import ConfigError

MOST_HELD_BYTES = 64 * 2**20
"""Texts are kept in memory up to this much."""

Ticket = bytes | int
"""The text itself, or where in the file it lies, behind its length: there may be millions of tickets."""
_LENGTH_BYTES = 8


class Shelf:
    """Keeps texts until they are asked for, once."""

    def __init__(self, most_held_bytes: int = MOST_HELD_BYTES) -> None:
        """Begin with nothing; the file is only made when it is needed."""
        self._most, self._held, self._end, self._at_end = most_held_bytes, 0, 0, True
        self._file: IO[bytes] | None = None

    def put(self, text: bytes) -> Ticket:
        """Keep a text.

        Raises:
            ConfigError: no room for the file.
        """
        if self._held + len(text) <= self._most:
            self._held += len(text)
            return text
        try:
            return self._filed(text)
        except OSError as error:
            raise _no_room(error) from error

    def _filed(self, text: bytes) -> int:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="llmopt-")  # noqa: SIM115  # closed with the shelf
        if not self._at_end:  # to look for a place, even for this one, writes everything out
            self._file.seek(self._end)
            self._at_end = True
        place = self._end
        self._end += self._file.write(len(text).to_bytes(_LENGTH_BYTES, "big")) + self._file.write(text)
        return place

    def take(self, ticket: Ticket) -> bytes:
        """Return a text, which is not kept any longer."""
        if isinstance(ticket, bytes):
            self._held -= len(ticket)
            return ticket
        if self._file is None:
            return b""
        self._at_end = False
        try:
            self._file.seek(ticket)  # writes out what is still to be written
            return self._file.read(int.from_bytes(self._file.read(_LENGTH_BYTES), "big"))
        except OSError as error:
            raise _no_room(error) from error

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
            with suppress(OSError):  # a full disk has been told already
                self._file.close()


def _no_room(error: OSError) -> ConfigError:
    return ConfigError(
        f"the texts of the log cannot be kept in {tempfile.gettempdir()}: {error.strerror}",
        "free some space, or set TMPDIR to a folder with more",
    )
