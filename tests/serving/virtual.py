"""An event loop on a clock that jumps: a test of minutes runs in milliseconds, and its times are exact."""

from __future__ import annotations

import asyncio
import heapq
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


def near(value: float) -> Any:
    """Return what equals a float up to rounding; also within tuples."""
    return pytest.approx(value)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time stands still while there is work, and jumps to the next timer when there is none."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.now_s

    def next_timer_s(self) -> float | None:
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        while timers and timers[0].cancelled():
            heapq.heappop(timers)._scheduled = False  # type: ignore[attr-defined]
            self._timer_cancelled_count -= 1  # type: ignore[attr-defined]
        return timers[0].when() if timers else None


class _Jumping(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        next_s = self._loop.next_timer_s()
        if next_s is None:
            raise RuntimeError("everything waits, and nothing will happen any more")
        self._loop.now_s = max(self._loop.now_s, next_s)
        return ready


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a virtual loop."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
