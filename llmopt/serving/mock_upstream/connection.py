"""One connection to a mock upstream: HTTP/1.1 by httptools, answered without a task, so that it costs next to nothing.

An answer is a row of steps; each writes something, then waits, or goes on at the next turn of the event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from http import HTTPStatus

from llmopt.errors import MissingExtraError
from llmopt.serving.mock_upstream.asked import asked
from llmopt.serving.mock_upstream.content import dumped
from llmopt.serving.mock_upstream.record import Record, Seen
from llmopt.serving.mock_upstream.steps import Step, own_steps, steps

try:
    import httptools
except ImportError as error:
    raise MissingExtraError("httptools", "serve") from error


class Connection(asyncio.Protocol):
    """Answers the requests of one connection, one after the other.

    Args:
        record: behaviour and counts of the server.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._waiting: deque[tuple[Seen, bool]] = deque()
        """Requests that came before the answer to the one before them, and whether the connection is kept then."""
        self._steps: Iterator[Step] | None = None
        self._next: Step | None = None
        self._timer: asyncio.Handle | None = None
        self._full = False
        """Whether the client does not read."""
        self._keeps = True
        """Whether the connection is kept after this answer."""
        self._counted = False
        """Whether the request that is being answered counts as a call."""

    @property
    def idle(self) -> bool:
        """Whether it waits for a request."""
        return self._steps is None

    def cut(self) -> None:
        """Close it at once; what is being answered counts as cut."""
        if self._counted:
            self._counted = False
            self._record.count(cut=1, open=-1)
        self._stop()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport  # type: ignore[assignment]
        self._record.connections.add(self)
        self._record.count(connections=1, connected=1)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a client that did not wait."""
        self._record.connections.discard(self)
        self._record.count(connected=-1)
        if self._counted:
            self._counted = False
            self._record.left()
        self._stop()

    def data_received(self, data: bytes) -> None:
        """Read."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.cut()

    def pause_writing(self) -> None:
        """Wait: the client does not read."""
        self._full = True

    def resume_writing(self) -> None:
        """Go on: the client reads."""
        self._full = False
        if self._timer is None:
            self._step()

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._url, self._headers, self._body = b"", [], []

    def on_url(self, url: bytes) -> None:
        """Read the path, piece by piece."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Read a header."""
        self._headers.append((name.lower(), value))
        if name.lower() == b"expect" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Read a piece of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer, now or after what is being answered."""
        method = self._parser.get_method().decode("latin-1")
        path = self._url.decode("latin-1")
        seen = Seen(method, path, tuple(self._headers), b"".join(self._body))
        self._waiting.append((seen, self._parser.should_keep_alive()))
        if self._steps is None:
            self._begin()

    def _begin(self) -> None:
        seen, self._keeps = self._waiting.popleft()
        if seen.path.startswith("/mock/"):
            if seen.path == "/mock/reset":
                self._record.reset()
            stats = self._record.stats()
            self._steps = own_steps(dumped({name: getattr(stats, name) for name in stats.__slots__}))
        else:
            what = asked(seen, self._record.behaviour)
            number = self._record.called(seen, what.streamed)
            self._counted = True
            self._keeps = self._keeps and not what.behaviour.close
            status = self._record.status_of(what.behaviour, seen.body)
            self._record.count(errors=int(status != HTTPStatus.OK))
            self._steps = steps(what, seen, number, status)
        self._step()

    def _step(self) -> None:
        """Do what was waited for, and take steps until one has to wait."""
        self._timer = None
        if self._full:
            return
        if self._next is not None:
            data, self._next = self._next.data, None
            self._do(data)
        while self._steps is not None and not self._full:
            step = next(self._steps, None)
            if step is None:
                self._end()
                return
            if step.wait_s is not None:
                loop = asyncio.get_running_loop()
                self._next = step
                self._timer = loop.call_later(step.wait_s, self._step) if step.wait_s else loop.call_soon(self._step)
                return
            self._do(step.data)

    def _do(self, data: bytes | None) -> None:
        if data is None:
            self.cut()
        elif self._transport is not None:
            self._transport.write(data)

    def _end(self) -> None:
        self._steps = None
        if self._counted:
            self._counted = False
            self._record.count(answered=1, open=-1)
        if not self._keeps and self._transport is not None:
            self._transport.close()
        elif self._waiting:
            self._begin()

    def _stop(self) -> None:
        self._steps = self._next = None
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
