"""Upstreams in this process: what they may return in each API's form, and how they fail."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from llmopt.serving.batching import AdaptiveBatcher
from llmopt.serving.budget import LatencyBudget
from llmopt.serving.cache.streams import collected
from llmopt.serving.gateway.errors import UpstreamError
from llmopt.serving.gateway.upstreams.plugged import (
    PluggedUpstream,
    batcher_upstream,
    budget_upstream,
    function_upstream,
)
from llmopt.serving.gateway.values import UpstreamReply
from llmopt.serving.sse import SseReader
from tests.serving.gateway.upstreams.asked import sent

TEXT_PATHS = {
    "/v1/chat/completions": ("choices", 0, "message", "content"),
    "/v1/completions?a=b": ("choices", 0, "text"),
    "/v1/responses": ("output", 0, "content", 0, "text"),
    "/v1/messages": ("content", 0, "text"),
}


def returning(value: object) -> PluggedUpstream:
    async def answer(body: Mapping[str, Any]) -> object:
        return value

    return function_upstream(answer)


def raising(error: Exception) -> PluggedUpstream:
    async def answer(body: Mapping[str, Any]) -> object:
        raise error

    return function_upstream(answer)


async def ask(
    upstream: PluggedUpstream, path: str = "/v1/chat/completions", timeout_s: float | None = 60.0, **body: Any
) -> tuple[UpstreamReply, bytes]:
    raw = json.dumps({"model": "m", **body}).encode()
    reply = await upstream.open(sent(path, body=raw), timeout_s)
    return reply, await reply.read()


def answered(upstream: PluggedUpstream, path: str = "/v1/chat/completions", **body: Any) -> Any:
    reply, raw = asyncio.run(ask(upstream, path, **body))
    assert reply.status == 200
    assert reply.headers == ((b"content-type", b"application/json"),)
    return json.loads(raw)


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


@pytest.mark.parametrize("path", TEXT_PATHS)
def test_a_text_in_the_form_of_each_api(path: str) -> None:
    found = answered(returning("Ada"), path)
    assert at(found, TEXT_PATHS[path]) == "Ada"
    assert found["model"] == "m"
    assert "usage" not in found


@pytest.mark.parametrize("path", TEXT_PATHS)
def test_a_text_as_a_stream(path: str) -> None:
    reply, raw = asyncio.run(ask(returning("Ada"), path, stream=True))
    assert reply.headers == ((b"content-type", b"text/event-stream"),)
    reader = SseReader()
    whole = collected([*reader.feed(raw), *reader.close()])
    assert whole is not None
    assert at(json.loads(whole), TEXT_PATHS[path]) == "Ada"


def test_a_mapping_is_the_whole_answer() -> None:
    whole = {"id": "x", "choices": [], "usage": {"prompt_tokens": 3}}
    assert answered(returning(whole)) == whole


def test_several_texts_are_several_choices() -> None:
    assert [each["text"] for each in answered(returning(["a", "b"]), "/v1/completions")["choices"]] == ["a", "b"]


@pytest.mark.parametrize(
    "vectors",
    [[[0.5, 1.0]], ((0.5, 1.0),), np.array([[0.5, 1.0]], dtype="f4"), [np.array([0.5, 1.0])]],
    ids=["lists", "tuples", "array", "list of arrays"],
)
def test_vectors_are_embeddings(vectors: object) -> None:
    found = answered(returning(vectors), "/v1/embeddings", input="a")
    assert found["data"] == [{"object": "embedding", "index": 0, "embedding": [0.5, 1.0]}]
    packed = answered(returning(vectors), "/v1/embeddings", input="a", encoding_format="base64")
    assert struct.unpack("<2f", base64.b64decode(packed["data"][0]["embedding"])) == (0.5, 1.0)


@pytest.mark.parametrize(
    ("value", "path", "more"),
    [
        (7, "/v1/chat/completions", {}),
        ([], "/v1/chat/completions", {}),
        ("text", "/v1/embeddings", {}),
        ([["a"]], "/v1/embeddings", {"encoding_format": "base64"}),
        ("text", "/v1/files", {}),
        ({"a": object()}, "/v1/chat/completions", {}),
        ({"a": 1}, "/v1/chat/completions", {"stream": True}),
    ],
)
def test_what_is_no_answer(value: object, path: str, more: dict[str, Any]) -> None:
    with pytest.raises(UpstreamError) as caught:
        answered(returning(value), path, **more)
    assert caught.value.kind == "other"


@pytest.mark.parametrize(
    ("error", "kind"), [(ValueError("secret"), "other"), (TimeoutError(), "timeout"), (ConnectionError(), "connection")]
)
def test_an_error_is_told_by_its_kind_alone(error: Exception, kind: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        answered(raising(error))
    assert caught.value.kind == kind
    assert "secret" not in caught.value.message


def test_no_answer_in_time() -> None:
    async def answer(body: Mapping[str, Any]) -> object:
        return await asyncio.Event().wait()

    with pytest.raises(UpstreamError, match="did not answer in time"):
        asyncio.run(ask(function_upstream(answer), timeout_s=0.01))


def test_a_body_that_is_no_json() -> None:
    reply = asyncio.run(returning("x").open(sent(body=b"no"), None))
    assert (reply.status, json.loads(reply.body)["error"]["code"]) == (400, "no_json")


def test_name_models_and_close() -> None:
    upstream = function_upstream(lambda body: asyncio.sleep(0, "x"), name="mine", models=("m",))
    asyncio.run(upstream.close())
    assert (upstream.name, upstream.models) == ("mine", ("m",))


def test_inputs_of_many_requests_run_together() -> None:
    batches: list[list[Any]] = []

    def predict(texts: list[Any]) -> list[list[float]]:
        batches.append(texts)
        return [[float(len(text))] for text in texts]

    async def main() -> list[Any]:
        async with AdaptiveBatcher(predict, max_wait_s=60.0, max_batch_size=5, inline_below_s=0) as batcher:
            upstream = batcher_upstream(batcher)
            inputs: list[Any] = [["a", "bb", "ccc"], "dddd", [1, 2, 3, 4, 5]]
            return await asyncio.gather(*(ask(upstream, "/v1/embeddings", input=each) for each in inputs))

    found = [[each["embedding"] for each in json.loads(raw)["data"]] for _, raw in asyncio.run(main())]
    assert found == [[[1.0], [2.0], [3.0]], [[4.0]], [[5.0]]]
    assert [len(batch) for batch in batches] == [5]


def test_a_chat_reaches_a_batcher_whole() -> None:
    def first_messages(bodies: list[Any]) -> list[Any]:
        return [body["messages"][0] for body in bodies]

    async def main() -> bytes:
        async with AdaptiveBatcher(first_messages) as batcher:
            return (await ask(batcher_upstream(batcher), messages=["hello"]))[1]

    assert json.loads(asyncio.run(main()))["choices"][0]["message"]["content"] == "hello"


def test_a_queue_that_is_full_says_when_to_come_back() -> None:
    release = threading.Event()

    def predict(texts: list[Any]) -> list[str]:
        release.wait(30)
        return ["x"] * len(texts)

    async def main() -> UpstreamReply:
        batcher = AdaptiveBatcher(predict, max_batch_size=1, max_queue=1, inline_below_s=0)
        async with batcher:
            upstream = batcher_upstream(batcher)
            try:
                reply, _ = await ask(upstream, "/v1/embeddings", input=["a", "b", "c"])
            finally:
                release.set()
            return reply

    reply = asyncio.run(main())
    assert reply.status == 503
    assert int(dict(reply.headers)[b"retry-after"]) >= 1


def test_a_pipeline_answers_and_its_deadline_is_a_time_out() -> None:
    budget = LatencyBudget(60.0)

    @budget.stage
    async def found(request: Mapping[str, Any]) -> str:
        return f"{request['model']}?"

    @budget.stage
    async def said(found: str) -> str:
        return found * 2

    assert answered(budget_upstream(budget))["choices"][0]["message"]["content"] == "m?m?"
    late = LatencyBudget(0.01)

    @late.stage
    async def waits(request: Mapping[str, Any]) -> None:
        await asyncio.Event().wait()

    with pytest.raises(UpstreamError, match="in time"):
        answered(budget_upstream(late))


def test_a_stage_that_fails_is_named_by_its_error() -> None:
    budget = LatencyBudget(60.0)

    @budget.stage
    async def said(request: Mapping[str, Any]) -> str:
        raise KeyError(request["model"])

    with pytest.raises(UpstreamError, match="raised KeyError"):
        answered(budget_upstream(budget))
