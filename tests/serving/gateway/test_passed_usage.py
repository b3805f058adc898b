"""What is passed through is metered however it comes: in one piece or many, packed, long, as events or as a list."""

from __future__ import annotations

import gzip
import json
import zlib
from decimal import Decimal

import pytest

from llmopt.serving.gateway.config.settings import GatewayConfig
from llmopt.serving.gateway.streams.copied import LONGEST_BYTES, Copy, unpacked
from llmopt.serving.gateway.values import Api, Headers, Metered
from tests.serving.gateway.running import gateway, until
from tests.serving.gateway.upstreams.fakes import FakeUpstream
from tests.serving.gateway.wire import ask

GEMINI = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
COUNTS = {"promptTokenCount": 100, "candidatesTokenCount": 10, "totalTokenCount": 110}
SAID = json.dumps({"candidates": [], "modelVersion": "gemini-2.5-flash", "usageMetadata": COUNTS}).encode()
SO_FAR = SAID.replace(b"10,", b"4,").replace(b"110", b"104")
COST = Decimal("0.000055")
"""100 tokens at $0.30 a million, and 10 at $2.50."""
JSON_KIND: Headers = ((b"content-type", b"application/json; charset=UTF-8"),)
EVENTS_KIND: Headers = ((b"content-type", b"text/event-stream"),)
GZIP: Headers = ((b"content-encoding", b"gzip"),)
LONG = SAID[:-1] + b',"pad":"' + b"x" * 2**21 + b'"}'


@pytest.mark.parametrize(
    ("headers", "body", "cost_usd"),
    [
        pytest.param(JSON_KIND, SAID, COST, id="without length"),
        pytest.param((*JSON_KIND, (b"content-length", b"%d" % len(LONG))), LONG, COST, id="long"),
        pytest.param(JSON_KIND + GZIP, gzip.compress(SAID), COST, id="packed"),
        pytest.param((*JSON_KIND, (b"content-encoding", b"br")), SAID, None, id="packed otherwise"),
        pytest.param(JSON_KIND, b"[" + SO_FAR + b",\r\n" + SAID + b"]", COST, id="list"),
        pytest.param(EVENTS_KIND, b"data: " + SAID + b"\r\n\r\n", COST, id="events"),
        pytest.param(EVENTS_KIND + GZIP, gzip.compress(b"data: " + SAID + b"\r\n\r\n"), COST, id="packed events"),
        pytest.param(((b"content-type", b"image/png"),), SAID, None, id="no JSON"),
    ],
)
def test_an_answer_is_metered_however_it_comes(headers: Headers, body: bytes, cost_usd: Decimal | None) -> None:
    noted: list[Metered] = []
    upstream = FakeUpstream(answers=[(200, headers, body)])
    with gateway(GatewayConfig(()), upstreams=[upstream]) as running:
        running.app.observe(noted.append)
        answer = ask(running.root, GEMINI, {"contents": []})
        until(lambda: bool(noted))
    assert (answer.status, answer.body) == (200, body)
    assert [each.cost_usd for each in noted] == [cost_usd]


def test_a_copy_is_no_longer_than_so_long_and_of_nothing_that_is_free() -> None:
    kept = Copy(Metered("r", Api.OTHER, 0.0), JSON_KIND)
    kept.feed(b"{")
    assert kept.raw() == b"{"
    kept.feed(b" " * LONGEST_BYTES)
    kept.feed(b"}")
    assert kept.raw() == b""
    free = Copy(Metered("r", Api.OTHER, 0.0, method="GET"), JSON_KIND)
    free.feed(b"{}")
    assert free.raw() == b""


def test_what_cannot_be_unpacked_is_nothing() -> None:
    deflate: Headers = ((b"content-encoding", b"Deflate"),)
    assert unpacked(deflate, zlib.compress(SAID)) == SAID
    assert unpacked(GZIP, SAID) == b""
    assert unpacked(((b"content-encoding", b"zstd"),), SAID) == b""
    assert unpacked(((b"content-encoding", b"identity"),), SAID) == SAID
    assert len(unpacked(GZIP, gzip.compress(bytes(2 * LONGEST_BYTES)))) == LONGEST_BYTES
