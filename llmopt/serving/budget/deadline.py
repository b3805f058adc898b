"""The deadline that the running stage has to keep: an instant of a clock, not a duration, so that nesting is exact.

A duration that is handed down starts anew with each hand; an instant does not. It travels in a context variable, which
tasks and the threads of stages inherit.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable
from dataclasses import dataclass

TICK_S = 1e-6
"""Instants closer than this are the same: clocks and sums of floats are not finer."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """An instant on a clock."""

    at_s: float
    """By `clock`."""
    clock: Callable[[], float]
    """That `clock_of` gave; callable from any thread."""

    def left_s(self) -> float:
        """Return the seconds until then; negative afterwards."""
        return self.at_s - self.clock()


_CURRENT: contextvars.ContextVar[Deadline | None] = contextvars.ContextVar("llmopt_deadline", default=None)


def clock_of(loop: asyncio.AbstractEventLoop) -> Callable[[], float]:
    """Return a fine clock: a loop's own, or the monotonic one where the loop has one of milliseconds (uvloop)."""
    return loop.time if isinstance(loop, asyncio.BaseEventLoop) else time.monotonic


def remaining_s() -> float | None:
    """Return the seconds that the current stage has left, 0 when they are over; None outside any budget.

    Made for timeouts of clients: `await client.get(url, timeout=remaining_s())`.
    """
    current = _CURRENT.get()
    return None if current is None else max(0.0, current.left_s())


def left_of_outer_s() -> float | None:
    """Return the seconds left of the budget around this one, negative when they are over; None where there is none."""
    current = _CURRENT.get()
    return None if current is None else current.left_s()


def context_until(deadline: Deadline) -> contextvars.Context:
    """Return a copy of the current context with that deadline in it."""
    context = contextvars.copy_context()
    context.run(_CURRENT.set, deadline)
    return context
