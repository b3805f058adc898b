"""Wrapped clients of anthropic: cached, metered, and otherwise as before."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from anthropic import APIConnectionError, RateLimitError

from llmopt.serving.mock_upstream.behaviour import Behaviour
from tests.serving.wrapping.clients import ASKED, CLAUDE, KEPT, Wrapped

ASK: Any = {"model": CLAUDE, "max_tokens": 64, "messages": ASKED, "extra_headers": KEPT}


def test_stream_and_whole_share_an_answer(world: Wrapped) -> None:
    with world.anthropic(cache=True) as client:
        with client.messages.stream(**ASK) as stream:
            streamed = stream.get_final_message()
        whole = client.messages.create(**ASK)
        again = list(client.messages.create(**ASK, stream=True))
    assert whole.model_dump() == streamed.model_dump(exclude={"content": {0: {"parsed_output"}}})
    assert again[0].type == "message_start"
    assert again[-1].type == "message_stop"
    assert world.calls == 1
    assert [each.cache for each in world.noted] == ["miss", "hit", "hit"]
    cost = world.noted[0].cost_usd
    assert cost is not None
    assert cost > 0
    assert [each.saved_usd for each in world.noted] == [{}, {"cache": cost}, {"cache": cost}]


def test_errors_are_the_sdks_own(world: Wrapped) -> None:
    world.mock.behaviour = Behaviour(status=429, retry_after="7")
    with world.anthropic(cache=True) as client, pytest.raises(RateLimitError) as caught:
        client.messages.create(**ASK)
    assert caught.value.response.headers["retry-after"] == "7"
    assert (world.last.status, world.last.error, world.last.cost_usd) == (429, "overloaded", Decimal(0))


def test_a_stream_that_is_left_tells_what_its_begin_had_billed(world: Wrapped) -> None:
    world.mock.behaviour = Behaviour(chunks=50, gap_s=0.1, input_tokens=33)
    with world.anthropic(cache=True) as client, client.messages.create(**ASK, stream=True) as stream:
        for event in stream:
            if event.type == "content_block_delta":
                break
    assert (world.last.status, world.last.error) == (499, "aborted")
    assert world.last.usage is not None
    assert world.last.usage.input_tokens == 33
    assert world.mock.wait_for(lambda stats: stats.cancelled == 1)


def test_a_stream_that_breaks(world: Wrapped) -> None:
    world.mock.behaviour = Behaviour(die_after=3)
    with world.anthropic(cache=True) as client, pytest.raises((APIConnectionError, OSError, Exception)) as caught:
        list(client.messages.create(**ASK, stream=True))
    assert "incomplete" in repr(caught.value) or "closed" in repr(caught.value) or "Protocol" in repr(caught.value)
    assert world.last.error == "connection"


async def _stream_and_whole(world: Wrapped) -> None:
    async with world.async_anthropic(cache=True) as client:
        async with client.messages.stream(**ASK) as stream:
            streamed = await stream.get_final_text()
        whole = await client.messages.create(**ASK)
        with_raw = await client.messages.with_raw_response.create(**ASK)
        assert whole.content[0].to_dict()["text"] == streamed == "Hello from the mock upstream"
        assert with_raw.headers["x-llmopt-cache"] == "hit"


def test_async_clients(world: Wrapped) -> None:
    asyncio.run(_stream_and_whole(world))
    assert world.calls == 1


async def _left(world: Wrapped) -> None:
    async with world.async_anthropic() as client:
        stream = await client.messages.create(**ASK, stream=True)
        async for _ in stream:
            break
        await stream.close()


def test_an_async_stream_that_is_left(world: Wrapped) -> None:
    world.mock.behaviour = Behaviour(chunks=50, gap_s=0.1)
    asyncio.run(_left(world))
    assert (world.last.status, world.last.error, world.last.cache) == (499, "aborted", "bypass")
    assert world.mock.wait_for(lambda stats: stats.cancelled == 1)
