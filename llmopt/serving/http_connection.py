"""One connection of a client to the HTTP server: uvicorn's, with its memory and its patience taken in hand.

uvicorn's parser takes heads of any length, and waits for ever: for the rest of a head, and for a client that does not
read. It loses the body of a request that offers another protocol. And a client that goes away is told only to who waits
for it; here the work for it can be cancelled, which costs nothing while nobody goes. Sources: RFC 9110 (7.8 for
`Upgrade`), RFC 9112; RFC 6585 for status 431.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from llmopt.errors import MissingExtraError
from llmopt.serving.http_heads import (
    LOOSE_BODY,
    NO_HTTP,
    SLOW,
    TOO_LONG,
    TOO_MANY,
    Refusal,
    Refused,
    is_chunked,
    size_of,
)
from llmopt.serving.http_outlet import Outlet

try:
    import httptools
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
except ImportError as error:
    raise MissingExtraError((error.name or "uvicorn").partition(".")[0], "serve") from error

CANCELS = "llmopt_cancels"
"""In the state of an ASGI scope, where the task that answers is cancelled when the client goes away."""
KEEP_ALIVE_S = 75
"""Longer than clients and load balancers keep idle connections, so that they close them and not this side."""
MOST_AHEAD = 100
"""Requests that a client may send before it has the answer to an earlier one."""
_FRAMING = (b"content-length", b"transfer-encoding")
_LOOSE = 8
"""Bytes about chunks that come with a byte of a body at most: `1 CR LF x CR LF` has 5."""


@dataclass(frozen=True, slots=True)
class Patience:
    """What clients may do."""

    head_bytes: int = 2**16
    """Of a request line and its headers; longer ones get 431. Chunks may be so much longer than what is in them."""
    head_s: float = 60.0
    """For the rest of a head whose beginning has come; then 408."""
    unread_s: float = 600.0
    """For a client to read on when it has left an answer lying; then its connection is cut."""
    cancels: bool = False
    """Whether the task that answers is cancelled when its client goes away."""
    date: bool = True
    """Whether answers get a `Date`; an application that passes on the answers of others sets it itself."""


class Connection(HttpToolsProtocol):
    """One connection."""

    _heads = 0
    _in_head = True
    _head_bytes = 0
    """Of a head of which the end has not come."""
    _since_bytes = 0
    """That came since the last head, and with it: no head in them is longer."""
    _chunked = False
    """Whether the body comes in chunks."""
    _loose_bytes = 0
    """Of the chunks, beyond what they may be longer than what is in them."""
    _head_timer: asyncio.TimerHandle | None = None
    _unread_timer: asyncio.TimerHandle | None = None
    _going_on = False
    """Whether the parser reads a head for a second time, to get to the body."""
    _answering: tuple[RequestResponseCycle, asyncio.Task[None]] | None = None

    def __init__(self, *, patience: Patience, app_state: dict[str, Any], **settings: Any) -> None:
        if patience.cancels:
            app_state = {**app_state, CANCELS: True}
        super().__init__(app_state=app_state, **settings)
        self._patience = patience

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Wait for the first request."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(KEEP_ALIVE_S, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """End what was on its way for this client."""
        for timer in (self._head_timer, self._unread_timer):
            if timer is not None:
                timer.cancel()
        answering = self._answering
        if answering is not None and not answering[0].response_complete:
            # uvicorn tells only the newest request of a client that sends several at once.
            answering[0].disconnected = True
            answering[0].message_event.set()
            if self._patience.cancels:
                answering[1].cancel()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a piece of what the client sends."""
        in_head, heads = self._in_head, self._heads
        if in_head or not self.cycle.response_complete:  # else it is the rest of a body that was refused
            self._unset_keepalive_if_required()
        self._since_bytes += len(data)
        had_bytes = len(self.cycle.body) if self._chunked else 0
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._decline(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            why = error.__context__
            self._refuse(why.refusal if isinstance(why, Refused) else NO_HTTP)
        if heads != self._heads:
            self._since_bytes = len(data)
        elif self.transport.is_closing():
            return
        elif in_head:
            self._wait_for_head(len(data))
        elif self._chunked:
            self._weigh(len(data), len(self.cycle.body) - had_bytes)

    def on_headers_complete(self) -> None:
        """Go on to the body."""
        if self._going_on:
            return
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        most_bytes = self._patience.head_bytes
        if self._since_bytes > most_bytes < size_of(self.parser.get_method(), self.url, self.headers):
            raise Refused(TOO_LONG)
        if len(self.pipeline) >= MOST_AHEAD:
            raise Refused(TOO_MANY)
        self._chunked = is_chunked(self.parser.get_http_version(), self.headers)
        super().on_headers_complete()
        self.headers = []  # for what comes behind a body in chunks, which is none of this head
        self._heads += 1
        self._head_bytes = self._loose_bytes = 0
        self._in_head = False

    def on_message_complete(self) -> None:
        """Go on to the next head."""
        super().on_message_complete()
        self._in_head = True

    def pause_writing(self) -> None:
        """Wait for a client that does not read."""
        super().pause_writing()
        if self._unread_timer is None:
            self._unread_timer = self.loop.call_later(self._patience.unread_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        super().resume_writing()
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.transport = Outlet(self.transport, self.loop)
        task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)
        self._answering = (cycle, task)

    def _decline(self, rest: bytes) -> None:
        """Go on without the other protocol that a client offers; the parser takes what follows for that protocol's.

        Clients that would like HTTP/2 offer it with their first request, be it one with a body.
        """
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        framing = [b"%b: %b\r\n" % each for each in self.scope["headers"] if each[0] in _FRAMING]
        if framing:
            self.cycle.more_body = True
            self.cycle.message_event.clear()
            self._in_head = False
            self._going_on = True
            self.parser.feed_data(b"POST / HTTP/1.1\r\n" + b"".join(framing) + b"\r\n")
            self._going_on = False
        if rest:
            self.data_received(rest)

    def _wait_for_head(self, size_bytes: int) -> None:
        """Take note of a piece of a head, of which the end has not come."""
        self._head_bytes += size_bytes
        if self._head_bytes > self._patience.head_bytes:
            self._refuse(TOO_LONG)
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self._patience.head_s, self._refuse, SLOW)

    def _weigh(self, size_bytes: int, body_bytes: int) -> None:
        """Take note of a piece of chunks; a client could send names and values of theirs for ever."""
        self._loose_bytes = max(0, self._loose_bytes + size_bytes - (1 + _LOOSE) * body_bytes)
        if self._loose_bytes > self._patience.head_bytes and not self.cycle.response_complete:
            self._refuse(LOOSE_BODY)

    def _refuse(self, refusal: Refusal) -> None:
        self.transport.write(refusal.answer())
        self.transport.close()
