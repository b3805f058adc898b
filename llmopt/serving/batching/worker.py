"""The thread that runs batches, one after the other.

It forms the next batch itself as soon as one is done, so the device does not wait for the event loop. When nothing is
ready it goes idle, and the loop wakes it.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock, Thread

from llmopt.serving.batching.waiting import Pending, Waiting


class Worker:
    """A thread that takes batches from the queue.

    Args:
        waiting: the queue. Its lock guards `busy` too.
        run: runs a batch; called in the thread.
        idle: called in the thread when it went idle while requests wait, or while the batcher is being closed.
        name: of the thread.
    """

    def __init__(
        self, waiting: Waiting, run: Callable[[list[Pending]], None], idle: Callable[[], None], name: str
    ) -> None:
        self.busy = False
        """Whether a batch runs, here or in the loop. Whoever sets it, under the lock, may take a batch."""
        self.rests = False
        """Whether to leave the next batch to the loop."""
        self._waiting = waiting
        self._run = run
        self._idle = idle
        self._bell = Lock()
        self._bell.acquire()
        self._given: list[Pending] = []
        self._stopped = False
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def wake(self, batch: list[Pending] | None = None) -> None:
        """Let the thread run this batch, or take one; `busy` must have been set for it."""
        self.rests = False
        self._given = batch or []
        self._bell.release()

    def stop(self) -> None:
        """End the thread: now when it is idle, else after the batch that runs."""
        with self._waiting.lock:
            stopped, self._stopped = self._stopped, True
            if stopped or self.busy:
                return
        self._bell.release()
        self._thread.join()

    def leave(self) -> None:
        """Let the thread end after what it does now; called in the thread."""
        self._stopped = True

    def _work(self) -> None:
        while not self._stopped:
            self._bell.acquire()
            batch = self._given or self._next()
            self._given = []
            while batch:
                self._run(batch)
                batch = self._next()

    def _next(self) -> list[Pending]:
        """Take a batch; where none is ready, go idle and return an empty one."""
        waiting = self._waiting
        batch: list[Pending] = []
        with waiting.lock:
            if not self._stopped and not self.rests and waiting.ready():
                batch = waiting.take()
            self.busy = bool(batch)
            tell = not batch and not self._stopped and (waiting.hurry or bool(waiting.requests))
        if tell:
            self._idle()
        return batch
