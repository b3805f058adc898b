"""Requests that are wrong, too large, too slow or no HTTP at all get the right 4xx, and the server stays up."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from llmopt.serving.gateway.config.settings import GatewayConfig, Limits, Times, UpstreamSettings
from llmopt.serving.http_connection import MOST_AHEAD
from llmopt.serving.mock_upstream.server import MockUpstream
from tests.serving.gateway.running import Running, gateway, until
from tests.serving.gateway.wire import CHAT, Wire, ask, request

LIMIT_BYTES = 100_000
BODY = json.dumps(CHAT).encode()


@pytest.fixture(scope="module")
def small(mock: MockUpstream) -> Iterator[Running]:
    """A gateway that takes little, and is not patient."""
    config = GatewayConfig(
        (UpstreamSettings(mock.url),),
        cache=None,
        limits=Limits(body_bytes=LIMIT_BYTES, bodies_bytes=3 * LIMIT_BYTES, head_bytes=16_384),
        times=Times(body_s=1.0, idle_s=5.0),
    )
    with gateway(config) as running:
        yield running


@pytest.fixture(autouse=True)
def stays_up(small: Running, plain: Running) -> Iterator[None]:
    """After each test both gateways still answer."""
    yield
    for running in (small, plain):
        assert ask(running.root, body=CHAT).status == 200
        idle(running)


def idle(running: Running) -> None:
    """Wait until nothing is counted as under way any more, which may be just after the client has its answer."""
    intake = running.app.intake
    until(lambda: (intake.requests, intake.bodies_bytes) == (0, 0))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"model": "gpt-4o-mini", }',
        b"[]",
        b'"text"',
        b"null",
        b'{"model": "a", "model": "b"}',
        b'{"messages": [{"role": "user", "role": "system"}]}',
        b'{"model": "\xff"}',
        b'{"model": "\xc3\x28"}',
        b'{"model": "\xed\xa0\x80"}',
        b'{"model": "m", "temperature": NaN}',
        b'{"model": "m", "logit_bias": {"1": -Infinity}}',
        b"\xff\xfe{\x00}\x00",
        b"{" * 200_000,
        b'{"a":' * 30_000 + b"1" + b"}" * 30_000,
    ],
    ids=[
        *("empty", "cut", "comma", "array", "string", "null", "twice", "twice-inside", "utf8", "utf8-pair"),
        *("half", "nan", "infinite", "utf16", "braces", "deep"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_no_json_object_is_400_in_the_form_of_the_api(
    plain: Running, mock: MockUpstream, path: str, body: bytes
) -> None:
    calls = mock.stats.calls
    answer = ask(plain.root, path, body)
    assert answer.status == 400, answer
    assert answer.header("content-type") == "application/json"
    error = answer.json["error"]
    assert error["type"] == "invalid_request_error"
    assert error["code"] == "malformed_json"
    assert (answer.json.get("type") == "error") == (path == "/v1/messages")
    assert mock.stats.calls == calls


def test_a_body_that_is_too_long_by_its_head_is_413(small: Running) -> None:
    body = b"x" * (LIMIT_BYTES + 1)
    answer = ask(small.root, body=body)
    assert (answer.status, answer.code) == (413, "body_too_large")


def test_a_very_long_body_is_413_and_the_client_can_send_it_to_its_end(small: Running) -> None:
    with Wire(small.root) as wire:
        wire.send(request(body=b"x" * 30_000_000))
        assert wire.answer().status == 413
        wire.send(request(body=CHAT))
        assert wire.answer().status == 200


def test_a_chunked_body_that_is_too_long_is_413(small: Running) -> None:
    with Wire(small.root) as wire:
        wire.send(request(headers={"transfer-encoding": "chunked"}, length=False))
        for _ in range(LIMIT_BYTES // 10_000 + 1):
            wire.send(b"2710\r\n" + b"x" * 10_000 + b"\r\n")
        wire.send(b"0\r\n\r\n")
        answer = wire.answer()
    assert (answer.status, answer.code) == (413, "body_too_large")


def test_who_waits_to_be_told_to_send_is_told_413_at_once(small: Running) -> None:
    with Wire(small.root) as wire:
        wire.send(request(headers={"expect": "100-continue", "content-length": str(10**9)}, length=False))
        answer = wire.answer()
        assert answer.status == 413
        assert answer.header("connection") == "close"
        assert wire.ended()


def test_who_waits_to_be_told_to_send_is_told(small: Running) -> None:
    data = json.dumps(CHAT).encode()
    with Wire(small.root) as wire:
        wire.send(request(headers={"expect": "100-continue", "content-length": str(len(data))}, length=False))
        assert wire.answer().status == 100
        wire.send(data)
        assert wire.answer().status == 200


def test_more_bodies_than_there_is_room_for_are_503(small: Running) -> None:
    wires = [Wire(small.root) for _ in range(4)]
    try:
        for wire in wires:
            wire.send(request(headers={"content-length": str(LIMIT_BYTES)}, length=False))
        statuses = sorted(wire.answer().status for wire in wires)
        assert statuses == [408, 408, 408, 503]
    finally:
        for wire in wires:
            wire.line.close()


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "x-unknown"])
def test_a_packed_body_is_415(plain: Running, encoding: str) -> None:
    answer = ask(plain.root, body=b"\x1f\x8b", headers={"content-encoding": encoding})
    assert (answer.status, answer.code) == (415, "packed")


def test_identity_is_no_packing(plain: Running) -> None:
    assert ask(plain.root, body=CHAT, headers={"content-encoding": "identity"}).status == 200


def test_a_body_that_does_not_come_is_408(small: Running) -> None:
    with Wire(small.root) as wire:
        wire.send(request(headers={"content-length": "100"}, length=False) + b'{"model"')
        answer = wire.answer()
        assert (answer.status, answer.code) == (408, "slow_body")
        assert wire.ended()


def test_an_upload_that_stops_is_408(mock: MockUpstream) -> None:
    config = GatewayConfig((UpstreamSettings(mock.url),), cache=None, times=Times(idle_s=0.3))
    with gateway(config) as running, Wire(running.root) as wire:
        wire.send(request("/v1/files", headers={"transfer-encoding": "chunked"}, length=False) + b"5\r\nhello\r\n")
        answer = wire.answer()
        assert (answer.status, answer.code) == (408, "slow_body")
        assert wire.ended()


def test_a_head_that_does_not_come_is_408(small: Running) -> None:
    with Wire(small.root) as wire:
        wire.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: ")
        answer = wire.answer()
        assert answer.status == 408
        assert wire.ended()


def test_a_second_head_that_does_not_come_is_408(small: Running) -> None:
    with Wire(small.root) as wire:
        wire.send(request(body=CHAT))
        assert wire.answer().status == 200
        wire.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: ")
        assert wire.answer().status == 408


@pytest.mark.parametrize(
    "head",
    [b"x-large: " + b"a" * 400_000, b"".join(b"x-%d: 1\r\n" % number for number in range(60_000))],
    ids=["one", "many"],
)
def test_a_head_that_is_too_long_is_431(small: Running, head: bytes) -> None:
    with Wire(small.root) as wire:
        try:
            wire.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n" + head)
        except (BrokenPipeError, ConnectionResetError):
            return
        assert wire.answer().status == 431


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nhost: x\r\nx-a: b\x00c\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nx-a\x01: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nx a: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\n folded: b\r\n\r\n",
        b"POST /v1/x HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcde",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 1e3\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\nhost: x\r\n\r\n",
        b"NONSENSE\r\n\r\n",
    ],
    ids=[
        *("nul", "name", "space", "folded", "both-lengths", "two-lengths", "negative", "exponent", "chunk"),
        *("tls", "version", "nonsense"),
    ],
)
def test_what_is_no_http_is_400(plain: Running, mock: MockUpstream, head: bytes) -> None:
    calls = mock.stats.calls
    with Wire(plain.root) as wire:
        wire.send(head)
        assert wire.answer().status == 400
    assert mock.stats.calls == calls


def test_too_many_requests_are_503(mock: MockUpstream) -> None:
    config = GatewayConfig((UpstreamSettings(mock.url),), cache=None, limits=replace(Limits(), requests=1))
    with gateway(config) as running, Wire(running.root) as first:
        first.send(request(body={**CHAT, "model": "mock-hang-head"}))
        assert mock.wait_for(lambda stats: stats.open >= 1)
        answer = ask(running.root, body=CHAT)
        assert (answer.status, answer.code) == (503, "too_many_requests")
        assert answer.header("retry-after") == "1"


def test_an_error_of_the_upstream_is_passed_on_as_it_is(plain: Running) -> None:
    answer = ask(plain.root, body={**CHAT, "model": "mock-status-418"})
    assert answer.status == 418
    assert answer.header("x-llmopt-request-id") is not None


def test_no_upstream_is_502(plain: Running) -> None:
    with gateway(GatewayConfig((UpstreamSettings("http://127.0.0.1:9/v1"),), cache=None)) as running:
        answer = ask(running.root, body=CHAT)
        assert (answer.status, answer.code) == (502, "upstream_unreachable")
        answer = ask(running.root, "/v1/messages", CHAT)
        assert answer.json["type"] == "error"
        assert answer.json["error"]["type"] == "api_error"


@pytest.mark.parametrize("headers", [{"x-llmopt-timeout-ms": "200"}, {"x-stainless-timeout": "0.2"}])
def test_the_deadline_of_a_client_is_504(plain: Running, headers: dict[str, str]) -> None:
    answer = ask(plain.root, body={**CHAT, "model": "mock-hang-head"}, headers=headers)
    assert (answer.status, answer.code) == (504, "upstream_timeout")


def sized(size_bytes: int, lines: int = 1) -> bytes:
    """A head of so many bytes, most of them in some headers."""
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n" % len(BODY)
    left = size_bytes - len(head) - 2
    for number in range(lines, 0, -1):
        long = left // number
        head += b"x-long: %b\r\n" % (b"a" * (long - len("x-long: \r\n")))
        left -= long
    return head + b"\r\n"


@pytest.mark.parametrize("lines", [1, 100])
@pytest.mark.parametrize("parts", [1, 2, 5], ids=["at-once", "two", "five"])
def test_the_limit_of_a_head_holds_to_the_byte(small: Running, lines: int, parts: int) -> None:
    for size_bytes, statuses in ((16_384, (200, 200)), (16_385, (431,))):
        data = sized(size_bytes, lines) + BODY
        with Wire(small.root) as wire:
            step = -(-len(data) // parts)
            for _ in statuses:
                for begin in range(0, len(data), step):
                    wire.send(data[begin : begin + step])
                    time.sleep(0.002)
            for status in statuses:
                answer = wire.answer()
                assert answer.status == status
            if answer.status == 431:
                assert answer.code == "head_too_large"
                assert wire.ended()


def test_a_long_body_makes_no_head_too_long(small: Running) -> None:
    padded = BODY + b" " * 40_000
    one = request(body=padded)
    with Wire(small.root) as wire:
        wire.send(one * 3)
        wire.send(one[:50])
        assert [wire.answer().status for _ in range(3)] == [200] * 3
        wire.send(one[50:])
        assert wire.answer().status == 200


def test_nobody_is_told_what_the_upstream_was_sent(plain: Running, mock: MockUpstream) -> None:
    calls = mock.stats.calls
    answer = ask(plain.root, "/v1/models", method="TRACE")
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert mock.stats.calls == calls


def test_so_many_requests_may_come_before_an_answer(plain: Running, mock: MockUpstream) -> None:
    one = request("/v1/models", method="GET")
    with Wire(plain.root) as wire:
        wire.send(one * MOST_AHEAD)
        assert {wire.answer().status for _ in range(MOST_AHEAD)} == {200}
    with Wire(plain.root) as wire:
        wire.send(one * (MOST_AHEAD + 2))
        while (answer := wire.answer()).status == 200:
            pass
        assert (answer.status, answer.code) == (400, "too_many_ahead")


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        (b"GET /v1/models HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n", 400, "several_hosts"),
        (b"GET /v1/models HTTP/1.0\r\nhost: x\r\nhost: y\r\n\r\n", 400, "several_hosts"),
        (b"GET /v1/models HTTP/2.0\r\nhost: x\r\n\r\n", 505, "http_version"),
        (b"GET /v1/models\r\n\r\n", 505, "http_version"),
        (b"POST /v1/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, "unknown_coding"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "malformed_http"),
        (b"POST /v1/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n", 400, "malformed_http"),
    ],
    ids=["hosts", "old-hosts", "two", "nine", "coded", "tls", "size"],
)
def test_a_head_that_servers_read_differently_is_refused(small: Running, head: bytes, status: int, code: str) -> None:
    with Wire(small.root) as wire:
        wire.send(head)
        answer = wire.answer()
        assert (answer.status, answer.code) == (status, code)
        assert wire.ended()


def test_what_comes_behind_a_body_in_chunks_is_no_header(plain: Running, mock: MockUpstream) -> None:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    chunks = b"%x;a=b\r\n%b\r\n0\r\nauthorization: Bearer other\r\nx-llmopt-tags: a=b\r\n\r\n" % (len(BODY), BODY)
    with Wire(plain.root) as wire:
        wire.send(head + chunks)
        assert wire.answer().status == 200
        assert mock.requests[-1].body == BODY
        assert mock.requests[-1].header("authorization") is None
        wire.send(head + b"".join(b"1\r\n%c\r\n" % each for each in BODY) + b"0\r\n\r\n")
        assert wire.answer().status == 200
        assert mock.requests[-1].body == BODY


@pytest.mark.parametrize("endless", [b"1;" + b"a" * 50_000, b"0\r\nx-a: " + b"a" * 50_000], ids=["chunk", "trailer"])
def test_chunks_that_say_more_of_themselves_than_they_hold_are_refused(small: Running, endless: bytes) -> None:
    with Wire(small.root) as wire:
        wire.send(b"POST /v1/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        try:
            for _ in range(20):
                wire.send(endless)
        except (BrokenPipeError, ConnectionResetError):
            return
        assert wire.answer().status == 400
