"""Heads of requests that are refused though the parser takes them, and what a client is told of it.

Sources: RFC 9112 (3.2 for `Host`, 6.1 for codings of a transfer, 2.3 for versions), RFC 6585 for status 431.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

Head = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused by its head."""

    status: int
    reason: str
    """Of the status line."""
    code: str
    """In snake case, for programs."""
    message: str
    """For people: what is wrong and what to do next."""

    def answer(self) -> bytes:
        """Return the whole answer, an error in OpenAI's form."""
        told = {"message": self.message, "type": "invalid_request_error", "param": None, "code": self.code}
        body = json.dumps({"error": told}).encode()
        head = (
            f"HTTP/1.1 {self.status} {self.reason}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        return head.encode() + body


class Refused(Exception):
    """A head that is refused.

    Args:
        refusal: why.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


NO_HTTP = Refusal(400, "Bad Request", "malformed_http", "this is no request of HTTP/1.1; look at its head and framing")
SLOW = Refusal(408, "Request Timeout", "slow_head", "the rest of the head did not come in time; send it at once")
TOO_LONG = Refusal(
    431, "Request Header Fields Too Large", "head_too_large", "the head is too long; send fewer or shorter headers"
)
TOO_MANY = Refusal(
    400, "Bad Request", "too_many_ahead", "too many requests were sent before their answers; read answers in between"
)
LOOSE_BODY = Refusal(
    400, "Bad Request", "loose_chunks", "the chunks of the body carry more about themselves than data; send larger ones"
)
_HOSTS = Refusal(400, "Bad Request", "several_hosts", "send one Host header")
_CODED = Refusal(501, "Not Implemented", "unknown_coding", "send the body with Transfer-Encoding: chunked, or none")
_VERSION = Refusal(505, "HTTP Version Not Supported", "http_version", "speak HTTP/1.1")


def size_of(method: bytes, url: bytes, headers: Head) -> int:
    """Return the bytes of a head, with one space where there may be several.

    Args:
        method: of the request line.
        url: of the request line.
        headers: names and values.
    """
    line = len(method) + len(url) + len("  HTTP/1.1\r\n")
    return line + sum([len(name) + len(value) + 4 for name, value in headers]) + 2


def is_chunked(version: str, headers: Head) -> bool:
    """Return whether a body comes in chunks.

    Args:
        version: `1.1`
        headers: with their names in lower case.

    Raises:
        Refused: servers differ in what such a request asks for.
    """
    if version not in ("1.1", "1.0"):
        raise Refused(_VERSION)
    names = [name for name, _ in headers]
    if names.count(b"host") > 1:
        raise Refused(_HOSTS)
    if b"transfer-encoding" not in names:
        return False
    if any(name == b"transfer-encoding" and value.lower() != b"chunked" for name, value in headers):
        raise Refused(_CODED)
    return True
