"""A client that goes away cancels the upstream's work at once, and a client that stays never notices."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from decimal import Decimal
from typing import Any

import pytest

from llmopt.serving.gateway.building import gateway_app
from llmopt.serving.gateway.config.settings import GatewayConfig, Times, UpstreamSettings
from llmopt.serving.gateway.values import Metered
from llmopt.serving.mock_upstream.server import MockUpstream
from tests.serving.gateway.running import PATIENCE_S, Running, gateway, until
from tests.serving.gateway.wire import CHAT, Wire, ask, request

HANGS: dict[str, dict[str, Any]] = {
    "head": {**CHAT, "model": "mock-hang-head"},
    "head-of-stream": {**CHAT, "model": "mock-hang-head", "stream": True},
    "body": {**CHAT, "model": "mock-hang-body"},
    "stream": {**CHAT, "model": "mock-gap_s-60", "stream": True},
    "cached": {**CHAT, "model": "mock-hang-head", "temperature": 0},
    "cached-stream": {**CHAT, "model": "mock-gap_s-60", "stream": True, "temperature": 0},
}


@pytest.fixture(scope="module")
def cached(mock: MockUpstream) -> Any:
    """A gateway with a cache."""
    with gateway(GatewayConfig((UpstreamSettings(mock.url),))) as running:
        yield running


@pytest.mark.parametrize("hang", HANGS)
@pytest.mark.parametrize("cache", [False, True], ids=["plain", "cache"])
def test_who_leaves_cancels_the_upstream(
    plain: Running, cached: Running, mock: MockUpstream, hang: str, cache: bool
) -> None:
    running = cached if cache else plain
    before = mock.stats.cancelled
    opened = mock.stats.calls
    with Wire(running.root) as wire:
        wire.send(request(body=HANGS[hang]))
        assert mock.wait_for(lambda stats: stats.calls > opened)
        if hang.endswith("stream") and not hang.startswith("head"):
            assert wire.answer_begun() == 200
    assert mock.wait_for(lambda stats: stats.cancelled > before)
    until(lambda: running.app.intake.requests == 0)


def test_who_leaves_is_metered_as_499(mock: MockUpstream) -> None:
    noted: list[Metered] = []
    with gateway(GatewayConfig((UpstreamSettings(mock.url),), cache=None)) as running:
        running.app.observe(noted.append)
        with Wire(running.root) as wire:
            wire.send(request(body=HANGS["stream"]))
            wire.answer_begun()
        until(lambda: bool(noted))
    (metered,) = noted
    assert (metered.status, metered.error) == (499, "aborted")
    assert metered.attempts == 1
    assert metered.response_bytes > 0


def test_what_goes_on_for_others_is_billed_once_to_who_began_it(mock: MockUpstream) -> None:
    noted: list[Metered] = []
    body = {**CHAT, "model": "gpt-4o-mini", "temperature": 0, "stream": True}
    slow = {"x-mock-gap_s": "0.2", "x-mock-chunks": "3"}
    with gateway(GatewayConfig((UpstreamSettings(mock.url),))) as running:
        running.app.observe(noted.append)
        calls = mock.stats.calls
        with Wire(running.root) as first, Wire(running.root) as second:
            first.send(request(body=body, headers=slow))
            assert first.answer_begun() == 200
            second.send(request(body=body, headers=slow))
            assert second.answer_begun() == 200
            first.line.close()
            assert second.stream_to_its_end().endswith(b"data: [DONE]\n\n")
        until(lambda: len(noted) == 2)
        assert mock.stats.calls == calls + 1
    by_cache = {metered.cache: metered for metered in noted}
    assert (by_cache["miss"].status, by_cache["miss"].error) == (499, "aborted")
    assert by_cache["miss"].usage_from == "billed"
    assert (by_cache["miss"].cost_usd or 0) > 0
    assert (by_cache["shared"].status, by_cache["shared"].error) == (200, "")
    assert by_cache["shared"].cost_usd == Decimal(0)
    assert by_cache["shared"].saved_usd["cache"] == by_cache["miss"].cost_usd


def test_who_shuts_down_only_one_side_still_counts_as_gone(plain: Running, mock: MockUpstream) -> None:
    before = mock.stats.cancelled
    opened = mock.stats.calls
    with Wire(plain.root) as wire:
        wire.send(request(body=HANGS["head"]))
        assert mock.wait_for(lambda stats: stats.calls > opened)
        wire.line.shutdown(1)
        assert mock.wait_for(lambda stats: stats.cancelled > before)


def test_who_leaves_with_a_second_request_sent_cancels_the_first(plain: Running, mock: MockUpstream) -> None:
    before, opened = mock.stats.cancelled, mock.stats.calls
    with Wire(plain.root) as wire:
        wire.send(request(body=HANGS["stream"]) + request(body=CHAT))
        assert mock.wait_for(lambda stats: stats.calls > opened)
        wire.answer_begun()
    assert mock.wait_for(lambda stats: stats.cancelled > before)


def test_who_leaves_while_sending_ends_nothing_else(plain: Running) -> None:
    with Wire(plain.root) as wire:
        wire.send(request(headers={"content-length": "1000"}, length=False) + b'{"model"')
        until(lambda: plain.app.intake.requests == 1)
    until(lambda: plain.app.intake.requests == 0)
    assert plain.app.intake.bodies_bytes == 0
    assert ask(plain.root, body=CHAT).status == 200


def test_who_does_not_read_is_cut(mock: MockUpstream) -> None:
    times = Times(idle_s=0.5)
    body = {**CHAT, "model": "mock-chunks-200000-burst-1", "stream": True}
    before = mock.stats.cancelled
    with gateway(GatewayConfig((UpstreamSettings(mock.url),), times=times, cache=None)) as running:
        with Wire(running.root) as wire:
            wire.send(request(body=body))
            assert mock.wait_for(lambda stats: stats.cancelled > before)
        until(lambda: running.app.intake.requests == 0)


async def _under_another_server(mock: MockUpstream, leave: bool) -> tuple[list[MutableMapping[str, Any]], int]:
    """Run the application as any ASGI server does, which tells only who asks that the client has gone."""
    app = gateway_app(GatewayConfig((UpstreamSettings(mock.url),), cache=None))
    sent: list[MutableMapping[str, Any]] = []
    body = json.dumps(HANGS["head"] if leave else CHAT).encode()
    incoming: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
    incoming.put_nowait({"type": "http.request", "body": body, "more_body": False})

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    before, calls = mock.stats.cancelled, mock.stats.calls
    path = b"/v1/chat/completions"
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": path.decode(), "raw_path": path}
    scope |= {"query_string": b"", "headers": []}
    task = asyncio.create_task(app(scope, incoming.get, send))
    assert await mock.until(lambda stats: stats.calls > calls)
    if leave:
        incoming.put_nowait({"type": "http.disconnect"})
    async with asyncio.timeout(PATIENCE_S):
        await task
    if leave:
        assert await mock.until(lambda stats: stats.cancelled > before)
    await app.close()
    return sent, app.intake.requests


@pytest.mark.parametrize("leave", [False, True], ids=["stays", "leaves"])
def test_any_asgi_server_will_do(mock: MockUpstream, leave: bool) -> None:
    sent, requests = asyncio.run(_under_another_server(mock, leave))
    assert requests == 0
    assert [message["type"] for message in sent] == ([] if leave else ["http.response.start", "http.response.body"])


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/files"])
def test_no_piece_of_a_body_is_lost_under_any_server(mock: MockUpstream, path: str) -> None:
    pieces = [json.dumps(CHAT).encode(), *[b" " * 1000] * 20]

    async def upload() -> None:
        app = gateway_app(GatewayConfig((UpstreamSettings(mock.url),), cache=None))
        incoming: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()

        async def send(_: MutableMapping[str, Any]) -> None:
            """Nobody looks at the answer."""

        scope: dict[str, Any] = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode()}
        scope |= {"query_string": b"", "headers": [(b"transfer-encoding", b"chunked")]}
        task = asyncio.create_task(app(scope, incoming.get, send))
        for piece in pieces:
            incoming.put_nowait({"type": "http.request", "body": piece, "more_body": True})
            await asyncio.sleep(0.001)
        incoming.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        async with asyncio.timeout(PATIENCE_S):
            await task
        await app.close()

    asyncio.run(upload())
    assert mock.requests[-1].body == b"".join(pieces)
