"""Fallbacks with the real clients of openai and anthropic, through a server on the loopback."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import openai
import pytest

from llmopt.serving.routing import Fallback, Kind, Target, failure_of, parse_policy

POLICY = parse_policy('default = "a"\n[routes]\na = "one"\nb = "two"\n[fallback.chains]\na = ["b"]\n')
CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
ANSWER = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "yes"}}],
}
MESSAGE = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "yes"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


class Server(ThreadingHTTPServer):
    """Answers for every model but `one`, which does as a test says."""

    daemon_threads = True
    said: tuple[int, object, dict[str, str]] | None = None
    """Status, body and headers; None: the connection is dropped."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that go away."""


class Asked(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        is_anthropic = "anthropic-version" in self.headers
        if body["model"] != "one":
            self.say(200, self.answer(is_anthropic, streamed=bool(body.get("stream"))), {})
        elif self.server.said is None:
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.say(*self.server.said)

    def answer(self, is_anthropic: bool, *, streamed: bool) -> object:
        if not streamed:
            return MESSAGE if is_anthropic else ANSWER
        chunk = {**CHUNK, "choices": [{"index": 0, "delta": {"content": "yes"}}]}
        return f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n"

    def say(self, status: int, body: object, headers: dict[str, str]) -> None:
        raw = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        kind = "text/event-stream" if isinstance(body, str) and body.startswith("data:") else "application/json"
        for name, value in {"content-type": kind, "content-length": str(len(raw)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Asked) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def ask_openai(server: Server) -> Iterator[Callable[..., Any]]:
    with openai.OpenAI(api_key="x", base_url=server.url, max_retries=0, timeout=5) as client:

        def ask(target: Target, **settings: Any) -> Any:
            return client.chat.completions.create(
                model=target.model, messages=[{"role": "user", "content": "q"}], **settings
            )

        yield ask


@pytest.fixture
def ask_anthropic(server: Server) -> Iterator[Callable[..., Any]]:
    anthropic = pytest.importorskip("anthropic", reason="the client of Anthropic is not installed")
    with anthropic.Anthropic(api_key="x", base_url=server.url, max_retries=0, timeout=5) as client:
        yield lambda target: client.messages.create(
            model=target.model, max_tokens=5, messages=[{"role": "user", "content": "q"}]
        )


STATUSES = [
    (400, "no such parameter", Kind.REQUEST),
    (400, "This model's maximum context length is 8 tokens", Kind.CONTEXT_LENGTH),
    (401, "no", Kind.AUTH),
    (402, "no", Kind.OVERLOADED),
    (403, "no", Kind.AUTH),
    (404, "no", Kind.NOT_FOUND),
    (408, "no", Kind.TIMEOUT),
    (409, "no", Kind.SERVER),
    (413, "no", Kind.CONTEXT_LENGTH),
    (422, "no", Kind.REQUEST),
    (429, "no", Kind.OVERLOADED),
    (500, "no", Kind.SERVER),
    (503, "no", Kind.OVERLOADED),
    (529, "no", Kind.OVERLOADED),
]


@pytest.mark.parametrize("client", ["ask_openai", "ask_anthropic"])
@pytest.mark.parametrize(("status", "message", "kind"), STATUSES)
def test_each_status(
    server: Server, request: pytest.FixtureRequest, client: str, status: int, message: str, kind: Kind
) -> None:
    ask = request.getfixturevalue(client)
    server.said = (status, {"type": "error", "error": {"type": "t", "message": message}}, {"retry-after": "7"})
    with pytest.raises(Exception, match=message) as caught:
        ask(Target("a", "one", None))
    failure = failure_of(caught.value)
    assert (failure.kind, failure.status, failure.retry_after_s) == (kind, status, 7.0)


@pytest.mark.parametrize(
    "said", [None, (200, "<html>", {}), (502, "<html>", {}), (503, {"error": {"message": "no"}}, {})]
)
def test_another_model_answers(
    server: Server, ask_openai: Callable[..., Any], said: tuple[int, object, dict[str, str]] | None
) -> None:
    server.said = said
    served = Fallback(POLICY).call("a", ask_openai)
    assert (served.model, served.value.choices[0].message.content) == ("two", "yes")
    assert [attempt.failure is None for attempt in served.attempts] == [False, True]


@pytest.mark.parametrize(
    "said",
    [
        None,
        (503, {"error": {"message": "no"}}, {}),
        (200, "data: [DONE]\n\n", {}),
        (200, 'data: {"error": {"message": "no", "type": "server_error"}}\n\n', {}),
    ],
)
def test_another_model_streams(
    server: Server, ask_openai: Callable[..., Any], said: tuple[int, object, dict[str, str]] | None
) -> None:
    server.said = said
    served = Fallback(POLICY).stream("a", lambda target: ask_openai(target, stream=True))
    assert served.model == "two"
    assert [chunk.choices[0].delta.content for chunk in served.value] == ["yes"]


def test_a_stream_that_breaks_off_is_not_begun_anew(server: Server, ask_openai: Callable[..., Any]) -> None:
    chunk = {**CHUNK, "choices": [{"index": 0, "delta": {"content": "half"}}]}
    server.said = (200, f"data: {json.dumps(chunk)}\n\n", {"content-length": "9999", "connection": "close"})
    served = Fallback(POLICY).stream("a", lambda target: ask_openai(target, stream=True))
    assert (served.model, next(served.value).choices[0].delta.content) == ("one", "half")
    with pytest.raises(openai.APIConnectionError):
        next(served.value)
