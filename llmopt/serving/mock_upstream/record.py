"""What a mock upstream was asked, and what became of it."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from typing import Protocol

from llmopt.serving.mock_upstream.behaviour import Behaviour


@dataclass(frozen=True, slots=True)
class Seen:
    """A request, as it came."""

    method: str
    path: str
    """With the query, as on the request line."""
    headers: tuple[tuple[bytes, bytes], ...]
    """Names in lower case, in their order."""
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the first value of a header; None: there is none."""
        wanted = name.lower().encode("latin-1")
        return next((value.decode("latin-1") for key, value in self.headers if key == wanted), None)


@dataclass(slots=True)
class Stats:
    """Counts since the start."""

    calls: int = 0
    """Requests that came in whole; those to `/mock/...` are not counted."""
    streams: int = 0
    """Of which asked for a stream."""
    answered: int = 0
    """Calls that were answered to the end."""
    cancelled: int = 0
    """Calls whose client closed the connection before the end."""
    errors: int = 0
    """Calls answered with an error."""
    cut: int = 0
    """Calls that this side cut, as it was told to."""
    open: int = 0
    """Calls being answered now."""
    connections: int = 0
    """Connections ever."""
    connected: int = 0
    """Connections now."""
    last_cancelled_s: float = 0.0
    """When the last client left, by `time.monotonic()`."""
    by_path: Counter[str] = field(default_factory=Counter)
    """Calls by path, without the query."""


class Connected(Protocol):
    """A connection."""

    @property
    def idle(self) -> bool:
        """Whether it waits for a request."""
        ...

    def cut(self) -> None:
        """Close it at once."""
        ...


class Record:
    """Behaviour, counts and last requests; counted in the server's thread, read by others.

    Args:
        behaviour: how requests are answered that say nothing themselves.
        keeps: how many requests are kept.
    """

    def __init__(self, behaviour: Behaviour, keeps: int) -> None:
        self.behaviour = behaviour
        self.requests: deque[Seen] = deque(maxlen=keeps)
        self.connections: set[Connected] = set()
        self._bodies: Counter[bytes] = Counter()
        """Calls by the hash of their body, for those that fail at first."""
        self._stats = Stats()
        self._changed = threading.Condition()
        self._waiting = 0

    def count(self, **more: int) -> None:
        """Add to counts."""
        stats = self._stats
        for name, number in more.items():
            setattr(stats, name, getattr(stats, name) + number)
        self._tell()

    def called(self, seen: Seen, streamed: bool) -> int:
        """Count a call that came in, and return its number, from 1."""
        stats = self._stats
        stats.calls += 1
        stats.streams += streamed
        stats.open += 1
        stats.by_path[seen.path.partition("?")[0]] += 1
        if self.requests.maxlen:
            self.requests.append(seen)
        self._tell()
        return stats.calls

    def status_of(self, behaviour: Behaviour, body: bytes) -> int:
        """Return the status of a call; a body that shall fail at first is counted."""
        if not behaviour.fail_first:
            return behaviour.status
        self._bodies[key := sha256(body).digest()] += 1
        if self._bodies[key] > behaviour.fail_first:
            return HTTPStatus.OK
        return behaviour.status if behaviour.status != HTTPStatus.OK else HTTPStatus.SERVICE_UNAVAILABLE

    def left(self) -> None:
        """Count a client that did not wait for the end."""
        self._stats.last_cancelled_s = time.monotonic()
        self.count(cancelled=1, open=-1)

    def stats(self) -> Stats:
        """Return a copy of the counts."""
        values = {name: getattr(self._stats, name) for name in Stats.__slots__}
        return Stats(**{**values, "by_path": Counter(self._stats.by_path)})

    def reset(self) -> None:
        """Begin to count anew."""
        self._stats = Stats(open=self._stats.open, connected=self._stats.connected)
        self.requests.clear()
        self._bodies.clear()

    def wait_for(self, condition: Callable[[Stats], bool], timeout_s: float) -> bool:
        """Wait until the counts fulfil a condition; return whether they did in time."""
        with self._changed:
            self._waiting += 1
            try:
                return self._changed.wait_for(lambda: condition(self._stats), timeout_s)
            finally:
                self._waiting -= 1

    def _tell(self) -> None:
        if self._waiting:  # a lock a call would cost more than the rest
            with self._changed:
                self._changed.notify_all()
