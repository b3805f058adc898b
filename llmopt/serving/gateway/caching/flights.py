"""Single flight: requests with one key that come at once are one call of the upstream.

The call runs in a task of its own, so that it outlives the client who began it as long as others wait; with the last of
them it is cancelled. The idea is that of Go's `singleflight`; followers get a stream live, not at its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from llmopt.serving.cache.policy import directives
from llmopt.serving.gateway.caching.broadcast import Broadcast, Pulse, Reader
from llmopt.serving.gateway.call import Call, Source
from llmopt.serving.gateway.errors import GatewayError
from llmopt.serving.gateway.streams.replay import Form

_LATE = 504


class Lease(Protocol):
    """The right to ask, among processes that share a store."""

    def release(self, *, kept: bool) -> None:
        """Give it back; must not wait.

        Args:
            kept: whether the answer is in the store now.
        """
        ...


class Flight:
    """One call that is under way, and all who wait for it.

    Args:
        call: that of the client who began it.
        form: of the answer that it gets.
    """

    def __init__(self, call: Call, form: Form) -> None:
        self.call = call
        self.form = form
        self.source: Source | None = None
        """The answer, once it has begun."""
        self.error: BaseException | None = None
        """Why there is none; or why it broke off, which its stream has told already."""
        self.over = False
        self.kept = False
        """Whether the answer is in the store."""
        self.lease: Lease | None = None
        """Given back when the call is over."""
        self.stream = Broadcast()
        self.changed = Pulse()
        self.task: asyncio.Task[None] | None = None

    @property
    def begun(self) -> bool:
        """Whether it is known what comes of it: an answer has begun, or there is none."""
        return self.over or self.source is not None

    @property
    def private(self) -> bool:
        """Whether the answer is for nobody but the one who asked (RFC 9111, 5.2.2)."""
        if self.source is None:
            return False
        values = [value.decode("latin-1") for name, value in self.source.headers if name == b"cache-control"]
        said = directives(", ".join(values))
        return said.no_store or said.private

    def abandoned(self, until_s: float) -> bool:
        """Return whether its failure is not that of somebody who has until `until_s` on the clock of the loop."""
        if self.source is not None or not self.over:
            return False
        late = isinstance(self.error, GatewayError) and self.error.status == _LATE and until_s > self.call.until_s
        return late or isinstance(self.error, asyncio.CancelledError)

    async def head(self) -> None:
        """Wait until it is known what comes of it."""
        if not self.begun:
            await self.changed.until(lambda: self.begun)

    async def end(self) -> None:
        """Wait until it is over."""
        if not self.over:
            await self.changed.until(lambda: self.over)

    def leave(self, reader: Reader) -> None:
        """Take leave of one who waits; with the last one the call ends, if it has not yet."""
        if self.stream.leave(reader) or self.task is None or self.task.done() or self.call.answered:
            return
        if self.source is not None:
            self.source.close()
        self.task.cancel()

    async def run(self, asking: Asking) -> None:
        """Ask, and pass the answer on to all who wait."""
        source = await asking(self)
        self.source = source
        self.changed.wake()
        if source.body is not None:
            return
        try:
            async for piece in source.pieces():
                await self.stream.add(piece)
        finally:
            source.close()

    def landed(self, task: asyncio.Task[None]) -> None:
        """Take note of the end of the call."""
        self.error = asyncio.CancelledError() if task.cancelled() else task.exception()
        self.over = True
        if self.lease is not None:
            self.lease.release(kept=self.kept)
        self.stream.end()
        self.changed.wake()


Asking = Callable[[Flight], Awaitable[Source]]
"""Gets the answer; what it raises, all who wait are told."""


class Flights:
    """Calls that are under way, by key; of one event loop."""

    def __init__(self) -> None:
        """Begin with none."""
        self._flying: dict[str, Flight] = {}
        self._looking: dict[str, int] = {}
        """Keys that are being looked up, and by how many."""
        self._landed: set[str] = set()
        """Of those, the ones that a call has brought an answer to in the meantime."""
        self._closed = False

    def __len__(self) -> int:
        """Return how many are under way."""
        return len(self._flying)

    def of(self, key: str) -> Flight | None:
        """Return the call for a key that may be joined; None: there is none."""
        flight = self._flying.get(key)
        return flight if flight is not None and flight.stream.joinable else None

    def begin(self, key: str, call: Call, form: Form, asking: Asking) -> tuple[Flight, Reader]:
        """Begin a call; return it, and the place of the one who began it.

        Raises:
            GatewayError: 503, all is at its end.
        """
        if self._closed:
            raise ended_here()
        flight = self._flying[key] = Flight(call, form)
        reader = flight.stream.join()
        flight.task = asyncio.get_running_loop().create_task(self._run(key, flight, asking))
        flight.task.add_done_callback(flight.landed)
        return flight, reader

    def leave(self, key: str, flight: Flight, reader: Reader) -> None:
        """Take leave of one who waits."""
        flight.leave(reader)
        if flight.task is not None and flight.task.cancelling() and not flight.call.answered:
            self._remove(key, flight)

    def kept(self, key: str) -> None:
        """Take note that the answer for a key is in the store."""
        flight = self._flying.get(key)
        if flight is not None:
            flight.kept = True

    async def looked(self, key: str, look: Callable[[], Awaitable[Source | None]]) -> Source | None:
        """Return what a look into the store finds; look again where an answer came in meanwhile."""
        self._looking[key] = self._looking.get(key, 0) + 1
        try:
            found = await look()
            if found is None and key in self._landed:
                found = await look()
            return found
        finally:
            left = self._looking.pop(key) - 1
            if left:
                self._looking[key] = left
            else:
                self._landed.discard(key)

    async def aclose(self) -> None:
        """End all calls, and begin none any more."""
        self._closed = True
        tasks = [flight.task for flight in self._flying.values() if flight.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, key: str, flight: Flight, asking: Asking) -> None:
        try:
            await flight.run(asking)
        finally:  # before anybody hears of the end, and asks again
            self._remove(key, flight)
            if key in self._looking:
                self._landed.add(key)

    def _remove(self, key: str, flight: Flight) -> None:
        if self._flying.get(key) is flight:
            del self._flying[key]


def ended_here() -> GatewayError:
    """Return what clients are told whose call was ended here."""
    return GatewayError(503, "stopping", "the gateway stops; ask again")
