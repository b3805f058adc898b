"""Plain HTTP over a socket, for what no client would send."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.serving.gateway.running import PATIENCE_S

CHAT = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say hello."}]}


@dataclass(frozen=True)
class Answered:
    """What came back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """Names in lower case."""
    body: bytes

    def header(self, name: str) -> str | None:
        """The only header of a name."""
        found = [value for each, value in self.headers if each == name]
        assert len(found) < 2, found
        return found[0] if found else None

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of an error in OpenAI's form."""
        return str(self.json["error"]["code"])


class Wire:
    """A connection to a server."""

    def __init__(self, root: str) -> None:
        parts = urlsplit(root)
        assert parts.hostname is not None
        self.line = socket.create_connection((parts.hostname, parts.port or 80), PATIENCE_S)
        self._read = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.line.close()

    def send(self, data: bytes) -> None:
        self.line.sendall(data)

    def answer(self, *, method: str = "POST") -> Answered:
        """Read one answer."""
        head, self._read = self._until(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = [line.split(": ", 1) for line in lines if line]
        headers = tuple((name.lower(), value) for name, value in pairs)
        answered = Answered(int(first.split(" ")[1]), headers, b"")
        if method == "HEAD" or answered.status in (100, 204, 304):
            return answered
        length = answered.header("content-length")
        if answered.header("transfer-encoding") == "chunked":
            return Answered(answered.status, headers, self._chunks())
        body = self._exactly(int(length)) if length is not None else self._rest()
        return Answered(answered.status, headers, body)

    def answer_begun(self) -> int:
        """Read the head of an answer and the beginning of its body; return the status."""
        head, self._read = self._until(b"\r\n\r\n")
        while b"data:" not in self._read:
            piece = self.line.recv(65536)
            assert piece
            self._read += piece
        return int(head.split(b" ")[1])

    def stream_to_its_end(self) -> bytes:
        """Read the rest of an answer whose beginning `answer_begun` has read; with what chunks of HTTP are in it."""
        return self._chunks()

    def ended(self) -> bool:
        """Whether the server closes the connection, without any further byte."""
        try:
            return self.line.recv(1) == b""
        except ConnectionResetError:
            return True

    def _chunks(self) -> bytes:
        body = b""
        while True:
            size, self._read = self._until(b"\r\n")
            piece = self._exactly(int(size, 16))
            self._exactly(2)
            if not piece:
                return body
            body += piece

    def _until(self, end: bytes) -> tuple[bytes, bytes]:
        while end not in self._read:
            piece = self.line.recv(65536)
            if not piece:
                raise ConnectionError(f"the connection was closed after {self._read!r}")
            self._read += piece
        found, _, rest = self._read.partition(end)
        return found, rest

    def _exactly(self, size: int) -> bytes:
        while len(self._read) < size:
            piece = self.line.recv(65536)
            if not piece:
                raise ConnectionError("the connection was closed in the midst of a body")
            self._read += piece
        found, self._read = self._read[:size], self._read[size:]
        return found

    def _rest(self) -> bytes:
        found, self._read = self._read, b""
        while piece := self.line.recv(65536):
            found += piece
        return found


def request(
    path: str = "/v1/chat/completions",
    body: bytes | Mapping[str, Any] = b"",
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    length: bool = True,
) -> bytes:
    """The bytes of a request."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "host: gateway"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if length and (data or method == "POST"):
        lines.append(f"content-length: {len(data)}")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + data


def ask(
    root: str,
    path: str = "/v1/chat/completions",
    body: bytes | Mapping[str, Any] = b"",
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
) -> Answered:
    """Send one request over a connection of its own."""
    with Wire(root) as wire:
        wire.send(request(path, body, method=method, headers=headers))
        return wire.answer(method=method)
