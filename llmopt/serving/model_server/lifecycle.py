"""Whether a server takes requests: it starts, is ready, drains; and how many it still has to answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum


class Phase(Enum):
    """Where a server is in its life."""

    STARTING = "starting"
    """Requests are taken, and wait until the model has run once."""
    READY = "ok"
    DRAINING = "draining"
    """What was taken is answered; nothing new is."""


class Lifecycle:
    """Counts what is being answered, and says when all is done. Lives in one event loop."""

    def __init__(self) -> None:
        self._phase = Phase.STARTING
        self._warm = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._open = 0
        self._failure: BaseException | None = None
        self._given_up: asyncio.Future[None]

    def begin(self) -> None:
        """Start, in the running event loop."""
        self._given_up = asyncio.get_running_loop().create_future()

    @property
    def given_up(self) -> asyncio.Future[None]:
        """Done when what is being answered will not be any more."""
        return self._given_up

    @property
    def phase(self) -> Phase:
        """Where the server is."""
        return self._phase

    @property
    def open(self) -> int:
        """Requests that are being answered."""
        return self._open

    @property
    def failure(self) -> BaseException | None:
        """Why the model did not run at the start; None while nothing is wrong."""
        return self._failure

    def warmed(self, failure: BaseException | None = None) -> None:
        """Note that the model has run once, or that it could not."""
        self._failure = failure
        if self._phase is Phase.STARTING and failure is None:
            self._phase = Phase.READY
        self._warm.set()

    async def warm(self) -> None:
        """Wait until the model has run once, or failed to."""
        await self._warm.wait()

    def drain(self) -> None:
        """Take nothing new from now on."""
        self._phase = Phase.DRAINING

    def give_up(self) -> None:
        """Answer nothing any more: the time to drain is up."""
        if not self._given_up.done():
            self._given_up.set_result(None)

    async def idle(self) -> None:
        """Wait until nothing is being answered."""
        await self._idle.wait()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Count a request for as long as it is being answered."""
        self._open += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._open -= 1
            if not self._open:
                self._idle.set()
