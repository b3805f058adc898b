"""The way of a request, in order: authenticate, admit, cache, route, compress, upstream, meter, store.

`answer` and `_ask` are that order; each stage is a method, and its work a part of its own.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from llmopt.errors import InputError
from llmopt.serving.cache.plain import read_object
from llmopt.serving.gateway.answering import Answering
from llmopt.serving.gateway.asking import deadline_s, model_in, tags_of
from llmopt.serving.gateway.auth import Credentials, without_credentials
from llmopt.serving.gateway.call import Call, Source
from llmopt.serving.gateway.errors import GatewayError
from llmopt.serving.gateway.metering.meter import Meter
from llmopt.serving.gateway.request import Request
from llmopt.serving.gateway.streams.usage_frame import asking, asks_usage
from llmopt.serving.gateway.upstreams.calling import CallFailed, Calling
from llmopt.serving.gateway.values import Api, Caller, Headers, Incoming, Metered, UpstreamRequest
from llmopt.serving.routing.failures import Kind

if TYPE_CHECKING:
    from llmopt.serving.gateway.caching.cache_step import CacheStep
    from llmopt.serving.gateway.spend.spending import Spending
    from llmopt.serving.gateway.steps.compress import CompressStep
    from llmopt.serving.gateway.steps.route import RouteStep

_NOBODY = Caller("")
_IDENTITY = (b"accept-encoding", b"identity")
_ASKING = frozenset({b"x-llmopt-tags", b"x-llmopt-timeout-ms", b"x-stainless-timeout"})
"""Headers that ask something of the gateway itself."""
_UNVERSIONED = ("/chat/completions", "/completions", "/responses", "/embeddings", "/messages", "/models")
"""Beginnings of paths of a client whose base URL lacks the `/v1`."""
_SMALL_BYTES = 2**20
"""A body to pass through that is no longer is read at once, so that it can be sent again."""


class InFlight(Protocol):
    """Counts requests under way."""

    def begun(self) -> None:
        """Take note of a request that came."""
        ...

    def ended(self) -> None:
        """Take note that a request is being answered no more."""
        ...


@dataclass(frozen=True, slots=True)
class Stages:
    """The parts that do the work; None: that stage is off."""

    credentials: Credentials
    calling: Calling
    meter: Meter
    spending: Spending | None = None
    cache: CacheStep | None = None
    route: RouteStep | None = None
    compress: CompressStep | None = None
    in_flight: InFlight | None = None


class Pipeline:
    """Answers requests, stage by stage.

    Args:
        stages: the parts that do the work.
        answer_s: until the head of an answer is there, at most.
        ask_usage: whether streams are asked for their usage on behalf of clients who did not ask.
        keep_bodies: whether what is noted of calls holds requests and answers.
    """

    def __init__(self, stages: Stages, *, answer_s: float, ask_usage: bool = True, keep_bodies: bool = False) -> None:
        self._stages = stages
        self._answer_s = answer_s
        self._ask_usage = ask_usage
        self._keep_bodies = keep_bodies
        self._observers: list[Callable[[Metered], None]] = []

    def observe(self, note: Callable[[Metered], None]) -> None:
        """Have a function told of every call that has ended, after the stages have; it must not wait."""
        self._observers.append(note)

    def begin(self, request: Request, now_s: float) -> Call:
        """Return the call that a request begins; `finish` ends it.

        Args:
            request: of which the head is there.
            now_s: on the clock of the event loop.
        """
        if self._stages.in_flight is not None:
            self._stages.in_flight.begun()
        incoming = Incoming(request.method, request.path, request.query, request.headers, b"", request.api)
        metered = Metered(
            f"req_{random.getrandbits(96):024x}", request.api, time.time(), method=request.method, path=request.path
        )
        return Call(incoming, _NOBODY, metered, now_s + self._answer_s)

    async def answer(self, call: Call, request: Request) -> Source:
        """Return the answer to a request.

        Args:
            call: as `begin` made it.
            request: the same.

        Raises:
            GatewayError: it is refused, or nobody can answer it.
        """
        self._authenticate(call)
        await self._read(call, request)
        await self._admit(call)
        if call.api is Api.OTHER or self._stages.cache is None:
            return await self._ask(call)
        return await self._stages.cache.answer(call, self._ask)

    def finish(self, call: Call, source: Source | None = None) -> None:
        """Take note of a call whose answer has been sent, or never will be; exactly once for each.

        What an upstream still answers for others is a part of it, and comes before its end.

        Args:
            call: that has ended.
            source: its answer; None: it was refused, or nobody answered.
        """
        if self._keep_bodies and source is not None and source.whole is not None:
            call.metered.response = source.whole
        call.left = True
        if not call.under_way:
            self._note(call)

    def _over(self, call: Call) -> None:
        """Take note that no upstream is asked any more: of a call whose client left before, that is the end."""
        ends = call.under_way and call.left
        call.under_way = False
        if ends:
            self._note(call)

    def _note(self, call: Call) -> None:
        if self._stages.in_flight is not None:
            self._stages.in_flight.ended()
        self._stages.meter.note(call.metered)
        for note in self._observers:
            note(call.metered)

    async def _ask(self, call: Call) -> Source:
        """Ask the upstream: what the cache does when it has no answer."""
        call.under_way = True
        try:
            usage_added = self._prepare(call)
            if call.api is not Api.OTHER:
                self._route(call)
                await self._compress(call)
            return await self._upstream(call, usage_added=usage_added)
        except BaseException:
            self._over(call)
            raise

    def _authenticate(self, call: Call) -> None:
        incoming = call.incoming
        if incoming.method == "TRACE":
            raise GatewayError(405, "method_not_allowed", "TRACE is refused: its answer would hold the upstream's key")
        call.caller = caller = self._stages.credentials.caller(incoming.headers, incoming.query)
        call.metered.tenant, call.metered.key = caller.tenant, caller.key
        now_s = call.until_s - self._answer_s
        for name, value in incoming.headers:
            if name not in _ASKING:
                continue
            if name == b"x-llmopt-tags":
                call.metered.tags = tags_of(value)
            else:
                call.until_s = min(call.until_s, now_s + deadline_s(name, value, self._answer_s))

    async def _read(self, call: Call, request: Request) -> None:
        """Read the body of what is asked of a model, and look at it once; anything else goes on as it comes."""
        if call.api is Api.OTHER:
            small = request.declared_bytes <= _SMALL_BYTES
            body = await request.body(packed=True) if small and request.has_body else b""
            call.model = call.metered.asked_model = call.metered.model = model_in(body)
            call.outgoing = self._first(call, body if small or not request.has_body else request.pieces())
            call.incoming = call.incoming.with_body(body)
        else:
            body = await request.body()
            call.incoming = call.incoming.with_body(body)
            self._look(call, body)
        call.metered.request_bytes = len(body)

    def _look(self, call: Call, body: bytes) -> None:
        try:
            if b"\0" in body[:4]:  # a brace of UTF-16 or UTF-32, which the reader takes, and no JSON on a network is
                raise InputError("the request is not in UTF-8", "send JSON in UTF-8")
            decoded = read_object(body, strict=True)
        except InputError as error:
            raise GatewayError(400, "malformed_json", f"{error.message}; {error.hint}") from error
        model = decoded.get("model")
        call.body = decoded
        call.model = call.metered.asked_model = model if isinstance(model, str) else ""
        call.metered.model = call.model
        call.streamed = call.metered.streamed = decoded.get("stream") is True
        call.usage_asked = asks_usage(decoded)
        if self._keep_bodies:
            call.metered.request = body

    async def _admit(self, call: Call) -> None:
        if self._stages.spending is not None:
            await self._stages.spending.admit(call)

    def _prepare(self, call: Call) -> bool:
        """Make the request for the upstream; return whether it asks for the usage of a stream for the gateway alone."""
        if call.outgoing is not None:
            return False
        body = call.incoming.body
        added = asking(body, call.body, call.api) if self._ask_usage else None
        call.outgoing = self._first(call, body if added is None else added)
        return added is not None

    def _first(self, call: Call, body: bytes | AsyncIterator[bytes]) -> UpstreamRequest:
        """Return the request as it goes to the upstream, before any stage changes it."""
        incoming = call.incoming
        headers, query = incoming.headers, incoming.query
        if not call.caller.passes_on:
            headers, query = without_credentials(headers, query)
        path = f"/v1{incoming.path}" if incoming.path.startswith(_UNVERSIONED) else incoming.path
        path = f"{path}?{query}" if query else path
        forwarded = _forwarded(headers, identity=call.api is not Api.OTHER)
        return UpstreamRequest(incoming.method, path, forwarded, body, call.model, call.streamed)

    def _route(self, call: Call) -> None:
        if self._stages.route is not None:
            self._stages.route.apply(call)

    async def _compress(self, call: Call) -> None:
        if self._stages.compress is not None:
            await self._stages.compress.apply(call)

    async def _upstream(self, call: Call, *, usage_added: bool) -> Source:
        stages = self._stages
        try:
            opened = await stages.calling.open(call)
        except CallFailed as error:
            _fail(call, error.kind)
            late = error.kind == Kind.TIMEOUT
            status, code = (504, "upstream_timeout") if late else (502, "upstream_unreachable")
            raise GatewayError(status, code, error.message) from error
        if not 200 <= opened.reply.status < 600:
            opened.reply.close()
            _fail(call, Kind.SERVER.value)
            message = f"upstream '{opened.upstream}' answered with status {opened.reply.status}, which is none"
            raise GatewayError(502, "upstream_unreachable", message)
        answering = Answering(
            call,
            opened.reply,
            stages.meter,
            stages.cache,
            usage_added=usage_added,
            keep_bodies=self._keep_bodies,
            over=self._over,
        )
        return await answering.begin()


def _fail(call: Call, kind: str) -> None:
    """Note how the upstream failed; a client that left did not see it."""
    call.fault = kind
    if not call.left:
        call.metered.error = kind


def _forwarded(headers: Headers, *, identity: bool) -> Headers:
    """Return the headers that go on: none that is meant for the gateway, and packed answers only where none is read."""
    dropped = _IDENTITY[0] if identity else b""
    found = [each for each in headers if each[0] != dropped and not each[0].startswith(b"x-llmopt-")]
    if identity:
        found.append(_IDENTITY)
    return tuple(found)
