"""The HTTP server, which is uvicorn with its end and its connections taken in hand.

At its end uvicorn closes the port while clients wait in its queue, and cuts answers that are still on their way; both
look to a client like a crash.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from llmopt.errors import MissingExtraError
from llmopt.serving.http_connection import KEEP_ALIVE_S, Connection, Patience
from llmopt.serving.running import BACKLOG

try:
    import uvicorn
except ImportError as error:
    raise MissingExtraError((error.name or "uvicorn").partition(".")[0], "serve") from error

_LINGER_S = 0.05
"""For requests of those who were let in last."""


_PATIENCE = Patience()


class HttpServer(uvicorn.Server):
    """Serves an application; whoever runs it cares for signals.

    Args:
        app: an ASGI application.
        access_log: whether each request is logged.
        patience: what clients may do.
        log_level: of uvicorn's own messages; None: as the loggers are set.
    """

    def __init__(
        self,
        app: Callable[..., Awaitable[None]],
        *,
        access_log: bool = False,
        patience: Patience = _PATIENCE,
        log_level: str | None = None,
    ) -> None:
        protocol: Any = partial(Connection, patience=patience)
        super().__init__(
            uvicorn.Config(
                app,
                http=protocol,
                ws="none",
                lifespan="on",
                interface="asgi3",
                log_config=None,
                log_level=log_level,
                access_log=access_log,
                server_header=False,
                date_header=patience.date,
                proxy_headers=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_S,
            )
        )
        self.cut = 0
        """Connections that were cut at the end, as their clients did not read the answers in time."""
        self.up = asyncio.Event()
        """Set when connections are let in."""
        self._patience = patience
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

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, and let connections in."""
        await super().startup(sockets)
        if self.started:
            self.up.set()

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

    def _connection(self) -> Connection:
        return Connection(
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
            patience=self._patience,
        )


def _waiting(listeners: Sequence[socket.socket]) -> list[socket.socket]:
    """Return the connections that nobody was told of yet; without a pause before the port is closed none is lost."""
    found: list[socket.socket] = []
    for listener in listeners:
        listener.setblocking(False)
        with suppress(OSError):  # no more are there
            while True:
                found.append(listener.accept()[0])
    return found
