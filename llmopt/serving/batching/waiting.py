"""The queued requests: the event loop adds them, the thread that runs batches takes them."""

from __future__ import annotations

from asyncio import Future
from collections import deque
from collections.abc import Callable
from math import inf
from threading import Lock
from typing import Any

from llmopt.serving.batching.forming import chosen, full, window
from llmopt.serving.batching.settings import BatchSettings

Pending = tuple[Any, Future[Any], int, float, float]
"""The request, its future, its tokens, when it came and its deadline (both on the loop's clock; `inf`: none).

A plain tuple: one is made for each request, and anything else takes several times as long to make.
"""


class Waiting:
    """Queued requests, the oldest first.

    Requests that are done for (cancelled, or past their deadline) stay until they are met; they are never taken.

    Args:
        settings: when a batch is formed and how large it may be.
        clock: the loop's clock, in seconds.
    """

    def __init__(self, settings: BatchSettings, clock: Callable[[], float]) -> None:
        self.requests: deque[Pending] = deque()
        """All of them. Only the loop may append, at any time; everything else needs `lock`."""
        self.lock = Lock()
        """Held while requests are taken or removed."""
        self.hurry = False
        """Whether to form batches without waiting for them to fill, as when the batcher is being closed."""
        self._settings = settings
        self._clock = clock
        self._window = window(settings)

    def ready(self) -> bool:
        """Return whether a batch should be formed now."""
        return bool(self.requests) and self.due_s() <= self._clock()

    def due_s(self) -> float:
        """Return when the next batch should be formed, on the loop's clock; some request must wait."""
        wait_s = self._settings.max_wait_s
        if not wait_s or self.hurry:
            return -inf
        if len(self.requests) >= self._settings.max_batch_size:
            return -inf
        waiting = list(self.requests)  # in one step, as the loop may append meanwhile
        return -inf if full([pending[2] for pending in waiting], self._settings) else waiting[0][3] + wait_s

    def take(self) -> list[Pending]:
        """Remove and return the requests that run now; empty when none waits that is not done for."""
        if self._settings.max_batch_tokens is None:
            return self._oldest(self._settings.max_batch_size)
        seen = self._oldest(self._window)
        if len(seen) < 2:
            return seen
        now = set(chosen([pending[2] for pending in seen], self._settings))
        self.requests.extendleft([pending for i, pending in reversed(list(enumerate(seen))) if i not in now])
        return [seen[i] for i in sorted(now)]

    def prune(self) -> None:
        """Remove those that are done for."""
        with self.lock:
            kept = [pending for pending in self.requests if not pending[1].done()]
            self.requests.clear()
            self.requests.extend(kept)

    def drain(self) -> list[Pending]:
        """Remove and return all of them."""
        with self.lock:
            removed = list(self.requests)
            self.requests.clear()
            return removed

    def _oldest(self, most: int) -> list[Pending]:
        taken: list[Pending] = []
        next_one = self.requests.popleft
        now_s = self._clock()
        while self.requests and len(taken) < most:
            more = [next_one() for _ in range(min(most - len(taken), len(self.requests)))]
            taken += [pending for pending in more if pending[4] > now_s and not pending[1].done()]
        return taken
