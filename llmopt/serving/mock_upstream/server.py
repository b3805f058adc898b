"""A mock upstream in a thread of its own, for tests: started, changed, looked at, killed and started again."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from llmopt.serving.mock_upstream.behaviour import USUAL, Behaviour
from llmopt.serving.mock_upstream.connection import Connection
from llmopt.serving.mock_upstream.record import Record, Seen, Stats

JOIN_S = 30.0


class MockUpstream:
    """Answers on a port of this machine while its context lasts.

    Args:
        behaviour: how it answers; may be replaced while it runs.
        port: 0: one that is free.
        keeps: how many of the last requests `requests` holds.
    """

    def __init__(self, behaviour: Behaviour = USUAL, *, port: int = 0, keeps: int = 1024) -> None:
        self.record = Record(behaviour, keeps)
        """Behaviour, requests and counts."""
        self.port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop: asyncio.Event | None = None
        self._started = threading.Event()
        self._failed: OSError | None = None

    @property
    def behaviour(self) -> Behaviour:
        """How it answers."""
        return self.record.behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        self.record.behaviour = behaviour

    @property
    def root(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Its address with `/v1`, as OpenAI's clients want it; Anthropic's take `root`."""
        return f"{self.root}/v1"

    @property
    def stats(self) -> Stats:
        """Counts up to now; a copy."""
        return self.record.stats()

    @property
    def requests(self) -> deque[Seen]:
        """The last requests, oldest first; those to `/mock/...` are not among them."""
        return self.record.requests

    def wait_for(self, condition: Callable[[Stats], bool], timeout_s: float = 30.0) -> bool:
        """Wait until the counts fulfil a condition; return whether they did in time. Blocks: not for an event loop."""
        return self.record.wait_for(condition, timeout_s)

    async def until(self, condition: Callable[[Stats], bool], timeout_s: float = 30.0) -> bool:
        """As `wait_for`, in an event loop."""
        return await asyncio.to_thread(self.wait_for, condition, timeout_s)

    def start(self) -> None:
        """Open the port, the same one as before after a `stop`.

        Raises:
            OSError: it cannot be had.
        """
        self._started.clear()
        self._failed = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        self._started.wait(JOIN_S)
        if self._failed is not None:
            raise self._failed

    def stop(self) -> None:
        """Close the port and cut all connections."""
        loop, stop, thread = self._loop, self._stop, self._thread
        if loop is not None and stop is not None and thread is not None and thread.is_alive():
            loop.call_soon_threadsafe(stop.set)
            thread.join(JOIN_S)

    def cut(self) -> None:
        """Cut all connections, and go on."""
        self._in_loop(lambda: self._cut(idle=False))

    def drop_idle(self) -> None:
        """Close the connections that wait for a request, as a server does that keeps them for a short time only."""
        self._in_loop(lambda: self._cut(idle=True))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _cut(self, *, idle: bool) -> None:
        for each in tuple(self.record.connections):
            if each.idle or not idle:
                each.cut()

    def _in_loop(self, work: Callable[[], None]) -> None:
        """Do something in the server's thread, and wait until it is done."""
        loop, done = self._loop, threading.Event()
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(work)
            loop.call_soon_threadsafe(done.set)
            done.wait(JOIN_S)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            server = await self._loop.create_server(
                lambda: Connection(self.record), "127.0.0.1", self.port, reuse_address=True
            )
        except OSError as error:
            self._failed = error
            self._started.set()
            return
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        server.close()
        self._cut(idle=False)
        await asyncio.sleep(0)  # for them to be gone before the loop is
