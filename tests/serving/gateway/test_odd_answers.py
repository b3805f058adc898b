"""Answers that come piece by piece, break, have no end, or are left once all is said."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from llmopt.serving.gateway import answering
from llmopt.serving.gateway.config.settings import CacheSettings, GatewayConfig, Retries, UpstreamSettings
from llmopt.serving.gateway.values import Metered
from tests.serving.gateway.running import PATIENCE_S, gateway, until
from tests.serving.gateway.wire import CHAT, Wire, ask, request

STREAMED = {**CHAT, "stream": True, "temperature": 0, "stream_options": {"include_usage": True}}
EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
JSON = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
TEXT = b'data: {"model": "m", "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Dripping:
    """A server that sends an answer part by part, when it is told to, and keeps its connections open."""

    def __init__(self, parts: Sequence[bytes]) -> None:
        self._parts = parts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.more = threading.Semaphore(1)
        """Released for each part but the first."""
        self.closes = False
        """Whether it closes a connection after the last part."""
        self.calls = 0
        self.left = threading.Event()
        """Set when a connection was closed."""

    def serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            with line:
                line.settimeout(PATIENCE_S)
                self._answer(line)
            self.left.set()

    def _answer(self, line: socket.socket) -> None:
        try:
            while line.recv(65536):
                self.calls += 1
                for part in self._parts:
                    assert self.more.acquire(timeout=PATIENCE_S)
                    line.sendall(part)
                if self.closes:
                    return
        except OSError:
            return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def dripping(*parts: bytes) -> Iterator[Dripping]:
    server = Dripping(parts)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def config(server: Dripping, *, cache: bool = False) -> GatewayConfig:
    kept = CacheSettings() if cache else None
    return GatewayConfig((UpstreamSettings(server.url),), cache=kept, retries=Retries(most=0))


@contextmanager
def begun(path: str, *parts: bytes) -> Iterator[Wire]:
    """A client who has the beginning of an answer; the next part is on its way."""
    with dripping(*parts) as server, gateway(config(server)) as running, Wire(running.root) as wire:
        wire.send(request(path, STREAMED))
        assert wire.answer_begun() == 200
        server.more.release()
        yield wire


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/threads/1/runs"])
def test_a_stream_whose_chunks_are_none_ends_in_an_error(path: str) -> None:
    with begun(path, EVENTS + CHUNKED + chunk(TEXT), b"no chunk\r\n\r\n") as wire:
        found = wire.stream_to_its_end()
    assert found.startswith(TEXT)
    assert json.loads(found.removeprefix(TEXT + b"data: "))["error"]["code"] == "upstream_broke_off"


def test_a_stream_shorter_than_it_said_ends_in_an_error() -> None:
    with dripping(EVENTS + b"content-length: 400\r\n\r\n" + TEXT, b"") as server, gateway(config(server)) as running:
        server.closes = True
        server.more.release()
        found = ask(running.root, body=STREAMED)
    assert found.status == 200
    assert json.loads(found.body.removeprefix(TEXT + b"data: "))["error"]["code"] == "upstream_broke_off"


def test_a_packed_stream_gets_no_words_of_ours() -> None:
    head = EVENTS + b"content-encoding: gzip\r\n" + CHUNKED
    parts = head + chunk(b"\x1f\x8b\x08data:"), b"no chunk\r\n\r\n"
    with begun("/v1/chat/completions", *parts) as wire, pytest.raises(ConnectionError):
        wire.stream_to_its_end()


def test_an_answer_without_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "_WHOLE_BYTES", 1000)
    begin, rest = b'{"data:":"' + b"x" * 2000, b'y"}'
    with begun("/v1/chat/completions", JSON + CHUNKED + chunk(begin), chunk(rest) + chunk(b"")) as wire:
        assert wire.stream_to_its_end() == begin + rest


@pytest.mark.parametrize("cache", [False, True], ids=["plain", "cache"])
def test_who_leaves_with_the_last_event_has_all(cache: bool) -> None:
    noted: list[Metered] = []
    with (
        dripping(EVENTS + CHUNKED + chunk(TEXT), chunk(DONE)) as server,
        gateway(config(server, cache=cache)) as running,
    ):
        running.app.observe(noted.append)
        with Wire(running.root) as wire:
            wire.send(request(body=STREAMED))
            wire.answer_begun()
            server.more.release()
            while DONE not in wire.line.recv(65536):
                pass
        until(lambda: len(noted) == 1)
        assert server.left.wait(PATIENCE_S)
        assert [(each.status, each.error) for each in noted] == [(200, "")]
        if cache:
            again = ask(running.root, body=STREAMED)
            assert again.header("x-llmopt-cache") == "hit"
            assert again.body.endswith(DONE)
            assert server.calls == 1
