"""Single flight: while a call for a key is under way, who asks the same waits for its outcome.

The idea is that of Go's `singleflight`. What differs: threads and event loops share one table; a caller in an event
loop may be cancelled without harm to the others; and an outcome that is nobody's answer (the caller was interrupted,
its loop is gone) is not passed on: one of those who wait calls anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from llmopt.serving.cache.flying import Flight, Landed
from llmopt.serving.cache.stores.forking import watch_forks

T = TypeVar("T")

_LOOK_S = 1.0
"""A loop that was stopped with work in it tells nobody; who waits for it from elsewhere looks this often."""
_ABOARD: contextvars.ContextVar[frozenset[int]] = contextvars.ContextVar("llmopt_aboard", default=frozenset())
"""Flights whose calls the current code is part of: to wait for what waits for them would be to wait for itself."""


class Flights(Generic[T]):
    """Calls that are under way, by key; for threads and event loops alike."""

    def __init__(self) -> None:
        """Start with none."""
        self._begin()
        self.landed = 0
        """Calls that have come to their end; while it stands still, nothing new was learnt."""
        watch_forks(self)

    def __len__(self) -> int:
        """Return how many calls are under way."""
        return len(self._flying)

    def before_fork(self) -> None:
        """Do nothing: no lock is waited for in the child."""

    def after_fork(self, *, child: bool) -> None:
        """Begin anew in a child: nobody goes on there with the calls of its parent."""
        if child:
            self._begin()

    def fly(self, key: Hashable, call: Callable[[], T]) -> tuple[T, bool]:
        """Return what `call` returns, and whether that was another caller's call.

        Raises:
            Exception: what the call raised, to everyone who waited for it.
        """
        landed: Landed[T] | None = None
        while True:
            flight, leads = self._board(key, None, waits=not _in_loop())
            try:
                if flight is None:
                    return call(), False
                if leads:
                    return self._lead(flight, call), False
                landed = self._wait(flight)
                if not landed.abandoned:
                    return landed.value(), True
            finally:  # an error that is raised here holds these names, and they hold the error
                del flight
                landed = None

    async def afly(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """As `fly`, in an event loop; the call runs in a task that ends early only when nobody waits for it."""
        loop = asyncio.get_running_loop()
        landed: Landed[T] | None = None
        while True:
            flight, leads = self._board(key, loop, waits=True)
            if flight is None:
                return await call(), False
            try:
                if leads:
                    self._take_off(flight, loop, call)
                landed = await self._arrival(flight, loop)
                if leads or not landed.abandoned:
                    return landed.value(), not leads
            finally:
                del flight
                landed = None

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._flying: dict[Hashable, Flight[T]] = {}

    def _board(self, key: Hashable, loop: asyncio.AbstractEventLoop | None, *, waits: bool) -> tuple[Any, bool]:
        """Return the flight of a key, and whether the caller has begun it; None: it is to call by itself."""
        with self._lock:
            flight, aboard = self._flying.get(key), _ABOARD.get()
            if flight is None or flight.forlorn():
                flight = self._flying[key] = Flight(key, loop, aboard)
                return flight, True
            if not waits or (aboard and self._waits_for_one_of(aboard, flight)):
                return None, False
            flight.joined(aboard)
            return flight, False

    def _waits_for_one_of(self, aboard: frozenset[int], flight: Flight[T]) -> bool:
        """Return whether a flight waits for one of these, itself or by way of others."""
        seen, ahead = set[int](), {flight.number}
        while ahead and ahead.isdisjoint(aboard):
            seen |= ahead
            held = [each.number for each in self._flying.values() if any(ahead & its for its in each.nested)]
            ahead = set(held) - seen
        return bool(ahead)

    def _lead(self, flight: Flight[T], call: Callable[[], T]) -> T:
        token = None
        try:
            token = _ABOARD.set(_ABOARD.get() | {flight.number})
            value = call()
        except BaseException as error:
            self._land(flight, Landed(error=error))
            del flight
            raise
        finally:
            if token is not None:
                _ABOARD.reset(token)
        self._land(flight, Landed(value))
        return value

    def _take_off(self, flight: Flight[T], loop: asyncio.AbstractEventLoop, call: Callable[[], Awaitable[T]]) -> None:
        context = contextvars.copy_context()
        context.run(_ABOARD.set, _ABOARD.get() | {flight.number})
        try:
            flight.task = loop.create_task(_called(call), context=context)
        except BaseException as error:  # a task factory of the user's
            self._land(flight, Landed(error=error))
            del flight
            raise
        flight.task.add_done_callback(lambda task: self._land(flight, _landed(task)))

    def _land(self, flight: Flight[T], landed: Landed[T]) -> None:
        with self._lock:
            self.landed += 1
            self._remove(flight)
            flight.outcome.set_result(landed)
        flight.wake()

    def _remove(self, flight: Flight[T]) -> None:
        if self._flying.get(flight.key) is flight:
            del self._flying[flight.key]

    def _wait(self, flight: Flight[T]) -> Landed[T]:
        """Wait in a thread."""
        try:
            while not flight.stranded():
                with contextlib.suppress(TimeoutError):
                    return flight.outcome.result(_LOOK_S if flight.loop else None)
        except BaseException:
            flight.cancel_if(self._was_last(flight))
            raise
        return Landed(abandoned=True)

    async def _arrival(self, flight: Flight[T], loop: asyncio.AbstractEventLoop) -> Landed[T]:
        """Wait in an event loop; who is cancelled leaves."""
        try:
            return await self._landing(flight, loop)
        except BaseException:
            await self._leave(flight, loop)
            raise

    async def _landing(self, flight: Flight[T], loop: asyncio.AbstractEventLoop) -> Landed[T]:
        future = loop.create_future()
        with self._lock:
            if flight.outcome.done():
                return flight.outcome.result()
            flight.asleep.add(future)
        look_s = None if flight.loop is loop or flight.loop is None else _LOOK_S
        try:
            while not flight.outcome.done():
                if flight.stranded():
                    return Landed(abandoned=True)
                await asyncio.wait({future}, timeout=look_s)
        finally:
            flight.asleep.discard(future)
        return flight.outcome.result()

    async def _leave(self, flight: Flight[T], loop: asyncio.AbstractEventLoop) -> None:
        """Leave a flight that goes on for others; if there are none, end it, and wait until it has ended."""
        last = self._was_last(flight)
        flight.cancel_if(last)
        if last and flight.task is not None and flight.loop is loop:
            await asyncio.wait({flight.task})

    def _was_last(self, flight: Flight[T]) -> bool:
        with self._lock:
            flight.left(_ABOARD.get())
            if flight.waiting:
                return False
            self._remove(flight)
            return True


def _landed(task: asyncio.Task[T]) -> Landed[T]:
    if task.cancelled():
        return Landed(error=asyncio.CancelledError())
    error = task.exception()
    return Landed(task.result()) if error is None else Landed(error=error)


def _called(call: Callable[[], Awaitable[T]]) -> Coroutine[Any, Any, T]:
    async def called() -> T:
        return await call()

    return called()


def _in_loop() -> bool:
    """Return whether this thread runs an event loop, which stands still while a plain function waits."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
