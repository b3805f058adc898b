"""Gateways that share a Redis server, and the real client on what they stored."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest

from llmopt.serving.gateway.config.settings import CacheSettings, GatewayConfig, UpstreamSettings
from llmopt.serving.mock_upstream.server import MockUpstream
from tests.serving.cache.valkey import Valkey, program
from tests.serving.gateway.running import PATIENCE_S, Running, gateway


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Valkey]:
    program()  # skips where there is none
    with Valkey(tmp_path) as started:
        yield started


def config(mock: MockUpstream, server: Valkey) -> GatewayConfig:
    return GatewayConfig((UpstreamSettings(mock.url),), cache=CacheSettings(server.url))


async def asked(running: list[Running], count: int, text: str) -> Counter[str]:
    """Ask the same many times at once, half of it as streams; return where the answers came from."""

    async def one(number: int) -> str:
        gone = clients[number % len(clients)].chat.completions.with_streaming_response.create(
            model="gpt-4o-mini",
            messages=[{"role": "user", "content": text}],
            temperature=0,
            stream=number % 4 < 2,
            extra_headers={"x-mock-latency_s": "0.2"},
        )
        async with gone as response:
            assert b"hello" in (await response.read()).lower()
            return str(response.headers["x-llmopt-cache"])

    clients = [openai.AsyncOpenAI(base_url=each.url, api_key="sk-a", max_retries=0) for each in running]
    try:
        return Counter(await asyncio.gather(*(one(number) for number in range(count))))
    finally:
        for client in clients:
            await client.close()


def test_two_gateways_ask_once(mock: MockUpstream, server: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    from llmopt.serving.cache.stores.redis import RedisStore

    # A server on a machine that is busy may take longer than the time that answers in production have.
    monkeypatch.setitem(RedisStore.__init__.__kwdefaults__ or {}, "timeout_s", PATIENCE_S)
    with gateway(config(mock, server)) as one, gateway(config(mock, server)) as two:
        calls = mock.stats.calls
        found = asyncio.run(asked([one, two], 120, "at once, on two machines"))
        assert mock.stats.calls == calls + 1
        assert found["miss"] == 1
        again = asyncio.run(asked([two, one], 8, "at once, on two machines"))
        assert again.total() == 8
        assert again["miss"] == 0
        assert mock.stats.calls == calls + 1


def test_server_that_hangs_and_dies_costs_calls_and_no_answer(mock: MockUpstream, server: Valkey) -> None:
    with gateway(config(mock, server)) as one, gateway(config(mock, server)) as two:
        server.stand_still()
        try:
            assert asyncio.run(asked([one, two], 16, "it hangs")).total() == 16
        finally:
            server.go_on()
        server.kill()
        assert asyncio.run(asked([one, two], 16, "it is gone")).total() == 16
        server.start()
        assert asyncio.run(asked([one, two], 16, "it is back")).total() == 16


def test_stream_from_the_store_says_what_the_live_one_said(mock: MockUpstream) -> None:
    live_config = replace(GatewayConfig((UpstreamSettings(mock.url),)), cache=CacheSettings())
    with gateway(live_config) as running, openai.OpenAI(base_url=running.url, api_key="sk", max_retries=0) as client:
        live, stored = (said(client) for _ in range(2))
    assert (live["cache"], stored["cache"]) == ("miss", "hit")
    for name in ("text", "reasoning", "calls", "finish", "usage", "role"):
        assert stored[name] == live[name], name
    assert live["calls"]
    assert live["reasoning"]
    assert live["usage"] is not None


def said(client: openai.OpenAI) -> dict[str, Any]:
    """Return all that a stream says, added up."""
    found: dict[str, Any] = {"text": "", "reasoning": "", "calls": {}, "finish": None, "usage": None, "role": None}
    response = client.chat.completions.with_raw_response.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": "everything at once"}],
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
        extra_headers={"x-mock-tool_calls": "2", "x-mock-reasoning": "3"},
    )
    found["cache"] = response.headers["x-llmopt-cache"]
    for chunk in response.parse():
        found["usage"] = chunk.usage or found["usage"]
        for choice in chunk.choices:
            delta = choice.delta
            found["role"] = delta.role or found["role"]
            found["finish"] = choice.finish_reason or found["finish"]
            found["text"] += delta.content or ""
            found["reasoning"] += getattr(delta, "reasoning_content", None) or ""
            for call in delta.tool_calls or []:
                name, arguments = found["calls"].get(call.index, ("", ""))
                function = call.function
                found["calls"][call.index] = (
                    name + ((function and function.name) or ""),
                    arguments + ((function and function.arguments) or ""),
                )
    return found
