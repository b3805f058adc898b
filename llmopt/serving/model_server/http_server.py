"""The HTTP server, which is uvicorn with its end and its memory taken in hand.

At its end uvicorn closes the port while clients wait in its queue, and cuts answers that are still on their way; both
look to a client like a crash. And its parser takes heads of any length.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from llmopt.errors import MissingExtraError

try:
    import uvicorn
    from fastapi import FastAPI
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
except ImportError as error:
    raise MissingExtraError((error.name or "uvicorn").partition(".")[0], "serve") from error

BACKLOG = 2048
"""Clients that may wait to be let in."""
_KEEP_ALIVE_S = 75
"""Longer than clients and load balancers keep idle connections, so that they close them and not this side."""
_LINGER_S = 0.05
"""For requests of those who were let in last."""
_HEAD_BYTES = 2**16
"""A request line and headers that are longer, and the piece of 256 KiB at most that they came in, get 431."""
_TOO_LONG_HEAD = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class HttpServer(uvicorn.Server):
    """Serves an application; whoever runs it cares for signals.

    Args:
        app: what is served.
        access_log: whether each request is logged.
    """

    def __init__(self, app: FastAPI, *, access_log: bool) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_Connection,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=access_log,
                server_header=False,
                backlog=BACKLOG,
                timeout_keep_alive=_KEEP_ALIVE_S,
            )
        )
        self.cut = 0
        """Connections that were cut at the end, as their clients did not read the answers in time."""
        self._cut_s = 0.0
        self._ending = asyncio.Event()

    def end(self, cut_s: float) -> None:
        """Begin to end.

        Args:
            cut_s: how long clients may take to read their answers.
        """
        self._cut_s = cut_s
        self.should_exit = True
        self._ending.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: uvicorn by itself takes no connections while it drains, and dies of the signal."""
        yield

    async def main_loop(self) -> None:
        """Wait for the end; uvicorn by itself looks for it ten times a second."""
        while not await self.on_tick(0):  # which sets the date of the answers, in whole seconds
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), 1.0)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the port, answer those who had come in by then, and end."""
        late = _waiting(sockets or ())
        for server in self.servers:
            server.close()
        for line in late:
            with suppress(OSError):  # it went away again
                await asyncio.get_running_loop().connect_accepted_socket(self._connection, line)
        await asyncio.sleep(_LINGER_S)
        try:
            async with asyncio.timeout(self._cut_s):
                await super().shutdown(sockets)
        except TimeoutError:
            self.cut = len(self.server_state.connections)
            for connection in self.server_state.connections:
                connection.transport.abort()
            await asyncio.gather(*self.server_state.tasks, return_exceptions=True)
            await self.lifespan.shutdown()

    def _connection(self) -> _Connection:
        return _Connection(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)


class _Connection(HttpToolsProtocol):
    """One connection."""

    _heads = 0
    _in_head = True
    _head_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Take a piece of what the client sends."""
        in_head, heads = self._in_head, self._heads
        super().data_received(data)
        if in_head and heads == self._heads:
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_BYTES and not self.transport.is_closing():
                self.transport.write(_TOO_LONG_HEAD)
                self.transport.close()

    def on_headers_complete(self) -> None:
        """Go on to the body."""
        super().on_headers_complete()
        self._heads += 1
        self._head_bytes = 0
        self._in_head = False

    def on_message_complete(self) -> None:
        """Go on to the next head."""
        super().on_message_complete()
        self._in_head = True


def _waiting(listeners: Sequence[socket.socket]) -> list[socket.socket]:
    """Return the connections that nobody was told of yet; without a pause before the port is closed none is lost."""
    found: list[socket.socket] = []
    for listener in listeners:
        listener.setblocking(False)
        with suppress(OSError):  # no more are there
            while True:
                found.append(listener.accept()[0])
    return found
