"""One call that is under way, who waits for it, and what came of it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, TypeVar, cast

T = TypeVar("T")

_JOIN_S = 600.0
"""A call that has been under way for longer may hang for good; nobody joins it any more."""
_NUMBERS = itertools.count()


class Flight(Generic[T]):
    """One call, and those who wait for it."""

    __slots__ = ("asleep", "began_s", "key", "loop", "nested", "number", "outcome", "task", "waiting")

    def __init__(self, key: Hashable, loop: asyncio.AbstractEventLoop | None, aboard: frozenset[int]) -> None:
        """Begin a flight that one caller waits for.

        Args:
            key: what is asked.
            loop: where the call runs; None: in the thread of the caller who began it.
            aboard: flights whose calls that caller is part of.
        """
        self.key = key
        self.loop = loop
        self.number = next(_NUMBERS)
        self.began_s = time.monotonic()
        self.waiting = 0
        self.nested: Counter[frozenset[int]] = Counter()
        """Of those who wait, the flights whose calls they are part of, and which so wait for this one too."""
        self.joined(aboard)
        self.asleep: set[asyncio.Future[None]] = set()
        """One for each of those who wait in an event loop."""
        self.task: asyncio.Task[T] | None = None
        self.outcome: concurrent.futures.Future[Landed[T]] = concurrent.futures.Future()

    def joined(self, aboard: frozenset[int]) -> None:
        """Count one more who waits."""
        self.waiting += 1
        if aboard:
            self.nested[aboard] += 1

    def left(self, aboard: frozenset[int]) -> None:
        """Count one less."""
        self.waiting -= 1
        if aboard:
            self.nested -= Counter((aboard,))

    def forlorn(self) -> bool:
        """Return whether it is not to be waited for."""
        return self.stranded() or time.monotonic() - self.began_s > _JOIN_S

    def stranded(self) -> bool:
        """Return whether the loop stands still, or is gone, in which the call ran."""
        return self.loop is not None and not self.loop.is_running() and not self.outcome.done()

    def wake(self) -> None:
        """Tell those who wait in event loops that the outcome is there; threads wait for it themselves."""
        by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
        for future in list(self.asleep):
            by_loop.setdefault(future.get_loop(), []).append(future)
        for loop, futures in by_loop.items():
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(_wake, futures)

    def cancel_if(self, last: bool) -> None:
        """Cancel the call if the last of those who waited has left."""
        if last and self.task is not None and self.loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self.loop.call_soon_threadsafe(self.task.cancel)


@dataclass(slots=True)
class Landed(Generic[T]):
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
            try:
                raise self.error.with_traceback(self.traceback)
            finally:
                del self  # the error holds this frame, which must not hold the error
        return cast(T, self.result)


def _wake(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
