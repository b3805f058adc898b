"""Upstreams that answer as they are told, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from llmopt.serving.gateway.errors import UpstreamError
from llmopt.serving.gateway.upstreams.held import HeldReply
from llmopt.serving.gateway.values import Headers, UpstreamReply, UpstreamRequest

Answer = int | tuple[int, Headers] | tuple[int, Headers, bytes] | str
"""A status, one with headers, one with a body too; or the kind of an `UpstreamError`; `hang` never answers."""


class FakeUpstream:
    """Gives its answers in turn, and the last one again and again."""

    def __init__(self, name: str = "fake", answers: Sequence[Answer] = (200,), models: tuple[str, ...] = ()) -> None:
        self.name = name
        self.models = models
        self.answers = list(answers)
        self.requests: list[UpstreamRequest] = []
        self.timeouts: list[float | None] = []
        self.closed = 0

    async def open(self, request: UpstreamRequest, timeout_s: float | None) -> UpstreamReply:
        self.requests.append(request)
        self.timeouts.append(timeout_s)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer == "hang":
            await asyncio.Event().wait()
        if isinstance(answer, str):
            raise UpstreamError(f"it was {answer}", answer)
        status, headers, body = (*answer, b"")[:3] if isinstance(answer, tuple) else (answer, (), b"")
        return HeldReply(status, headers, body or b"%d" % status)

    async def close(self) -> None:
        self.closed += 1


class Endless:
    """An answer of which more and more comes."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.headers: Headers = ()
        self.closed = False

    async def read(self) -> bytes:
        return b""

    async def pieces(self) -> AsyncIterator[bytes]:
        while not self.closed:
            yield b"x" * 2**18
            await asyncio.sleep(0)

    def close(self) -> None:
        self.closed = True
