"""`AdaptiveBatcher`: requests that come one by one, from tasks of one event loop, run together.

A batch is formed when the device becomes free, of what waits then. So a lone request runs at once, and the more come
while a batch runs, the larger is the next: no timer and no polling is needed for it.
"""

from __future__ import annotations

from asyncio import CancelledError, get_running_loop, shield
from collections.abc import Callable, Iterable
from inspect import iscoroutinefunction
from math import inf, isnan
from operator import index
from threading import get_ident
from types import TracebackType
from typing import Generic, Self, TypeVar

from llmopt.errors import UsageError
from llmopt.serving.batching.engine import Engine
from llmopt.serving.batching.errors import Closed
from llmopt.serving.batching.hooks import Hooks
from llmopt.serving.batching.observer import Observer
from llmopt.serving.batching.pace import Pace
from llmopt.serving.batching.settings import BatchSettings

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class AdaptiveBatcher(Generic[Request, Answer]):
    """Run requests in batches, off the event loop.

        async with AdaptiveBatcher(predict) as batcher:
            answer = await batcher.predict(request)

    When a batch fails, it is run in parts until it is clear for which requests `predict` fails, and only their callers
    get the error; so `predict` may see a request more than once. Use a batcher from one event loop; from other threads
    go through `asyncio.run_coroutine_threadsafe`.

    Args:
        predict: from a list of requests to as many answers, in order. Runs in a thread of the batcher's own, one batch
            at a time; see `inline_below_s`.
        max_batch_size: requests in a batch at most.
        max_wait_s: how long a free device waits for the batch to fill, from the arrival of the oldest request.
        max_queue: requests that may wait; further ones are refused.
        max_batch_tokens: padded tokens in a batch at most (requests times the longest of them); a longer request runs
            alone. Needs `length`. Requests then run with others of about their length.
        length: tokens of a request.
        hooks: told of batches and dropped requests, for metrics.
        inline_below_s: once 64 batches in a row took less than this, `predict` runs on the event loop, since it blocks
            the loop for less time than handing the batch to a thread costs. One batch that takes four times as long
            ends that, and each time it needs more proof. 0: never; for a `predict` whose time is not to be trusted.
        name: of the thread.

    Raises:
        UsageError: arguments that make no sense.
    """

    def __init__(
        self,
        predict: Callable[[list[Request]], Iterable[Answer]],
        max_batch_size: int = 32,
        max_wait_s: float = 0.0,
        max_queue: int = 1024,
        max_batch_tokens: int | None = None,
        length: Callable[[Request], int] | None = None,
        *,
        hooks: Hooks | None = None,
        inline_below_s: float = 50e-6,
        name: str = "llmopt-batcher",
    ) -> None:
        given: object = predict
        if not callable(given) or iscoroutinefunction(given):
            raise UsageError("predict must be a plain function", "it runs in a thread, so it may block")
        if max_queue < 1:
            raise UsageError(f"max_queue is {max_queue}; at least 1 is needed")
        if max_batch_tokens is not None and length is None:
            raise UsageError("max_batch_tokens needs length", "pass a function that returns the tokens of a request")
        if not inline_below_s >= 0:
            raise UsageError(f"inline_below_s is {inline_below_s}; seconds from 0 on are needed")
        self.settings = BatchSettings(max_batch_size, max_wait_s, max_batch_tokens)
        """When a batch is formed and how large it may be."""
        self._run = predict
        self._max_queue = max_queue
        self._length = length
        self._observer = Observer(hooks, length is not None)
        self._inline_below_s = inline_below_s
        self._name = name
        self._engine: Engine | None = None
        self._closing: Engine | None = None

    @classmethod
    def of(
        cls,
        predict: Callable[[list[Request]], Iterable[Answer]],
        settings: BatchSettings,
        *,
        max_queue: int = 1024,
        length: Callable[[Request], int] | None = None,
        hooks: Hooks | None = None,
        inline_below_s: float = 50e-6,
    ) -> Self:
        """Make a batcher from settings, as `bench-batch` recommends them."""
        return cls(
            predict,
            settings.max_batch_size,
            settings.max_wait_s,
            max_queue,
            settings.max_batch_tokens,
            length,
            hooks=hooks,
            inline_below_s=inline_below_s,
        )

    async def predict(
        self, request: Request, *, timeout_s: float | None = None, deadline: float | None = None
    ) -> Answer:
        """Return the answer to a request.

        Args:
            request: what `predict` gets in its list.
            timeout_s: give up after this time.
            deadline: give up at this time of the event loop's clock (`loop.time()`). The earlier of the two counts.

        Raises:
            QueueFull: too many wait; `retry_after_s` says when to try again.
            DeadlinePassed: the time was up. A request whose time is up before its batch is formed is not computed.
            Closed: the batcher was not started, or was closed before the request ran.
            PredictFailed: `predict` did not return an answer for each request.
            Exception: whatever `predict` raised for this request.
        """
        engine = self._engine
        if engine is None or engine.thread != get_ident():
            raise self._refusal()
        tokens = 1 if self._length is None else max(1, index(self._length(request)))
        until = inf if timeout_s is None and deadline is None else _until(engine.loop.time(), timeout_s, deadline)
        future = engine.add(request, tokens, until)
        try:
            answer: Answer = await future
        except CancelledError:
            engine.give_up(future)
            raise
        except RuntimeError:
            if engine.loop.is_running():
                raise
            raise _elsewhere() from None  # a task of another loop in this thread cannot wait for the future
        return answer

    @property
    def queued(self) -> int:
        """Requests that wait, those in the batch that runs not included."""
        engine = self._engine or self._closing
        return 0 if engine is None else engine.queued()

    async def start(self) -> None:
        """Take requests from now on, from the running event loop. Nothing happens when started already.

        Raises:
            UsageError: it was started in another event loop, which still runs.
        """
        loop = get_running_loop()
        engine = self._engine or self._closing
        if engine is not None and engine.loop.is_closed():
            engine.abandon()
            self._engine = engine = None
        if engine is not None and engine.loop is not loop:
            raise _elsewhere()
        if engine is not None and engine is self._closing:
            await shield(engine.ended)
        if self._engine is None:
            pace = Pace(self._inline_below_s)
            self._engine = Engine(loop, self._run, self.settings, self._max_queue, pace, self._observer, self._name)

    async def close(self, *, drain: bool = True) -> None:
        """Take no more requests, run those that wait, and end the thread.

        Args:
            drain: run what waits. If not, it fails with `Closed`, and this returns at once: a batch that runs cannot be
                stopped, but its callers still get their answers, and the thread ends after it.
        """
        engine = self._engine or self._closing
        if engine is None:
            return
        if engine.loop is not get_running_loop() and not engine.loop.is_closed():
            raise _elsewhere()
        self._engine, self._closing = None, engine
        if engine.loop.is_closed():
            engine.abandon()
        elif drain and not engine.ended.done():
            engine.finish()
            await shield(engine.ended)
        else:
            engine.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close(drain=kind is None)

    def _refusal(self) -> Exception:
        if self._engine is None and self._closing is None:
            return Closed("the batcher was not started", "use `async with`, or await start()")
        if self._engine is None:
            return Closed("the batcher takes no more requests")
        return _elsewhere()


def _elsewhere() -> UsageError:
    return UsageError("the batcher belongs to another event loop", "make one for each loop")


def _until(now: float, timeout_s: float | None, deadline: float | None) -> float:
    until = min(inf if timeout_s is None else now + timeout_s, inf if deadline is None else deadline)
    if isnan(until):
        raise UsageError("timeout_s and deadline must be numbers of seconds")
    return until
