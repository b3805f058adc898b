"""What stands between SDK and server stays as it was: HTTP clients of the user's, packed answers, other ways to ask."""

from __future__ import annotations

import asyncio
import copy
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI, AzureOpenAI, OpenAI

from llmopt.serving.gateway.values import Metered
from llmopt.serving.wrapping.http_library import http_client_in
from llmopt.serving.wrapping.wrap import wrap
from tests.serving.wrapping.clients import ASKED, MODEL, Wrapped, text_of

ASK: Any = {"model": MODEL, "messages": ASKED, "temperature": 0}
WHOLE = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": MODEL,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Pàris"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30},
}
DELTAS: tuple[dict[str, Any], ...] = ({"role": "assistant", "content": ""}, {"content": "Pà"}, {"content": "ris"}, {})


def events() -> bytes:
    """Return a stream of events, in the form of a server that puts a carriage return at the end of its lines."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    ends = [None] * (len(DELTAS) - 1) + ["stop"]
    chunks: list[dict[str, Any]] = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]}
        for delta, end in zip(DELTAS, ends, strict=True)
    ]
    chunks.append({**head, "choices": [], "usage": WHOLE["usage"]})
    lines = [f"data: {json.dumps(chunk, ensure_ascii=False)}\r\n\r\n" for chunk in chunks]
    return ("".join(lines) + "data: [DONE]\r\n\r\n").encode()


def packed(request: httpx2.Request) -> httpx2.Response:
    """Answer as a server does that packs."""
    stream = json.loads(request.content).get("stream")
    kind = "text/event-stream" if stream else "application/json"
    body = gzip.compress(events() if stream else json.dumps(WHOLE).encode())
    headers = {"content-type": kind, "content-encoding": "gzip", "x-request-id": "req-1", "cache-control": "no-cache"}
    return httpx2.Response(200, headers=headers, content=body)


def client_over(handler: Any, noted: list[Metered], **parts: Any) -> OpenAI:
    http = httpx2.Client(transport=httpx2.MockTransport(handler))
    client = OpenAI(api_key="k", base_url="http://test/v1", http_client=http, max_retries=0)
    return wrap(client, log=noted.append, **parts)


def test_packed_answers_are_read() -> None:
    noted: list[Metered] = []
    with client_over(packed, noted, cache=True) as client:
        stream = client.chat.completions.create(**ASK, stream=True)
        assert stream.response.headers["x-request-id"] == "req-1"
        assert text_of(stream) == "Pàris"
        whole = client.chat.completions.with_raw_response.create(**ASK)
        other = client.chat.completions.with_raw_response.create(**{**ASK, "seed": 1})
    assert whole.headers["x-llmopt-cache"] == "hit"
    assert whole.parse().choices[0].message.content == other.parse().choices[0].message.content == "Pàris"
    assert [(each.cache, each.usage_from) for each in noted] == [
        ("miss", "billed"),
        ("hit", "none"),
        ("miss", "billed"),
    ]


async def _packed() -> list[Metered]:
    noted: list[Metered] = []
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(packed))
    client = AsyncOpenAI(api_key="k", base_url="http://test/v1", http_client=http)
    async with wrap(client, log=noted.append, cache=True) as wrapped:
        for _ in range(2):
            stream = await wrapped.chat.completions.create(**ASK, stream=True)
            assert "".join([c.choices[0].delta.content or "" async for c in stream if c.choices]) == "Pàris"
    return noted


def test_packed_answers_in_an_event_loop() -> None:
    assert [each.cache for each in asyncio.run(_packed())] == ["miss", "hit"]


class Endless(httpx2.AsyncByteStream):
    """All events of a stream, but never the end of the body."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield events()
        await asyncio.get_running_loop().create_future()


async def _endless() -> list[Metered]:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Endless())

    noted: list[Metered] = []
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    client = AsyncOpenAI(api_key="k", base_url="http://test/v1", http_client=http)
    async with wrap(client, log=noted.append, cache=True) as wrapped:
        for _ in range(2):
            stream = await wrapped.chat.completions.create(**ASK, stream=True)
            assert "".join([c.choices[0].delta.content or "" async for c in stream if c.choices]) == "Pàris"
    return noted


def test_a_stream_is_whole_when_its_last_event_is_there() -> None:
    noted = asyncio.run(_endless())
    assert [(each.cache, each.status, each.error) for each in noted] == [("miss", 200, ""), ("hit", 200, "")]


@pytest.mark.parametrize("said", ["no-store", "private", "max-age=0"])
def test_a_server_may_say_that_its_answer_is_not_to_be_kept(said: str) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"cache-control": said}, json=WHOLE)

    noted: list[Metered] = []
    with client_over(answer, noted, cache=True) as client:
        for _ in range(2):
            client.chat.completions.create(**ASK)
    assert [each.cache for each in noted] == ["miss", "miss"]


def test_hooks_and_headers_of_the_users_http_client_are_kept(world: Wrapped) -> None:
    seen: list[str] = []
    hooks = {"request": [lambda request: seen.append(request.url.path)], "response": [lambda _: seen.append("back")]}
    http = httpx2.Client(headers={"x-of-mine": "1"}, event_hooks=hooks, timeout=17.0)
    client = wrap(OpenAI(api_key="k", base_url=world.mock.url, http_client=http), cache=True)
    assert client.timeout == 17.0 or client.timeout == httpx2.Timeout(17.0)
    with client:
        client.chat.completions.create(**ASK)
        client.chat.completions.create(**ASK)
    assert seen == ["/v1/chat/completions", "back"]
    assert world.mock.requests[-1].header("x-of-mine") == "1"


def test_the_http_client_shows_what_the_one_behind_it_has(world: Wrapped) -> None:
    plain = world.plain(timeout_s=17.0)
    inner, front = http_client_in(plain), http_client_in(wrap(plain))
    assert isinstance(front.client, httpx2.Client)
    assert front.client.base_url == inner.client.base_url
    assert front.client.timeout == inner.client.timeout
    assert not hasattr(front.client, "no_such_thing")
    assert copy.copy(front.client).timeout == inner.client.timeout
    with front.client as entered:
        assert entered.get(f"{world.mock.root}/any").status_code == 200
    assert inner.client.is_closed


def test_wrapped_twice_is_as_good(world: Wrapped) -> None:
    inner = world.openai(cache=True)
    with wrap(inner, log=world.noted.append) as outer:
        for stream in (False, True):
            answer: Any = outer.chat.completions.create(**ASK, stream=stream)
            if stream:
                assert text_of(answer) == "Hello from the mock upstream"
    assert [each.cache for each in world.noted] == ["miss", "bypass", "hit", "bypass"]


def test_azure_names_the_model_in_the_path() -> None:
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(200, json=WHOLE)

    noted: list[Metered] = []
    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    azure = AzureOpenAI(api_key="k", azure_endpoint="http://test", api_version="2024-10-21", http_client=http)
    from llmopt.serving.routing.policy import load_policy

    with wrap(azure, router=load_policy().with_models(cheap="x", strong="y"), cache=True, log=noted.append) as client:
        for _ in range(2):
            client.chat.completions.create(**ASK)
    assert asked[0].url.path == f"/openai/deployments/{MODEL}/chat/completions"
    assert [json.loads(each.content)["model"] for each in asked] == [MODEL]
    assert [each.cache for each in noted] == ["miss", "hit"]


def test_uploads_pass_through(world: Wrapped) -> None:
    with world.openai(cache=True, compress="safe") as client:
        client.post("/files", body={"purpose": "x"}, files={"file": ("a.txt", b"abc")}, cast_to=object)
    assert b"abc" in world.mock.requests[0].body
    assert world.noted == []


@pytest.mark.parametrize("body", [b"{bad", b"[]", b'{"a":1,"a":2}', b"\xff", b""], ids=str)
def test_what_cannot_be_read_is_the_servers_to_refuse(world: Wrapped, body: bytes) -> None:
    with world.openai(cache=True, compress="safe") as client:
        http = http_client_in(client).client
        http.post(f"{world.mock.url}/chat/completions", content=body)
        http.post(f"{world.mock.url}/chat/completions", content=iter([body]))
    assert [each.body for each in world.mock.requests] == [body, body]


def test_redirects_are_followed_as_before(world: Wrapped) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/v1/chat/completions":
            return httpx2.Response(307, headers={"location": "http://test/v2/chat/completions"})
        return httpx2.Response(200, json=WHOLE)

    noted: list[Metered] = []
    http = httpx2.Client(transport=httpx2.MockTransport(answer), follow_redirects=True)
    client = wrap(OpenAI(api_key="k", base_url="http://test/v1", http_client=http), log=noted.append)
    with client:
        assert client.chat.completions.create(**ASK).choices
    assert [each.status for each in noted] == [200]
