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

try:
    import httptools
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
except ImportError as error:
    raise MissingExtraError((error.name or "uvicorn").partition(".")[0], "serve") from error

CANCELS = "llmopt_cancels"
"""In the state of an ASGI scope, where the task that answers is cancelled when the client goes away."""
KEEP_ALIVE_S = 75
"""Longer than clients and load balancers keep idle connections, so that they close them and not this side."""
_FRAMING = (b"content-length", b"transfer-encoding")


@dataclass(frozen=True, slots=True)
class Patience:
    """What clients may do."""

    head_bytes: int = 2**16
    """A request line and headers that are longer, and the piece of 256 KiB at most that they came in, get 431."""
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
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._decline(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        if in_head and heads == self._heads and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > self._patience.head_bytes:
                self._refuse(431, "Request Header Fields Too Large")
            elif self._head_timer is None:
                self._head_timer = self.loop.call_later(self._patience.head_s, self._refuse, 408, "Request Timeout")

    def on_message_begin(self) -> None:
        """Begin a request."""
        if not self._going_on:
            super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request line."""
        if not self._going_on:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        if not self._going_on:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Go on to the body."""
        if self._going_on:
            return
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        super().on_headers_complete()
        self._heads += 1
        self._head_bytes = 0
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
        framing = [b"%b: %b\r\n" % each for each in self.headers if each[0] in _FRAMING]
        if framing:
            self.cycle.more_body = True
            self.cycle.message_event.clear()
            self._in_head = False
            self._going_on = True
            self.parser.feed_data(b"POST / HTTP/1.1\r\n" + b"".join(framing) + b"\r\n")
            self._going_on = False
        if rest:
            self.data_received(rest)

    def _refuse(self, status: int, reason: str) -> None:
        head = f"HTTP/1.1 {status} {reason}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode())
        self.transport.close()
