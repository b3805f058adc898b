"""Calls, and upstreams that answer under the test's hands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from llmopt.serving.cache.cache import ResponseCache
from llmopt.serving.cache.stores.memory import MemoryStore
from llmopt.serving.cache.streams import reply_of
from llmopt.serving.gateway.caching.asked import Identity
from llmopt.serving.gateway.caching.cache_step import CacheStep
from llmopt.serving.gateway.call import Call, Source
from llmopt.serving.gateway.streams.usage_frame import asks_usage
from llmopt.serving.gateway.values import Api, Caller, Headers, Incoming, Metered

PATIENCE_S = 30.0
BODY = {"model": "m", "temperature": 0, "messages": [{"role": "user", "content": "?"}]}
EVENTS = ((b"content-type", b"text/event-stream"),)
JSON = ((b"content-type", b"application/json"),)


def answer(text: str = "hi") -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return json.dumps({"id": "c", "object": "chat.completion", "model": "m", "choices": [choice]}).encode()


def chunk(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return b"data: %b\n\n" % json.dumps({"id": "c", "model": "m", "choices": [choice]}).encode()


DONE = b"data: [DONE]\n\n"


def call_of(
    body: dict[str, Any] | None = None,
    *,
    headers: Headers = (),
    tenant: str = "acme",
    path: str = "/v1/chat/completions",
    query: str = "",
    api: Api = Api.CHAT,
    within_s: float = PATIENCE_S,
) -> Call:
    """Return a call as the pipeline makes it; within an event loop."""
    body = BODY if body is None else body
    raw = json.dumps(body).encode()
    return Call(
        Incoming("POST", path, query, headers, raw, api),
        Caller(tenant),
        Metered("req_1", api, 0.0, tenant=tenant),
        asyncio.get_running_loop().time() + within_s,
        body,
        str(body.get("model", "")),
        body.get("stream") is True,
        asks_usage(body),
    )


def stage(*, sampled: bool = False, identity: str = "gateway", headers: frozenset[bytes] = frozenset()) -> CacheStep:
    """Return the cache stage over a store in memory."""
    return CacheStep(ResponseCache(MemoryStore(), cache_sampled=sampled), Identity(identity, headers))


@dataclass
class Live:
    """A stream that goes on as the test says; a `Source`."""

    headers: Headers = EVENTS
    status: int = 200
    body: bytes | None = None
    whole: bytes | None = None
    closed: bool = False
    sent: list[bytes] = field(default_factory=list)
    ended: Callable[[], Any] | None = None
    more: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield what the test sends."""
        while (piece := await self.more.get()) is not None:
            self.sent.append(piece)
            yield piece
        reply = reply_of(self.sent)
        self.whole = reply.body if reply.complete else None
        if self.ended is not None:
            await self.ended()

    def close(self) -> None:
        """Take note."""
        self.closed = True

    def send(self, *pieces: bytes | None) -> None:
        """Send pieces; None ends the stream."""
        for piece in pieces:
            self.more.put_nowait(piece)


@dataclass
class Whole:
    """A whole answer; a `Source`."""

    body: bytes | None
    status: int = 200
    headers: Headers = JSON
    closed: bool = False

    @property
    def whole(self) -> bytes | None:
        """The same."""
        return self.body

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield it."""
        if self.body:
            yield self.body

    def close(self) -> None:
        """Take note."""
        self.closed = True


@dataclass
class Origin:
    """Asks an upstream that the test holds in its hands."""

    step: CacheStep
    text: str = "hi"
    usd: Decimal | None = Decimal("0.25")
    status: int = 200
    cache_control: bytes = b""
    calls: list[Call] = field(default_factory=list)
    cancelled: int = 0
    error: BaseException | None = None
    lives: list[Live] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """Answers wait for it."""

    def __post_init__(self) -> None:
        self.gate.set()

    async def __call__(self, call: Call) -> Source:
        """Answer, in the form that the call wants."""
        self.calls.append(call)
        call.told.append((b"x-llmopt-route", b"cheap"))
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        call.metered.cost_usd, call.metered.answered_model = self.usd, "m-1"
        more = ((b"cache-control", self.cache_control),) if self.cache_control else ()
        if call.streamed and self.status == 200:
            live = Live((*EVENTS, *more))
            live.ended = lambda: self._kept(call, live.whole, streamed=True)
            self.lives.append(live)
            return live
        await self._kept(call, answer(self.text), streamed=False)
        return Whole(answer(self.text), self.status, (*JSON, *more))

    async def _kept(self, call: Call, whole: bytes | None, *, streamed: bool) -> None:
        if whole is not None:
            said = self.cache_control.decode()
            await self.step.keep(
                call, body=whole, status=self.status, cache_control=said, usd=self.usd, streamed=streamed
            )


async def text_of(source: Source) -> bytes:
    """Return all that goes to a client."""
    async with asyncio.timeout(PATIENCE_S):
        return source.body if source.body is not None else b"".join([piece async for piece in source.pieces()])


async def until(happened: Callable[[], bool]) -> None:
    """Let the loop go on until something has happened."""
    async with asyncio.timeout(PATIENCE_S):
        while not happened():
            await asyncio.sleep(0.001)
