"""Threads for stages that are plain functions: bounded, and never waited for when the process ends.

An executor of the standard library joins its threads at exit, so one stage that hangs would keep the process; these
are daemons.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Any

_IDLE_S = 10.0
"""An idle thread ends after this."""


class Job:
    """One call in a thread. `future` gets its result, or what it raised."""

    def __init__(self, call: Callable[[], Any], loop: asyncio.AbstractEventLoop) -> None:
        """Prepare a call whose result `loop` waits for."""
        self.future: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()
        self._call = call
        self._context = contextvars.copy_context()
        self._loop = loop
        self._lock = threading.Lock()
        self._claimed = False

    def claim(self) -> bool:
        """Take the job, to run it or to drop it; False where it is taken already."""
        with self._lock:
            claimed, self._claimed = self._claimed, True
        return not claimed

    def run(self) -> None:
        """Call the function in its context and hand over what came of it."""
        value: Any = None
        error: BaseException | None = None
        try:
            value = self._context.run(self._call)
        except BaseException as raised:  # noqa: BLE001 - whatever it is, the stage that waits for it raises it
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._done, value, error)

    def _done(self, value: Any, error: BaseException | None) -> None:
        if not self.future.done():
            self.future.set_result((value, error))


class Threads:
    """A pool that starts threads when they are needed, `most` at a time; jobs beyond wait for one."""

    def __init__(self, most: int) -> None:
        """Start with no thread."""
        self._most = most
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._running = 0
        self._open = 0
        """Jobs that are queued or running."""

    def submit(self, job: Job) -> None:
        """Run a job as soon as a thread is free."""
        with self._lock:
            self._open += 1
            self._jobs.put(job)
            if self._running < min(self._open, self._most):
                self._running += 1
                threading.Thread(target=self._work, name="llmopt-stage", daemon=True).start()

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=_IDLE_S)
            except queue.Empty:
                with self._lock:
                    if self._jobs.empty():
                        self._running -= 1
                        return
                continue
            if job.claim():
                job.run()
            with self._lock:
                self._open -= 1
