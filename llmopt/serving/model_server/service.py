"""One served model: its batcher, its metrics, its state; and the way of a request through them.

A request with many inputs has only so many of them in the queue and in the batch that runs as a batch is chosen from
and one more, and sends the next as soon as one is answered. So a small request that comes after a large one waits for a
few batches, not for all of it, and the device for none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from llmopt.errors import InputError, LlmoptError
from llmopt.serving.batching import AdaptiveBatcher, Closed, DeadlinePassed, QueueFull
from llmopt.serving.batching.forming import window
from llmopt.serving.batching.settings import BatchSettings
from llmopt.serving.metrics import ServerMetrics
from llmopt.serving.model_server.errors import ApiError, bad_request, stopping, too_late
from llmopt.serving.model_server.lifecycle import Lifecycle, Phase
from llmopt.serving.model_server.preparing import prepared, slices
from llmopt.serving.model_server.values import Limits, ServedModel

LOG = logging.getLogger("llmopt.serving")
_UNMEASURED_RETRY_S = 1.0
_ENCODERS = 2
"""Threads for making tokens of texts."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of the inputs of one request."""

    results: list[Any]
    tokens: int | None
    """Of all inputs; None where they are not counted."""


class Service:
    """A model, ready to be asked.

    Args:
        model: what is served.
        settings: of the batcher.
        max_queue: inputs that may wait; further ones get 503.
        limits: of one request.
    """

    def __init__(
        self,
        model: ServedModel,
        settings: BatchSettings | None = None,
        *,
        max_queue: int = 1024,
        limits: Limits | None = None,
    ) -> None:
        self.model = model
        self.settings = settings or BatchSettings()
        self.limits = limits or Limits()
        self.lifecycle = Lifecycle()
        self._batcher: AdaptiveBatcher[Any, Any]
        facts = (("model", model.name), ("task", model.task), *model.facts)
        self.metrics = ServerMetrics(self.settings.max_batch_size, lambda: self._batcher.queued, facts)
        self._batcher = AdaptiveBatcher.of(
            model.predict, self.settings, length=model.length, max_queue=max_queue, hooks=self.metrics, inline_below_s=0
        )
        self._most_open = max_queue + self.settings.max_batch_size
        self._most_queued = min(max_queue, window(self.settings) + self.settings.max_batch_size)
        self._encoders = ThreadPoolExecutor(_ENCODERS, "llmopt-encoder")
        self._warming: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the batcher, and warm the model up in the background."""
        self.lifecycle.begin()
        await self._batcher.start()
        self._warming = asyncio.create_task(self._warm_up())

    async def close(self, *, drain: bool = True) -> bool:
        """Take nothing more, and end; return whether nothing of the model runs any more.

        Args:
            drain: answer what was taken, however long it takes; else it gets 503.
        """
        self.lifecycle.drain()
        if not drain:
            self.lifecycle.give_up()
        self._encoders.shutdown(wait=False, cancel_futures=True)
        warm = self._warming is None or self._warming.done()
        if self._warming is not None:
            self._warming.cancel()
        await self._batcher.close(drain=drain)
        return warm and drain

    def admit(self) -> None:
        """Refuse a request before its body is read.

        Raises:
            ApiError: the server stops, or has all that it can hold.
        """
        if self.lifecycle.phase is Phase.DRAINING:
            raise stopping()
        if self.lifecycle.open >= self._most_open:
            wait_s = self._most_open * self.metrics.seconds_each or _UNMEASURED_RETRY_S
            raise _overloaded(f"{self.lifecycle.open:,} requests are being answered", wait_s)

    async def answer(self, inputs: Sequence[str] | Sequence[list[int]], deadline: float) -> Answered:
        """Return the results of some inputs, in order.

        Args:
            inputs: texts, or lists of token ids.
            deadline: on the clock of the loop.

        Raises:
            ApiError: they cannot be computed; says which.
        """
        if len(inputs) > self.limits.max_inputs:
            raise bad_request(
                "too_many_inputs", f"{len(inputs):,} inputs; at most {self.limits.max_inputs:,} at once", "input"
            )
        requests = await self._prepared(inputs)
        await self.lifecycle.warm()
        if self.lifecycle.failure is not None:
            raise stopping()
        results = await self._results(requests, deadline)
        counted = self.model.encode is not None
        return Answered(results, sum(map(len, requests)) if counted else None)

    async def _prepared(self, inputs: Sequence[str] | Sequence[list[int]]) -> list[Any]:
        loop, requests = asyncio.get_running_loop(), []
        if self.model.encode is None:
            return prepared(self.model, inputs, range(len(inputs)))
        for places in slices(inputs):
            requests += await loop.run_in_executor(self._encoders, prepared, self.model, inputs, places)
        return requests

    async def _results(self, requests: Sequence[Any], deadline: float) -> list[Any]:
        results: list[Any] = [None] * len(requests)
        places = iter(range(len(requests)))

        async def work() -> None:
            for at in places:
                results[at] = await self._result(requests[at], at, deadline)

        callers = min(len(requests), self._most_queued)
        if callers == 1:
            await work()
            return results
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(callers):
                    group.create_task(work())
        except* ApiError as errors:
            raise next(_leaves(errors)) from None
        return results

    async def _result(self, request: Any, at: int, deadline: float) -> Any:
        try:
            return await self._batcher.predict(request, deadline=deadline)
        except QueueFull as error:
            raise _overloaded(error.message, error.retry_after_s) from error
        except DeadlinePassed as error:
            raise too_late() from error
        except Closed as error:
            raise stopping() from error
        except Exception as error:  # a predict function raises what it likes; this request alone fails
            LOG.error("%s failed: %r", self.model.name, error)
            LOG.debug("", exc_info=error)
            reason = type(error.__cause__ or error).__name__  # no more: what it says may be of the server's own files
            raise ApiError(
                HTTPStatus.INTERNAL_SERVER_ERROR, "predict_failed", f"the model failed on input[{at}]: {reason}"
            ) from error

    async def _warm_up(self) -> None:
        try:
            if self.model.warm_up:
                await asyncio.get_running_loop().run_in_executor(self._encoders, self._run_once)
        except LlmoptError as error:
            self.lifecycle.warmed(error)
        except Exception as error:  # noqa: BLE001 - a predict function raises what it likes; the server says it and ends
            self.lifecycle.warmed(
                InputError(f"{self.model.name} failed on a first text: {type(error).__name__}: {error}")
            )
        else:
            self.lifecycle.warmed()

    def _run_once(self) -> None:
        texts = list(self.model.warm_up)
        for batch in (texts[:1], (texts * self.settings.max_batch_size)[: self.settings.max_batch_size]):
            requests = batch if self.model.encode is None else self.model.encode(batch)
            if len(self.model.predict(requests)) != len(batch):
                raise InputError(f"{self.model.name} does not give one result for each text")


def _overloaded(message: str, retry_after_s: float) -> ApiError:
    return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "queue_full", message, retry_after_s=retry_after_s)


def _leaves(errors: BaseExceptionGroup[ApiError]) -> Iterator[ApiError]:
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
