"""What goes through the gateway comes out as it went in: bytes, methods, end-to-end headers, both ways."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmopt.serving.gateway.config.settings import GatewayConfig, UpstreamSettings
from llmopt.serving.mock_upstream.server import MockUpstream
from tests.serving.gateway.running import Running, gateway, until
from tests.serving.gateway.wire import CHAT, Wire, ask, request

SENT = {"x-custom": "a  b", "authorization": "Bearer sk-secret", "openai-organization": "org", "x-dup": "1"}


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "POST", "OPTIONS"])
def test_any_method_and_path_goes_through(plain: Running, mock: MockUpstream, method: str) -> None:
    body = b"" if method == "GET" else b"\x00\xff not json"
    path = "/v1/files/a%2Fb%20c?purpose=x%26y&z="
    answer = ask(plain.root, path, body, method=method, headers={**SENT, "content-type": "application/octet-stream"})
    assert answer.status == 200
    seen = mock.requests[-1]
    assert (seen.method, seen.path, seen.body) == (method, path, body)
    for name, value in SENT.items():
        assert seen.header(name) == value
    assert seen.header("x-llmopt-tags") is None


@pytest.mark.parametrize(
    "path",
    ["/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings", "/v1/messages", "/chat/completions"],
)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_request_reaches_the_upstream_byte_for_byte(
    plain: Running, mock: MockUpstream, path: str, streamed: bool
) -> None:
    text = json.dumps({"z": [1.0, 1e400, -0.0], **CHAT, "stream_options": {"include_usage": True}, "stream": streamed})
    text = text.replace("Infinity", "1e400")  # no float of Python's, but a number of JSON's
    body = text.replace(", ", " ,\t").replace("hello", "h\\u00e9llo \U0001f600").encode()
    ask(plain.root, path, body, headers={**SENT, "x-llmopt-tags": "team=a", "accept-encoding": "gzip"})
    seen = mock.requests[-1]
    assert seen.body == body
    assert seen.path == (path if path.startswith("/v1") else f"/v1{path}")
    assert {name: seen.header(name) for name in SENT} == SENT
    assert seen.header("x-llmopt-tags") is None
    assert seen.header("accept-encoding") == "identity"


def test_headers_about_the_connection_stay_here(plain: Running, mock: MockUpstream) -> None:
    about = {"connection": "keep-alive, x-hop", "x-hop": "1", "te": "trailers", "keep-alive": "timeout=5", "x-end": "1"}
    ask(plain.root, "/v1/other", headers=about, method="GET")
    seen = mock.requests[-1]
    assert seen.header("x-end") == "1"
    assert [seen.header(name) for name in ("x-hop", "te", "keep-alive")] == [None, None, None]


def test_an_answer_comes_back_byte_for_byte(plain: Running, mock: MockUpstream) -> None:
    with Wire(mock.root) as straight, Wire(plain.root) as through:
        for wire in (straight, through):
            wire.send(request(body=CHAT))
        expected, found = straight.answer(), through.answer()
    assert {**found.json, "id": "", "created": 0} == {**expected.json, "id": "", "created": 0}
    own = {name for name, _ in found.headers} - {name for name, _ in expected.headers}
    assert own <= {"date", *(f"x-llmopt-{each}" for each in ("request-id", "cache", "cost-usd", "saved-usd"))}
    assert found.header("server") == "mock"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=3000), kind=st.sampled_from(["application/json", "text/event-stream", "image/png"]))
def test_whatever_the_upstream_answers_comes_back(plain: Running, body: bytes, kind: str) -> None:
    answer = ask(plain.root, "/v1/other", body, headers={"content-type": kind, "x-mock-echo": "body"})
    assert answer.status == 200
    assert answer.body == body
    assert answer.header("content-type") == kind


def test_a_model_decides_about_the_upstream_of_what_is_passed_through(mock: MockUpstream) -> None:
    with MockUpstream() as other:
        upstreams = (UpstreamSettings(mock.url), UpstreamSettings(other.url, name="other", models=("claude-*",)))
        with gateway(GatewayConfig(upstreams, cache=None)) as running:
            counted = ask(running.root, "/v1/messages/count_tokens", {**CHAT, "model": "claude-opus-4-6"})
            assert counted.status == 200
            assert other.requests[-1].path == "/v1/messages/count_tokens"
            ask(running.root, "/v1/messages/count_tokens", {**CHAT, "model": 5})
            ask(running.root, "/v1/files", b'{"model": "claude-opus-4-6"')
            assert len(other.requests) == 1


def test_a_long_upload_goes_through_as_it_comes(plain: Running, mock: MockUpstream) -> None:
    body = bytes(range(256)) * 20_000
    answer = ask(plain.root, "/v1/files", body, headers={"content-type": "application/octet-stream"})
    assert answer.status == 200
    assert mock.requests[-1].body == body
    until(lambda: plain.app.intake.bodies_bytes == 0)


def test_a_chunked_upload_goes_through(plain: Running, mock: MockUpstream) -> None:
    with Wire(plain.root) as wire:
        wire.send(request("/v1/files", headers={"transfer-encoding": "chunked"}, length=False))
        wire.send(b"5\r\nhello\r\n")
        wire.send(b"6\r\n world\r\n0\r\n\r\n")
        assert wire.answer().status == 200
        assert mock.requests[-1].body == b"hello world"
        wire.send(request("/v1/models", method="GET"))
        assert wire.answer().status == 200


def test_head_has_no_body_and_the_length_of_one(plain: Running) -> None:
    with Wire(plain.root) as wire:
        wire.send(request("/v1/models", method="HEAD"))
        assert wire.answer(method="HEAD").status == 200
        wire.send(request("/v1/models", method="GET"))
        assert wire.answer().status == 200


def test_requests_sent_at_once_are_answered_in_order(plain: Running) -> None:
    with Wire(plain.root) as wire:
        bodies = [{**CHAT, "model": f"gpt-4o-mini-{number}"} for number in range(5)]
        wire.send(b"".join(request(body=body) for body in bodies))
        assert [wire.answer().json["model"] for _ in bodies] == [body["model"] for body in bodies]


def test_models_are_those_of_the_upstream(plain: Running, mock: MockUpstream) -> None:
    expected, found = (ask(root, "/v1/models", method="GET") for root in (mock.root, plain.root))
    assert found.body == expected.body


@pytest.fixture(scope="module")
def keyed(mock: MockUpstream, monkeypatch_module: pytest.MonkeyPatch) -> Iterator[Running]:
    """A gateway whose upstream has a key of its own."""
    monkeypatch_module.setenv("UPSTREAM_KEY", "sk-upstream")
    with gateway(GatewayConfig((UpstreamSettings(mock.url, api_key_env="UPSTREAM_KEY"),), cache=None)) as running:
        yield running


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models?key=sk-secret&x=1"])
def test_an_upstream_with_a_key_gets_that_alone(keyed: Running, mock: MockUpstream, path: str) -> None:
    brought = dict.fromkeys(("authorization", "x-api-key", "api-key", "x-goog-api-key"), "sk-secret")
    ask(keyed.root, path, CHAT, headers=brought)
    seen = mock.requests[-1]
    assert [seen.header(name) for name in brought] == ["Bearer sk-upstream", None, None, None]
    assert "sk-secret" not in seen.path


def test_headers_of_the_gateway_are_clean(plain: Running) -> None:
    answer = ask(plain.root, body=CHAT)
    for name, value in answer.headers:
        assert name.isascii()
        assert value.isascii()
        assert value.isprintable()
