"""What happens to a request between its arrival and its answer: the loop's side of a batcher.

Requests are put into the queue as they come. Once in a turn of the loop, after all that came in it, the worker is woken
if it is idle; while it is busy it takes its next batch itself. Answers are set on the callers' futures in the loop.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, BaseEventLoop, Future, InvalidStateError, TimerHandle
from collections.abc import Callable, Iterable
from contextvars import Context
from math import inf
from threading import get_ident
from time import monotonic, perf_counter
from typing import Any

from llmopt.serving.batching.deadlines import Deadlines
from llmopt.serving.batching.errors import Closed, DeadlinePassed, QueueFull
from llmopt.serving.batching.hooks import Reason
from llmopt.serving.batching.observer import Observer
from llmopt.serving.batching.pace import Pace
from llmopt.serving.batching.pieces import Piece, checked, pieces, portable
from llmopt.serving.batching.settings import BatchSettings
from llmopt.serving.batching.waiting import Pending, Waiting
from llmopt.serving.batching.worker import Worker

UNMEASURED_RETRY_S = 1.0
"""`retry_after_s` before any batch has run."""


class Engine:
    """Runs the requests of one event loop, until it is stopped.

    Args:
        loop: where requests come from and answers go to.
        predict: from a list of requests to as many answers.
        settings: when a batch is formed and how large it may be.
        max_queue: requests that may wait.
        pace: whether `predict` may run in the loop.
        observer: told of batches and dropped requests.
        name: of the thread.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        predict: Callable[[list[Any]], Iterable[Any]],
        settings: BatchSettings,
        max_queue: int,
        pace: Pace,
        observer: Observer,
        name: str,
    ) -> None:
        self.loop = loop
        self.thread = get_ident()
        """The loop's. To compare it is cheaper than to ask for the running loop, which asks for the process too."""
        self.ended: Future[None] = loop.create_future()
        """Done once all requests have run after `finish`, or after `stop`."""
        self._predict = predict
        self._max_queue = max_queue
        self._pace = pace
        self._observer = observer
        self._context = Context()
        # what a request costs is mostly calls: a plain loop's clock is asked for without the loop
        self._clock = monotonic if type(loop).time is BaseEventLoop.time else loop.time
        self._future = loop.create_future
        self._waiting = Waiting(settings, self._clock)
        self._requests = self._waiting.requests
        self._deadlines = Deadlines(loop, lambda: self._gone("deadline"))
        self._scheduled = False
        self._now = 0.0  # when the first request of this turn of the loop came; the others are taken to come with it
        self._timer: TimerHandle | None = None
        self._done_for = False
        self._again = False
        self._worker = Worker(self._waiting, self._run, lambda: self._post(self._turn), name)

    def add(self, request: Any, tokens: int, deadline: float) -> Future[Any]:
        """Put a request into the queue and return the future of its answer.

        Raises:
            QueueFull: no room.
            DeadlinePassed: it came too late.
        """
        requests = self._requests
        if len(requests) >= self._max_queue and self.queued() >= self._max_queue:
            self._observer.dropped("queue_full")
            raise QueueFull(self._max_queue, self._max_queue * self._observer.seconds_each or UNMEASURED_RETRY_S)
        if not self._scheduled:
            self._now = self._clock()
            self._schedule()
        future: Future[Any] = self._future()
        if deadline != inf:
            if deadline <= self._clock():
                self._observer.dropped("deadline")
                raise DeadlinePassed("the deadline had passed before the request came")
            self._deadlines.add(future, deadline)
        requests.append((request, future, tokens, self._now, deadline))
        return future

    def give_up(self, future: Future[Any]) -> None:
        """Take note that a caller was cancelled."""
        self._gone("cancelled")
        if future.done() and not future.cancelled():
            future.exception()  # nobody else will look at it

    def queued(self) -> int:
        """Return how many requests wait."""
        if self._done_for:
            self._done_for = False
            self._waiting.prune()
        return len(self._requests)

    def finish(self) -> None:
        """Run what waits, then end."""
        self._waiting.hurry = True
        self._turn()

    def stop(self) -> None:
        """Fail what waits, and end the thread; callers of a batch that runs still get their answers."""
        for pending in self._waiting.drain():
            if not pending[1].done():
                pending[1].set_exception(Closed("the batcher was closed before this request ran"))
                self._observer.dropped("closed")
        if self._timer is not None:
            self._timer.cancel()
        self._worker.stop()
        if not self.ended.done():
            self.ended.set_result(None)

    def abandon(self) -> None:
        """End the thread of an engine whose loop was closed."""
        self._waiting.drain()
        self._worker.stop()

    def _gone(self, reason: Reason) -> None:
        self._done_for = True
        self._observer.dropped(reason)

    def _schedule(self) -> None:
        self._scheduled = True
        self.loop.call_soon(self._turn, context=self._context)

    def _turn(self) -> None:
        """Start a batch if nothing runs and one is ready."""
        self._scheduled = False
        waiting, worker = self._waiting, self._worker
        with waiting.lock:
            if worker.busy:
                return
            worker.busy = ready = waiting.ready()
            batch = waiting.take() if ready and self._pace.inline else []
        if batch:
            self._run_here(batch)
        elif ready:
            worker.wake()
        elif self._requests:
            self._wait(waiting.due_s())
        elif waiting.hurry:
            self.stop()

    def _wait(self, due_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_at(due_s, self._turn, context=self._context)

    def _run(self, batch: list[Pending]) -> None:
        """Run a batch, in the thread."""
        waited_s, queued = self._clock() - batch[0][3], len(self._requests)
        calls = failed = 0
        started = perf_counter()
        for piece in pieces(self._predict, [pending[0] for pending in batch]):
            calls += piece.calls
            failed += piece.error is not None
            self._post(self._deliver, batch, piece)
        service_s = perf_counter() - started
        if self._again and calls == 1 and not failed:
            self._pace.forbid()
        else:
            self._pace.threaded(inf if failed or calls > 1 else service_s)
        self._again = False
        self._worker.rests = self._pace.inline
        self._post(self._note, batch, waited_s, service_s, queued, calls, failed)

    def _run_here(self, batch: list[Pending]) -> None:
        """Run a batch, in the loop; one that fails runs again in the thread."""
        waited_s, queued = self._clock() - batch[0][3], len(self._requests)
        started = perf_counter()
        try:
            answers = checked(self._predict([pending[0] for pending in batch]), len(batch))
        except KeyboardInterrupt as raised:
            self._worker.busy = False
            for i in range(len(batch)):
                self._deliver(batch, Piece(i, i + 1, [], portable(raised), 1))
            self._schedule()
            raise
        except BaseException:  # noqa: BLE001 - whatever it is, the callers get it from the thread
            self._pace.looped(inf)
            self._again = True
            self._worker.wake(batch)
            return
        service_s = perf_counter() - started
        self._pace.looped(service_s)
        self._worker.busy = False
        _answer(batch, answers)
        self._observer.batch(batch, waited_s=waited_s, service_s=service_s, queued=queued, calls=1, failed=0)
        if (self._requests or self._waiting.hurry) and not self._scheduled:
            self._schedule()

    def _deliver(self, batch: list[Pending], piece: Piece) -> None:
        if piece.error is not None:
            future = batch[piece.start][1]
            if not future.done():
                future.set_exception(piece.error)
            return
        _answer(batch[piece.start : piece.stop], piece.answers)

    def _note(
        self, batch: list[Pending], waited_s: float, service_s: float, queued: int, calls: int, failed: int
    ) -> None:
        self._observer.batch(batch, waited_s=waited_s, service_s=service_s, queued=queued, calls=calls, failed=failed)

    def _post(self, callback: Callable[..., None], *args: Any) -> None:
        """Let the loop call something soon, from the thread; once the loop is closed nobody waits any more."""
        try:
            self.loop.call_soon_threadsafe(callback, *args, context=self._context)
        except RuntimeError:
            self._worker.leave()


def _answer(batch: list[Pending], answers: list[Any]) -> None:
    for pending, answer in zip(batch, answers, strict=True):
        try:
            pending[1].set_result(answer)
        except InvalidStateError:  # cancelled, or past its deadline; cheaper than to ask each of them
            continue
