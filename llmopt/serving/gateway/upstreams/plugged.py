"""Upstreams in this process: a function, an `AdaptiveBatcher`, a `LatencyBudget`.

Each answers with a text, with vectors for embeddings, or with a mapping that is a whole answer of the API. `llmopt
serve` is a server, and needs none of this: its address is an upstream's URL.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from llmopt.errors import InputError
from llmopt.serving.batching import AdaptiveBatcher
from llmopt.serving.batching.errors import QueueFull
from llmopt.serving.budget import LatencyBudget
from llmopt.serving.budget.errors import StageFailed
from llmopt.serving.cache.plain import read_object
from llmopt.serving.gateway.errors import UpstreamError, error_json
from llmopt.serving.gateway.upstreams.answer_forms import inputs_of, reply_of
from llmopt.serving.gateway.upstreams.held import HeldReply
from llmopt.serving.gateway.values import UpstreamRequest
from llmopt.serving.routing.failures import Kind, failure_of

Answer = Callable[[Mapping[str, Any]], Awaitable[object]]
_JSON = (b"content-type", b"application/json")


class PluggedUpstream:
    """Answers in this process.

    Args:
        answer: from a request's path and decoded body to a text, vectors or a whole answer.
        name: for logs and metrics.
        models: names or patterns of the models that it answers; empty: all that no other upstream claims.
    """

    def __init__(
        self, answer: Callable[[str, Mapping[str, Any]], Awaitable[object]], name: str, models: tuple[str, ...]
    ) -> None:
        self._answer = answer
        self._name = name
        self._models = models

    @property
    def name(self) -> str:
        """For logs and metrics."""
        return self._name

    @property
    def models(self) -> tuple[str, ...]:
        """Names or patterns of the models that it answers."""
        return self._models

    async def open(self, request: UpstreamRequest, timeout_s: float | None) -> HeldReply:
        """Answer a request.

        Raises:
            UpstreamError: what answers raised an error, did not answer in time, or gave no answer.
        """
        try:
            body = read_object(request.body if isinstance(request.body, bytes) else b"")
        except InputError as error:
            return _refusal(400, "no_json", f"this upstream answers JSON only: {error.message}")
        try:
            async with asyncio.timeout(timeout_s):
                return reply_of(await self._answer(request.path, body), request.path, body)
        except QueueFull as error:
            waits = b"%d" % math.ceil(error.retry_after_s)
            return _refusal(503, "queue_full", f"{error.message}; {error.hint}", (b"retry-after", waits))
        except InputError as error:
            raise UpstreamError(f"upstream '{self._name}': {error.message}", Kind.OTHER.value) from error
        except Exception as error:  # an application's function may raise anything; it is the call that has failed
            kind = failure_of(error).kind
            cause = error.__cause__ if isinstance(error, StageFailed) and error.__cause__ else error
            why = "did not answer in time" if kind is Kind.TIMEOUT else f"raised {type(cause).__name__}"
            raise UpstreamError(f"upstream '{self._name}' {why}", kind.value) from error

    async def close(self) -> None:
        """Do nothing: what answers is the application's to close."""


def function_upstream(answer: Answer, *, name: str = "function", models: tuple[str, ...] = ()) -> PluggedUpstream:
    """Return an upstream that calls a coroutine function with the decoded body of each request.

    Args:
        answer: returns a text, vectors for embeddings, or a mapping that is a whole answer.
        name: for logs and metrics.
        models: names or patterns of the models that it answers; empty: all that no other upstream claims.
    """
    return PluggedUpstream(lambda _, body: answer(body), name, models)


def batcher_upstream(
    batcher: AdaptiveBatcher[Any, Any], *, name: str = "batcher", models: tuple[str, ...] = ()
) -> PluggedUpstream:
    """Return an upstream that runs requests which come together in batches.

    Args:
        batcher: started by the application, in the gateway's event loop. Its `predict` gets each input of an embedding
            and each prompt of a completion by itself, and returns a vector or a text for it; of a chat it gets the
            whole body.
        name: for logs and metrics.
        models: names or patterns of the models that it answers; empty: all that no other upstream claims.
    """

    async def ask(path: str, body: Mapping[str, Any]) -> object:
        inputs = inputs_of(path, body)
        if len(inputs) == 1:
            found = await batcher.predict(inputs[0])
            return found if inputs[0] is body else [found]
        tasks = [asyncio.ensure_future(batcher.predict(each)) for each in inputs]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    return PluggedUpstream(ask, name, models)


def budget_upstream(budget: LatencyBudget, *, name: str = "budget", models: tuple[str, ...] = ()) -> PluggedUpstream:
    """Return an upstream that runs the stages of a pipeline under one deadline.

    Args:
        budget: its stages may take `request`, which is the decoded body; the value of the last one is the answer.
        name: for logs and metrics.
        models: names or patterns of the models that it answers; empty: all that no other upstream claims.
    """

    async def ask(_: str, body: Mapping[str, Any]) -> object:
        return (await budget.run(request=body)).value

    return PluggedUpstream(ask, name, models)


def _refusal(status: int, code: str, message: str, *headers: tuple[bytes, bytes]) -> HeldReply:
    return HeldReply(status, (_JSON, *headers), error_json(status, code, message, anthropic=False))
