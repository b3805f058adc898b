"""Deadlines of requests: one timer for the earliest, however many there are."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future, Handle
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from typing import Any

from llmopt.serving.batching.errors import DeadlinePassed

CROWDED = 1024
"""From so many on, those that are done are forgotten before their time."""


class Deadlines:
    """Fails futures at their deadlines, unless they are done by then.

    Args:
        loop: whose clock counts.
        passed: called after each one that was failed.
    """

    def __init__(self, loop: AbstractEventLoop, passed: Callable[[], None]) -> None:
        self._loop = loop
        self._passed = passed
        self._order = count()
        self._heap: list[tuple[float, int, Future[Any]]] = []
        self._timer: Handle | None = None
        self._timer_s = inf
        self._crowded = CROWDED

    def add(self, future: Future[Any], deadline: float) -> None:
        """Watch a future until `deadline`, on the loop's clock."""
        if len(self._heap) >= self._crowded:
            self._heap = [entry for entry in self._heap if not entry[2].done()]
            heapify(self._heap)
            self._crowded = max(CROWDED, 2 * len(self._heap))
        heappush(self._heap, (deadline, next(self._order), future))
        if deadline < self._timer_s:
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_s = self._heap[0][0] if self._heap else inf
        self._timer = self._loop.call_at(self._timer_s, self._ring) if self._heap else None

    def _ring(self) -> None:
        now = self._loop.time()
        while self._heap and (self._heap[0][2].done() or self._heap[0][0] <= now):
            future = heappop(self._heap)[2]
            if not future.done():
                future.set_exception(DeadlinePassed("the deadline passed before there was an answer"))
                self._passed()
        self._arm()
