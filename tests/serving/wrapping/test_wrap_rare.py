"""What happens seldom: answers that come in between two looks, streams without their last line, waits for a route."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import APIConnectionError, AsyncOpenAI, OpenAI

from llmopt.serving.cache.entry import Entry
from llmopt.serving.cache.stores.memory import MemoryStore
from llmopt.serving.gateway.values import Metered
from llmopt.serving.mock_upstream.behaviour import Behaviour
from llmopt.serving.wrapping.http_library import http_client_in
from llmopt.serving.wrapping.wrap import wrap
from tests.serving.wrapping.clients import ASKED, MODEL, Wrapped

ASK: Any = {"model": MODEL, "messages": ASKED, "temperature": 0}
CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
SAID = {**CHUNK, "choices": [{"index": 0, "delta": {"content": "Paris"}, "finish_reason": "stop"}]}
TORN = f"data: {json.dumps(SAID)}\n\ndata: [DONE]".encode()
"""A stream whose last event lacks the blank line that ends it."""


def test_an_answer_that_came_in_since_the_first_look_is_used(world: Wrapped) -> None:
    class Slow(MemoryStore):
        """Between the first look of one caller and its call, another one asks the same and is answered."""

        looks = 0

        def get(self, key: str, now_s: float) -> Entry | None:
            Slow.looks += 1
            found = super().get(key, now_s)
            if Slow.looks == 1:
                client.chat.completions.create(**ASK)
            return found

    with world.openai(cache=Slow()) as client:
        assert client.chat.completions.create(**ASK).choices
    assert world.calls == 1
    assert [each.cache for each in world.noted] == ["miss", "hit"]


def test_a_stored_answer_without_a_stream_form_is_asked_for_anew() -> None:
    noted: list[Metered] = []
    http = httpx2.Client(transport=httpx2.MockTransport(lambda _: httpx2.Response(200, json={"odd": 1})))
    with wrap(OpenAI(api_key="k", http_client=http), cache=True, log=noted.append) as client:
        for more in ({}, {}, {"stream": True}):
            client.post("/chat/completions", body={**ASK, **more}, cast_to=object)
    assert [each.cache for each in noted] == ["miss", "hit", "miss"]


def torn(request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=iter_of(TORN))


class iter_of(httpx2.SyncByteStream, httpx2.AsyncByteStream):  # noqa: N801 - reads as a function
    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces

    def __iter__(self) -> Any:
        return iter(self.pieces)

    async def __aiter__(self) -> Any:
        for each in self.pieces:
            yield each


def test_the_last_event_of_a_stream_may_lack_its_end() -> None:
    noted: list[Metered] = []
    client = OpenAI(api_key="k", http_client=httpx2.Client(transport=httpx2.MockTransport(torn)))
    with wrap(client, log=noted.append) as wrapped:
        http = http_client_in(wrapped).client
        with http.stream("POST", "http://test/v1/chat/completions", json={**ASK, "stream": True}) as response:
            assert response.read() == TORN
    assert [(each.status, each.error) for each in noted] == [(200, "")]


async def _torn() -> list[Metered]:
    noted: list[Metered] = []
    client = AsyncOpenAI(api_key="k", http_client=httpx2.AsyncClient(transport=httpx2.MockTransport(torn)))
    async with http_client_in(wrap(client, log=noted.append)).client as http:
        request = http.build_request("POST", "http://test/v1/chat/completions", json={**ASK, "stream": True})
        response = await http.send(request, stream=True)
        assert await response.aread() == TORN
    assert client.is_closed()
    return noted


def test_the_same_in_an_event_loop() -> None:
    assert [(each.status, each.error) for each in asyncio.run(_torn())] == [(200, "")]


def test_a_whole_answer_that_breaks_while_it_is_streamed_raw(world: Wrapped) -> None:
    world.mock.behaviour = Behaviour(die_after=1)
    with (
        world.openai() as client,
        pytest.raises((APIConnectionError, httpx2.RemoteProtocolError)),
        client.chat.completions.with_streaming_response.create(**ASK) as response,
    ):
        response.read()
    assert (world.last.status, world.last.error) == (200, "connection")


WAITING = """
default = "one"

[routes]
one = "gpt-4o"

[fallback]
max_wait_s = 5
"""


@pytest.mark.parametrize("waits", [False, True], ids=["thread", "loop"])
def test_a_route_that_asks_for_a_rest_gets_it(world: Wrapped, tmp_path: Path, waits: bool) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(WAITING)
    world.mock.behaviour = Behaviour(fail_first=1, status=429, retry_after="0.02")
    if waits:
        asyncio.run(_waited(world, policy))
    else:
        with world.openai(router=policy) as client:
            assert client.chat.completions.create(**ASK).choices
    assert [(each.status, each.attempts) for each in world.noted] == [(200, 2)]


async def _waited(world: Wrapped, policy: Path) -> None:
    async with world.async_openai(router=policy, compress="lossless") as client:
        assert (await client.chat.completions.create(**ASK)).choices
