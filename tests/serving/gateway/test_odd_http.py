"""Clients and upstreams whose HTTP is old, unusual or broken."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from llmopt.serving.gateway.config.settings import GatewayConfig, Retries, UpstreamSettings
from llmopt.serving.mock_upstream.server import MockUpstream
from tests.serving.gateway.running import PATIENCE_S, Running, gateway
from tests.serving.gateway.wire import CHAT, Answered, Wire, ask, request

BODY = json.dumps(CHAT).encode()
STREAM = json.dumps({**CHAT, "stream": True}).encode()


@pytest.mark.parametrize("length", [True, False], ids=["length", "chunked"])
def test_another_protocol_is_declined_and_no_body_is_lost(plain: Running, mock: MockUpstream, length: bool) -> None:
    offer = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAMAAABkAAQAoAAAAAIAAAAA"}
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    with Wire(plain.root) as wire:
        for again in (1, 2):
            if length:
                one = request(body=BODY, headers=offer)
            else:
                one = request(headers={**offer, "transfer-encoding": "chunked"}, length=False) + chunked
            wire.send(one * again)
            for _ in range(again):
                assert wire.answer().status == 200
                assert mock.requests[-1].body == BODY
        for piece in (one[:-30], one[-30:-10], one[-10:]):
            wire.send(piece)
        assert wire.answer().status == 200
        wire.send(request("/v1/models", method="GET", headers=offer))
        assert wire.answer().status == 200
        wire.send(request(body=CHAT))
        assert wire.answer().status == 200


def test_an_old_client_gets_no_chunks(plain: Running) -> None:
    with Wire(plain.root) as wire:
        wire.send(b"POST /v1/chat/completions HTTP/1.0\r\ncontent-length: %d\r\n\r\n%b" % (len(STREAM), STREAM))
        answer = wire.answer()
        assert answer.header("transfer-encoding") is None
        assert answer.body.endswith(b"data: [DONE]\n\n")
        assert wire.ended()


def test_a_request_line_with_a_host_is_that_of_a_path(plain: Running, mock: MockUpstream) -> None:
    with Wire(plain.root) as wire:
        wire.send(b"GET http://elsewhere.example/v1/models HTTP/1.1\r\nhost: elsewhere.example\r\n\r\n")
        assert wire.answer().status == 200
    assert mock.requests[-1].path == "/v1/models"
    assert "elsewhere" not in (mock.requests[-1].header("host") or "")


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that answers each connection's first bytes with the same ones, and closes it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with line:
                line.settimeout(PATIENCE_S)
                line.recv(65536)
                line.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(PATIENCE_S)


def answered(answer: bytes, path: str = "/v1/chat/completions", body: bytes = BODY) -> Answered:
    """What a client gets of an upstream's answer."""
    with answering(answer) as url:
        config = GatewayConfig((UpstreamSettings(url),), cache=None, retries=Retries(most=0))
        with gateway(config) as running:
            return ask(running.root, path, body)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/other"])
@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (b"HTTP/1.1 999 Odd\r\ncontent-length: 2\r\n\r\nok", 502, "upstream_unreachable"),
        (b"SSH-2.0-OpenSSH\r\n", 502, "upstream_unreachable"),
        (b"HTTP/1.1 200 OK\r\nx-a: b\x00c\r\ncontent-length: 2\r\n\r\nok", 502, "upstream_unreachable"),
        (b"", 502, "upstream_unreachable"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{}",
            502,
            "upstream_broke_off",
        ),
    ],
    ids=["status", "no-http", "header", "nothing", "cut"],
)
def test_a_broken_answer_is_502(path: str, answer: bytes, status: int, code: str) -> None:
    found = answered(answer, path)
    assert (found.status, found.code) == (status, code)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/other"])
@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.1 204 No Content\r\nx-a: 1\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\nx-a: 1\r\n\r\n", 304, b""),
        (b"HTTP/1.1 304 Not Modified\r\nx-a: 1\r\ncontent-length: 10\r\n\r\n", 304, b""),
        (b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\nx-a: 1\r\ncontent-length: 0\r\n\r\n", 302, b""),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-type: text/html\r\n\r\n<html>", 200, b"<html>"),
        (b"HTTP/1.0 200 OK\r\nx-a: 1\r\ncontent-type: application/json\r\n\r\n{}", 200, b"{}"),
        (
            b"HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\x8b\x08",
            200,
            b"\x1f\x8b\x08",
        ),
    ],
    ids=["204", "304", "304-length", "redirect", "hints", "until-the-end", "old", "packed"],
)
def test_an_unusual_answer_is_passed_on(path: str, answer: bytes, status: int, body: bytes) -> None:
    found = answered(answer, path)
    assert (found.status, found.body) == (status, body)
    assert found.header("x-a") == "1"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
def test_a_stream_that_just_ends_is_told_as_an_error(path: str) -> None:
    begins = {
        "/v1/chat/completions": b'data: {"choices": [{"index": 0, "delta": {"content": "h"}}]}\n\n',
        "/v1/messages": b'event: message_start\ndata: {"type": "message_start", "message": {}}\n\n',
        "/v1/responses": b'event: response.created\ndata: {"type": "response.created", "response": {}}\n\n',
    }
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    found = answered(head + begins[path] + b'data: {"half', path, STREAM)
    assert found.status == 200
    assert found.body.startswith(begins[path])
    rest = found.body.removeprefix(begins[path])
    assert b"half" not in rest
    assert b"[DONE]" not in rest
    told = json.loads(rest.partition(b"data: ")[2])
    assert told["error"]["message"]
