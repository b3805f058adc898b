"""One request and its answer over ASGI: sends what the pipeline answers, and tells errors in the client's form."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from llmopt.errors import LlmoptError
from llmopt.serving.gateway.answer_head import error_headers, head_of
from llmopt.serving.gateway.call import Call, Source
from llmopt.serving.gateway.errors import GatewayError, UpstreamError, error_json
from llmopt.serving.gateway.intake import Intake
from llmopt.serving.gateway.pipeline import Pipeline
from llmopt.serving.gateway.request import ClientGone, Message, Request
from llmopt.serving.gateway.streams.ending import let_go
from llmopt.serving.gateway.streams.ends import says_all
from llmopt.serving.gateway.values import Headers

Send = Callable[[Message], Awaitable[None]]
GONE = 499
"""Status, in the log, of a call whose client went away."""
_LOG = logging.getLogger("llmopt.gateway")


class Exchange:
    """One request and its answer; run it once.

    Args:
        pipeline: answers.
        request: whose body was not read yet.
        intake: counts it.
        send: of ASGI.
    """

    __slots__ = (
        *("_began_s", "_call", "_clock", "_intake", "_last", "_pipeline", "_request", "_send", "_source", "_started"),
    )

    def __init__(self, pipeline: Pipeline, request: Request, intake: Intake, send: Send) -> None:
        self._pipeline = pipeline
        self._request = request
        self._intake = intake
        self._send = send
        self._clock = asyncio.get_running_loop().time
        self._began_s = self._clock()
        self._call = pipeline.begin(request, self._began_s)
        self._source: Source | None = None
        self._started = False
        self._last = b""
        """Piece of a stream that was sent last."""

    async def run(self) -> None:
        """Answer. Cancel it when the client goes away."""
        taken = False
        try:
            self._intake.begin()
            taken = True
            await self._answer()
        except GatewayError as error:
            await self._tell(self._request.fault or error)
        except (ClientGone, asyncio.CancelledError):
            self._gone()
        except Exception:  # noqa: BLE001 - whatever happens to one request, the server stays up
            _LOG.exception("request %s failed", self._call.metered.request_id)
            await self._tell(GatewayError(500, "internal_error", "the gateway failed; its log tells how"))
        finally:
            if taken:
                self._intake.end(self._request.size_bytes)
            self._call.metered.latency_s = self._clock() - self._began_s
            self._pipeline.finish(self._call, self._source)

    async def _answer(self) -> None:
        self._source = source = await self._pipeline.answer(self._call, self._request)
        try:
            await self._pass_on(self._call, source)
        except (
            UpstreamError
        ) as error:  # too late for another answer: the connection is cut, so that nobody takes it for whole
            self._call.metered.error = error.kind
        finally:
            source.close()

    async def _pass_on(self, call: Call, source: Source) -> None:
        metered, body = call.metered, source.body
        metered.status = source.status
        if body is None and self._request.old:
            body = b"".join([piece async for piece in source.pieces()])
        await self._start(source.status, head_of(call, source, body))
        if body is not None:
            metered.first_s = self._clock() - self._began_s
            metered.response_bytes = len(body)
            await self._send({"type": "http.response.body", "body": body})
            return
        pieces = source.pieces()
        try:
            async for piece in pieces:
                if metered.first_s is None:
                    metered.first_s = self._clock() - self._began_s
                metered.response_bytes += len(piece)
                self._last = piece
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        finally:
            await let_go(pieces)
        await self._send({"type": "http.response.body", "body": b""})

    async def _tell(self, error: GatewayError) -> None:
        metered = self._call.metered
        metered.error = metered.error or error.code
        if self._started:
            return
        metered.status = error.status
        body = error_json(error.status, error.code, error.message, anthropic=self._request.anthropic)
        metered.response_bytes = len(body)
        with suppress(LlmoptError, asyncio.CancelledError):
            await self._start(error.status, error_headers(self._call, error, len(body), self._request.waits))
            await self._send({"type": "http.response.body", "body": body})

    async def _start(self, status: int, headers: Headers) -> None:
        self._started = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    def _gone(self) -> None:
        metered = self._call.metered
        if says_all(metered.api, self._last):
            return  # it has all that it wanted
        metered.status, metered.error = GONE, "aborted"
