"""A tap on a stream of events: the client gets them as they come, and a copy stays for usage, cost and cache.

What goes on is whole events: a part of one is of no use to a client, and could not be taken back when the stream
breaks in its midst. Comments go on as they come. Byte for byte, the client gets what the upstream sent, but for the
one event with the usage that only the gateway asked for.
"""

from __future__ import annotations

import asyncio
import re

from llmopt.serving.cache.streams import reply_of
from llmopt.serving.gateway.streams.ends import BEGINS, last_event, says_all, says_end
from llmopt.serving.gateway.streams.failing import error_event
from llmopt.serving.gateway.streams.frames import WHOLE, comments_end, last_border
from llmopt.serving.gateway.streams.usage_frame import without_usage
from llmopt.serving.gateway.values import Api

LARGEST_BYTES = 8 * 2**20
"""Of an answer that is kept whole; of a larger one stay its first and its last bytes, for its usage."""
HELD_BYTES = 2**20
"""Of one event that is held back until it is whole; a larger one goes on in parts."""
_SLOW_BYTES = 256 * 2**10
"""A longer stream is put together in a thread, while others are answered."""
_FIRST_BYTES, _LAST_BYTES = 64 * 2**10, 2**20
_FINISHED = re.compile(rb'"finish_reason"\s*:\s*"')
"""In a stream of chat completions, whose end some servers do not mark."""


class Tap:
    """Sees one stream of events.

    Args:
        api: that the client speaks.
        usage_added: whether only the gateway asked for the usage, so that the client is not to see it.
    """

    __slots__ = ("_api", "_bytes", "_held", "_kept_bytes", "_pieces", "_torn", "_usage_added")

    def __init__(self, api: Api, *, usage_added: bool = False) -> None:
        self._api = api
        self._usage_added = usage_added
        self._pieces: list[bytes] = []
        self._bytes = 0
        self._kept_bytes = 0
        self._held = bytearray()
        """Of an event that is not whole yet."""
        self._torn = False
        """Whether a part of an event has gone on."""

    def feed(self, piece: bytes) -> bytes:
        """Take what came from the upstream; return what goes to the client, perhaps nothing yet."""
        self._keep(piece)
        if not self._held and piece.endswith(WHOLE):
            self._torn = False
            return without_usage(piece) if self._usage_added else piece
        held = self._held
        seen = len(held)
        held += piece
        end = last_border(held, seen)
        self._torn = self._torn and not end
        end = end or (0 if self._torn else comments_end(held))
        if not end and len(held) > HELD_BYTES:
            end, self._torn = len(held), True
        return self._let_go(end)

    def end(self) -> bytes:
        """Return what is still held when a stream ended well: an event without its blank line."""
        return self._let_go(len(self._held))

    def broken(self, status: int, code: str, message: str) -> bytes:
        """Return the end of a stream that broke; a part of an event that is held goes nowhere.

        Args:
            status: HTTP status that it would have been, had the answer not begun.
            code: in snake case, for programs.
            message: for people; holds nothing secret.
        """
        self._held.clear()
        return (b"\n\n" if self._torn else b"") + error_event(self._api, status, code, message)

    def finished(self) -> bool:
        """Return whether the stream said that it is at its end; of a stream that nobody knows that is taken for sure.

        A connection that is closed is the end of a body that has neither length nor chunks, also if the server died.
        """
        begins, last = BEGINS.get(self._api), self._last(_FIRST_BYTES)
        if begins is None or not last:
            return begins is None
        if says_end(self._api, last):
            return True
        if begins == b'"choices"' and _FINISHED.search(last) is not None:
            return True
        return begins not in self.raw() or self._ends_at_length()

    def said_all(self) -> bool:
        """Return whether the last event has come; the end of the body may be on its way."""
        return not self._held and says_all(self._api, self._last(_FIRST_BYTES))

    def raw(self) -> bytes:
        """Return the stream as it came; of one that is too large its first and its last bytes."""
        if len(self._pieces) > 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0] if self._pieces else b""

    @property
    def size_bytes(self) -> int:
        """Of the stream as it came, so far."""
        return self._bytes

    async def whole(self) -> bytes | None:
        """Return the whole JSON that the stream makes, usage included; None: it was cut, too large, or no answer."""
        if self._bytes > LARGEST_BYTES:
            return None
        raw = self.raw()
        if len(raw) > _SLOW_BYTES:
            reply = await asyncio.to_thread(reply_of, raw)
        else:
            reply = reply_of(raw)
        return reply.body if reply.complete else None

    def _let_go(self, end: int) -> bytes:
        if not end:
            return b""
        data = bytes(self._held[:end])
        del self._held[:end]
        return without_usage(data) if self._usage_added else data

    def _keep(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._bytes += len(piece)
        self._kept_bytes += len(piece)
        if self._kept_bytes > LARGEST_BYTES:
            raw = self.raw()
            self._pieces = [raw[:_FIRST_BYTES], b"\n\n", raw[-_LAST_BYTES:]]
            self._kept_bytes = sum(map(len, self._pieces))

    def _ends_at_length(self) -> bool:
        """Return whether the last event is a long one that tells of the end, or is too long for anybody to say."""
        last = last_event(self.raw())
        return says_end(self._api, last) or (self._bytes > LARGEST_BYTES and len(last) >= _LAST_BYTES - _FIRST_BYTES)

    def _last(self, size: int) -> bytes:
        found: list[bytes] = []
        for piece in reversed(self._pieces):
            found.append(piece[-size:])
            size -= len(piece)
            if size <= 0:
                break
        return b"".join(reversed(found))
