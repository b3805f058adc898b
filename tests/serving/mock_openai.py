"""An OpenAI-compatible server for tests, in a thread of its own: as slow, as busy and as broken as a test wants."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

JOIN_S = 30.0


@dataclass
class Behaviour:
    """What the server does; a test may change it while it runs."""

    first_s: float = 0.0
    """Before the first token."""
    token_s: float = 0.0
    """Before each further one."""
    concurrency: int = 64
    """Requests at once; others wait."""
    usage: bool = True
    done: bool = True
    reasoning: bool = False
    streams: bool = True
    status: Callable[[int], int] = field(default=lambda number: 200)
    """Status of the n-th request."""
    refused: tuple[str, ...] = ()
    """Fields of a request that are answered with 400."""
    raw: bytes | None = None
    """Sent as the whole stream, in pieces of `piece` bytes."""
    piece: int = 7
    models: Any = field(default_factory=lambda: {"data": [{"id": "mock-1"}]})
    models_status: int = 200
    longest: int = 10**9
    """Words of a prompt; more are answered with 400."""
    words: str = ""
    """Of an error, in place of the fields that were refused."""
    redirect: str = ""
    """Where all requests are sent to."""
    content_type: str = "text/event-stream"
    key: str = ""
    """Asked for where it is set."""


class Mock:
    """The server: its URL, its behaviour and what it was asked."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.peers: set[object] = set()
        """Connections that requests came by."""
        self.url = ""
        self._queue = asyncio.Semaphore(behaviour.concurrency)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        return app

    async def _models(self, request: web.Request) -> web.Response:
        self.headers.append(dict(request.headers))
        return web.json_response(self.behaviour.models, status=self.behaviour.models_status)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        behaviour, number = self.behaviour, len(self.bodies)
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        if request.transport is not None:
            self.peers.add(request.transport.get_extra_info("peername"))
        status = behaviour.status(number)
        refused = [name for name in behaviour.refused if name in body]
        if behaviour.key and request.headers.get("Authorization") != f"Bearer {behaviour.key}":
            status = 401
        if len(body["messages"][0]["content"].split()) > behaviour.longest:
            status = 400
        if refused or status != 200:
            message = behaviour.words or f"no {refused}"
            return web.json_response({"error": {"message": message}}, status=400 if refused else status)
        if behaviour.redirect:
            return web.Response(status=307, headers={"Location": behaviour.redirect})
        async with self._queue:
            return await self._answer(request, body)

    async def _answer(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        behaviour = self.behaviour
        tokens = int(body.get("max_tokens") or body.get("max_completion_tokens") or 4)
        await asyncio.sleep(behaviour.first_s)
        if not behaviour.streams:
            message = {"message": {"content": "word " * tokens}, "finish_reason": "length"}
            return web.json_response({"choices": [message], "usage": {"completion_tokens": tokens}})
        response = web.StreamResponse(headers={"Content-Type": behaviour.content_type})
        await response.prepare(request)
        with contextlib.suppress(ConnectionResetError):  # the client has gone
            for piece in self._pieces(tokens):
                if piece is None:
                    await asyncio.sleep(behaviour.token_s)
                else:
                    await response.write(piece)
        return response

    def _pieces(self, tokens: int) -> Iterator[bytes | None]:
        """Give what is sent; None is a pause."""
        behaviour = self.behaviour
        if behaviour.raw is not None:
            for start in range(0, len(behaviour.raw), behaviour.piece):
                yield behaviour.raw[start : start + behaviour.piece]
            return
        yield frame({"choices": [{"delta": {"role": "assistant", "content": ""}}]})
        for number in range(tokens):
            if number:
                yield None
            kind = "reasoning_content" if behaviour.reasoning and not number else "content"
            yield frame({"choices": [{"delta": {kind: " word"}}]})
        yield frame({"choices": [{"delta": {}, "finish_reason": "length"}]})
        if behaviour.usage:
            yield frame({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": tokens}})
        if behaviour.done:
            yield b"data: [DONE]\n\n"


def frame(body: dict[str, Any]) -> bytes:
    """Return one event."""
    return b"data: " + json.dumps(body).encode() + b"\n\n"


@contextmanager
def serving(behaviour: Behaviour | None = None) -> Iterator[Mock]:
    """Run a server on a free port of the loopback until the end of the block."""
    mock = Mock(behaviour or Behaviour())
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(mock.app(), shutdown_timeout=0.0, handler_cancellation=True)
    ready = threading.Event()

    async def start() -> None:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        mock.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()

    def work() -> None:
        loop.run_until_complete(start())
        loop.run_forever()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(runner.cleanup())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    thread = threading.Thread(target=work, name="mock-openai", daemon=True)
    thread.start()
    if not ready.wait(JOIN_S):
        raise RuntimeError("the mock server did not start")
    try:
        yield mock
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(JOIN_S)
