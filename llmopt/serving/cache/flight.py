"""Single flight: while a call for a key is under way, who asks the same waits for its outcome.

The idea is that of Go's `singleflight`. What differs: threads and event loops share one table; a caller in an event
loop may be cancelled without harm to the others; and an outcome that is nobody's answer (the caller was interrupted,
its loop is gone) is not passed on: one of those who wait calls anew.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import itertools
import threading
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

from llmopt.serving.cache.stores.forking import watch_forks

T = TypeVar("T")

_LOOK_S = 1.0
"""A loop that was closed with work in it tells nobody; who waits for it from elsewhere looks this often."""
_NUMBERS = itertools.count()
_ABOARD: contextvars.ContextVar[frozenset[int]] = contextvars.ContextVar("llmopt_aboard", default=frozenset())
"""Flights whose calls the current code is part of: to wait for one of them would be to wait for itself."""


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
        while True:
            flight, leads = self._board(key, None, waits=not _in_loop())
            if flight is None:
                return call(), False
            if leads:
                return self._lead(flight, call), False
            landed = self._wait(flight)
            if not landed.abandoned:
                return landed.value(), True

    async def afly(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """As `fly`, in an event loop; the call runs in a task that ends early only when nobody waits for it."""
        loop = asyncio.get_running_loop()
        while True:
            flight, leads = self._board(key, loop, waits=True)
            if flight is None:
                return await call(), False
            if leads:
                self._take_off(flight, loop, call)
            try:
                landed = await _landing(flight, loop)
            except BaseException:
                await self._leave(flight, loop)
                raise
            if leads or not landed.abandoned:
                return landed.value(), not leads

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._flying: dict[Hashable, _Flight[T]] = {}

    def _board(self, key: Hashable, loop: asyncio.AbstractEventLoop | None, *, waits: bool) -> tuple[Any, bool]:
        """Return the flight of a key, and whether the caller has begun it; None: it is to call by itself."""
        with self._lock:
            flight = self._flying.get(key)
            if flight is None or flight.stranded():
                flight = self._flying[key] = _Flight(key, loop)
                return flight, True
            if not waits or flight.number in _ABOARD.get():
                return None, False
            flight.waiting += 1
            return flight, False

    def _lead(self, flight: _Flight[T], call: Callable[[], T]) -> T:
        token = _ABOARD.set(_ABOARD.get() | {flight.number})
        try:
            value = call()
        except BaseException as error:
            self._land(flight, _Landed(error=error))
            raise
        finally:
            _ABOARD.reset(token)
        self._land(flight, _Landed(value))
        return value

    def _take_off(self, flight: _Flight[T], loop: asyncio.AbstractEventLoop, call: Callable[[], Awaitable[T]]) -> None:
        context = contextvars.copy_context()
        context.run(_ABOARD.set, _ABOARD.get() | {flight.number})
        flight.task = loop.create_task(_called(call), context=context)
        flight.task.add_done_callback(lambda task: self._land(flight, _landed(task)))

    def _land(self, flight: _Flight[T], landed: _Landed[T]) -> None:
        with self._lock:
            self.landed += 1
            self._remove(flight)
        flight.outcome.set_result(landed)

    def _remove(self, flight: _Flight[T]) -> None:
        if self._flying.get(flight.key) is flight:
            del self._flying[flight.key]

    def _wait(self, flight: _Flight[T]) -> _Landed[T]:
        """Wait in a thread."""
        try:
            while not flight.stranded():
                with contextlib.suppress(TimeoutError):
                    return flight.outcome.result(_LOOK_S if flight.loop else None)
        except BaseException:
            flight.cancel_if(self._was_last(flight))
            raise
        return _Landed(abandoned=True)

    async def _leave(self, flight: _Flight[T], loop: asyncio.AbstractEventLoop) -> None:
        """Leave a flight that goes on for others; if there are none, end it, and wait until it has ended."""
        last = self._was_last(flight)
        flight.cancel_if(last)
        if last and flight.task is not None and flight.loop is loop:
            await asyncio.wait({flight.task})

    def _was_last(self, flight: _Flight[T]) -> bool:
        with self._lock:
            flight.waiting -= 1
            if flight.waiting:
                return False
            self._remove(flight)
            return True


class _Flight(Generic[T]):
    """One call, and those who wait for it."""

    __slots__ = ("key", "loop", "number", "outcome", "task", "waiting")

    def __init__(self, key: Hashable, loop: asyncio.AbstractEventLoop | None) -> None:
        self.key = key
        self.loop = loop
        """Where the call runs; None: in the thread of the caller who began it."""
        self.number = next(_NUMBERS)
        self.waiting = 1
        self.task: asyncio.Task[T] | None = None
        self.outcome: concurrent.futures.Future[_Landed[T]] = concurrent.futures.Future()
        self.outcome.set_running_or_notify_cancel()  # from now on, none of those who wait can cancel it

    def stranded(self) -> bool:
        """Return whether the loop is gone in which the call ran."""
        return self.loop is not None and self.loop.is_closed() and not self.outcome.done()

    def cancel_if(self, last: bool) -> None:
        """Cancel the call if the last of those who waited has left."""
        if last and self.task is not None and self.loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self.loop.call_soon_threadsafe(self.task.cancel)


@dataclass(slots=True)
class _Landed(Generic[T]):
    """What came of a call."""

    result: T | None = None
    error: BaseException | None = None
    abandoned: bool = False
    """Nobody's answer: whoever still wants one calls anew."""
    traceback: TracebackType | None = None

    def __post_init__(self) -> None:
        if self.error is not None:
            self.abandoned = not isinstance(self.error, Exception)
            self.traceback = self.error.__traceback__

    def value(self) -> T:
        """Return the result, or raise the error; with its own traceback, whoever raised it before."""
        if self.error is not None:
            raise self.error.with_traceback(self.traceback)
        return cast(T, self.result)


def _landed(task: asyncio.Task[T]) -> _Landed[T]:
    if task.cancelled():
        return _Landed(error=asyncio.CancelledError())
    error = task.exception()
    return _Landed(task.result()) if error is None else _Landed(error=error)


async def _landing(flight: _Flight[T], loop: asyncio.AbstractEventLoop) -> _Landed[T]:
    """Wait in an event loop."""
    future = asyncio.wrap_future(flight.outcome, loop=loop)
    if flight.loop is loop or flight.loop is None:
        return await future
    while not flight.stranded():
        await asyncio.wait({future}, timeout=_LOOK_S)
        if future.done():
            return future.result()
    return _Landed(abandoned=True)


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
