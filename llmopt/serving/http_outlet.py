"""Where an answer is written to: head and body in one call of the system, which is half of what sending one costs.

uvicorn writes the head by itself, and uvloop sends each write at once.
"""

from __future__ import annotations

import asyncio

_GO_ON = b"HTTP/1.1 100"
"""Begin of what is no answer yet."""


class Outlet(asyncio.Transport):
    """The connection as one answer sees it: its head waits a moment for the first piece of its body.

    Args:
        transport: of the connection.
        loop: at whose next turn the head goes out alone, where no piece has come by then.
    """

    __slots__ = ("_begun", "_head", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._begun = False
        self._head = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write, or hold the head back for a moment."""
        if self._head:
            data, self._head = self._head + data, b""
        elif not self._begun and data[: len(_GO_ON)] != _GO_ON:
            self._begun = True
            self._head = bytes(data)
            self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    def close(self) -> None:
        """Close the connection, behind what was written."""
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Return whether the connection is closed, or about to be."""
        return self._transport.is_closing()

    def _flush(self) -> None:
        if self._head and not self._transport.is_closing():
            self._transport.write(self._head)
        self._head = b""
