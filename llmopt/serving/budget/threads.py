"""Threads for stages that are plain functions: bounded, and never waited for when the process ends.

An executor of the standard library joins its threads at exit, so one stage that hangs would keep the process; these
are daemons.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections import deque
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
        self.claimed = False
        """Whether it was taken, to be run or to be dropped."""

    def claim(self) -> bool:
        """Take the job, to run it or to drop it; False where it is taken already."""
        with self._lock:
            claimed, self.claimed = self.claimed, True
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
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._running = 0
        self._idle = 0

    def submit(self, job: Job) -> None:
        """Run a job as soon as a thread is free.

        Raises:
            RuntimeError: there is no thread, and the system gives none.
        """
        with self._changed:
            while self._jobs and self._jobs[0].claimed:
                self._jobs.popleft()  # dropped while it waited: with threads that hang, nobody else takes it out
            self._jobs.append(job)
            if self._idle >= len(self._jobs):
                self._changed.notify()
            elif self._running < self._most:
                self._start()

    def _start(self) -> None:
        try:
            threading.Thread(target=self._work, name="llmopt-stage", daemon=True).start()
        except RuntimeError:
            if not self._running:
                self._jobs.pop()
                raise
        else:
            self._running += 1

    def _work(self) -> None:
        while (job := self._next()) is not None:
            if job.claim():
                job.run()
            del job  # what it holds is not kept while the thread is idle

    def _next(self) -> Job | None:
        """Wait for a job; None: there was none for some time."""
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._jobs, timeout=_IDLE_S)
            self._idle -= 1
            if self._jobs:
                return self._jobs.popleft()
            self._running -= 1
            return None
