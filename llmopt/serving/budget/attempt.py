"""One call of a stage's function under way: started, watched, and told to stop."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from llmopt.serving.budget.deadline import Deadline, clock_of, context_until
from llmopt.serving.budget.threads import Job, Threads


class Attempt:
    """A call in a task of its own; `until` is the deadline that budgets within it keep."""

    def __init__(self, call: Callable[[], Any], until: Deadline, threads: Threads | None) -> None:
        """Start it.

        Args:
            call: may return a value or something to await.
            until: its deadline.
            threads: where to call it; None: on the loop itself.
        """
        self._loop = asyncio.get_running_loop()
        self._clock = clock_of(self._loop)
        self._job: Job | None = None
        self.started_s = self._clock()
        self.ended_s: float | None = None
        """When it came to its end, also after it was given up; None until then."""
        self.given_up_s: float | None = None
        """When it was told to stop; None where it was not."""
        self.task = self._loop.create_task(self._run(call, threads), context=context_until(until))
        self.task.add_done_callback(_look_at)

    @property
    def is_left_behind(self) -> bool:
        """Whether it was told to stop and has not."""
        return self.given_up_s is not None and not self.task.done()

    @property
    def error(self) -> BaseException | None:
        """What it raised; None where it returned. A task that was cancelled by nobody here raised that too."""
        return asyncio.CancelledError() if self.task.cancelled() else self.task.exception()

    def give_up(self) -> None:
        """Tell it to stop; a function that runs in a thread cannot be told, one that waits for a thread is dropped."""
        if self.given_up_s is not None or self.task.done():
            return
        self.given_up_s = self._clock()
        if self._job is None:
            self.task.cancel()
        elif self._job.claim():
            self._job.future.cancel()

    async def _run(self, call: Callable[[], Any], threads: Threads | None) -> Any:
        try:
            value = call() if threads is None else await self._in_thread(call, threads)
            if self.given_up_s is None:
                return await value if inspect.isawaitable(value) else value
            if inspect.iscoroutine(value):
                value.close()  # nobody waits for it any more, and it has not begun
            raise asyncio.CancelledError
        finally:
            self.ended_s = self._clock()

    async def _in_thread(self, call: Callable[[], Any], threads: Threads) -> Any:
        self._job = Job(call, self._loop)
        threads.submit(self._job)
        value, error = await self._job.future
        self._job = None
        if error is not None:
            raise error
        return value


def _look_at(task: asyncio.Task[Any]) -> None:
    """Look at what a task raised: one that was given up has nobody else who does, and asyncio complains then."""
    if not task.cancelled():
        task.exception()
