"""A copy of what is passed on piece by piece and not looked into, so that its usage can be read at its end."""

from __future__ import annotations

import zlib

from llmopt.serving.gateway.metering.free import asks_no_model
from llmopt.serving.gateway.streams.kinds import EVENTS, first_of, media_type
from llmopt.serving.gateway.values import Headers, Metered

LONGEST_BYTES = 16 * 2**20
"""Packed, and unpacked; of a longer answer nothing is known. Ten pictures have as much."""
_KINDS = ("application/json", EVENTS)
_AUTO = 32 + zlib.MAX_WBITS
"""Either header: gzip's or zlib's."""


class Copy:
    """What has been passed on of one answer, where it may tell a usage.

    Args:
        metered: the call; nothing is kept of what no model answers.
        headers: of the answer.
    """

    __slots__ = ("_left", "_pieces")

    def __init__(self, metered: Metered, headers: Headers) -> None:
        self._pieces: list[bytes] = []
        wanted = media_type(headers) in _KINDS and not asks_no_model(metered)
        self._left = LONGEST_BYTES if wanted else 0

    def feed(self, piece: bytes) -> None:
        """Take a piece that is passed on."""
        if self._left:
            self._left = max(0, self._left - len(piece))
            self._pieces.append(piece)
            if not self._left:
                self._pieces.clear()

    def raw(self) -> bytes:
        """Return all that came, as it came; empty where it was too long, or tells no usage."""
        return b"".join(self._pieces)


def unpacked(headers: Headers, body: bytes) -> bytes:
    """Return a body without its coding (RFC 9110, 8.4.1); empty where it cannot be unpacked here."""
    coding = first_of(headers, b"content-encoding").strip().lower()
    if coding in ("", "identity") or not body:
        return body
    if coding not in ("gzip", "x-gzip", "deflate"):
        return b""
    try:
        return zlib.decompressobj(_AUTO).decompress(body, LONGEST_BYTES)
    except zlib.error:
        return b""
