"""Server-sent events, read from bytes that come in pieces cut anywhere.

Source: WHATWG HTML Living Standard, 9.2.6 "Interpreting an event stream": lines end in CR LF, LF or CR; a line that
starts with a colon is a comment; several `data` lines are joined by LF; a blank line ends the event. One thing is read
more kindly than there: an event that the end of the stream cuts off before its blank line still counts, since servers
exist that end so.
"""

from __future__ import annotations

from dataclasses import dataclass

from llmopt.errors import InputError

LARGEST_BYTES = 16 * 2**20
"""Of one event; a stream with more has no events."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream."""

    data: str
    """Its `data` lines, joined by line feeds."""
    event: str = "message"
    """Its type."""
    id: str = ""
    """The last id that the stream gave."""


class SseReader:
    """Reads events from pieces of bytes; one reader a stream."""

    def __init__(self, largest_bytes: int = LARGEST_BYTES) -> None:
        """Start at the beginning of a stream.

        Args:
            largest_bytes: of one event.
        """
        self._largest = largest_bytes
        self._held: list[bytes] = []
        """Pieces of a line whose end has not come."""
        self._held_bytes = 0
        """Of the whole event."""
        self._after_cr = False
        self._first = True
        self._data: list[str] = []
        self._event = ""
        self._id = ""

    def feed(self, piece: bytes) -> list[Event]:
        """Return the events that a piece brings to their end.

        Raises:
            InputError: an event is larger than the limit.
        """
        if self._after_cr and piece[:1] == b"\n":
            piece = piece[1:]
            self._after_cr = False
        if not piece:
            return []
        self._after_cr = piece.endswith(b"\r")
        found = []
        for line in piece.splitlines(keepends=True):
            self._held_bytes += len(line)
            if self._held_bytes > self._largest:
                raise InputError(f"an event of the stream has more than {self._largest} bytes")
            self._held.append(line)
            if line.endswith((b"\n", b"\r")):
                found += self._line()
        return found

    def close(self) -> list[Event]:
        """Return the event that the end of the stream cut off, if there is one."""
        found = self._line() if self._held else []
        return found or self._dispatch()

    def _line(self) -> list[Event]:
        text = b"".join(self._held).rstrip(b"\r\n").decode("utf-8", "replace")
        self._held.clear()
        if self._first:
            text, self._first = text.removeprefix("\ufeff"), False
        if not text:
            return self._dispatch()
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        return []

    def _dispatch(self) -> list[Event]:
        data, kind = self._data, self._event or "message"
        self._data, self._event, self._held_bytes = [], "", 0
        return [Event("\n".join(data), kind, self._id)] if data else []
