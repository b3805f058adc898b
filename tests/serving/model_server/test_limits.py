"""What one client may take: bytes, inputs, time, room in the queue; and clients that go away."""

from __future__ import annotations

import http.client
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from llmopt.errors import UsageError
from llmopt.serving.batching import BatchSettings
from llmopt.serving.model_server.values import Limits
from tests.serving.model_server.running import PATIENCE_S, Letters, Running, serving, until

HEAD = b"POST /predict HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\n"


def body_of(size_bytes: int) -> bytes:
    """Return a body that is not wrong but for its size."""
    return b'{"input": "a"' + b" " * (size_bytes - 14) + b"}"


def exchange(server: Running, *parts: bytes) -> bytes:
    """Send bytes as they are and return all that comes until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as line:
        for part in parts:
            line.sendall(part)
        found = b""
        while piece := line.recv(65_536):
            found += piece
        return found


def test_a_body_may_be_as_long_as_the_limit_and_no_longer() -> None:
    with serving(Letters().served(), limits=Limits(max_body_bytes=1000)) as server:
        assert server.ask("/predict", body_of(1000)).status == 200
        for size_bytes in (1001, 100_000, 5_000_000):
            answer = server.ask("/predict", body_of(size_bytes))
            assert (answer.status, answer.code) == (413, "body_too_large")
            assert "1,000 bytes" in answer.json["error"]["message"]
        assert server.ask("/predict", body_of(1000)).status == 200


def test_a_body_of_unknown_length_is_counted_while_it_comes() -> None:
    chunk = b"%x\r\n%s\r\n" % (600, b" " * 600)
    with serving(Letters().served(), limits=Limits(max_body_bytes=1000)) as server:
        told = exchange(
            server, HEAD, b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n", chunk * 5, b"0\r\n\r\n"
        )
        assert told.startswith(b"HTTP/1.1 413")
        small = b'e\r\n{"input": "a"}\r\n0\r\n\r\n'
        told = exchange(server, HEAD, b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n", small)
        assert told.startswith(b"HTTP/1.1 200")


def test_a_client_that_asks_first_is_refused_before_it_sends() -> None:
    with serving(Letters().served(), limits=Limits(max_body_bytes=1000)) as server:
        told = exchange(server, HEAD, b"content-length: 5000\r\nexpect: 100-continue\r\n\r\n")
        assert told.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(("path", "kind", "status"), [("/predict", "text/plain", 415), ("/", "application/json", 404)])
def test_a_client_that_is_refused_before_its_body_is_read_gets_the_answer(path: str, kind: str, status: int) -> None:
    with serving(Letters().served()) as server:
        for _ in range(20):
            answer = server.ask(path, b" " * 3_000_000, headers={"content-type": kind, "connection": "close"})
            assert answer.status == status


def test_a_head_without_end_is_refused() -> None:
    with serving(Letters().served()) as server:
        line = b"GET /healthz HTTP/1.1\r\nx: "
        for parts in ([line + b"x" * 70_000], [line, *[b"x" * 10_000 + b"\r\nx: "] * 7], [b"GET /" + b"u" * 70_000]):
            assert exchange(server, *parts).startswith(b"HTTP/1.1 431")
        long = line + b"x" * 40_000 + b"\r\n\r\n"
        told = exchange(server, long, long, long, b"GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n")
        assert told.count(b"HTTP/1.1 200") == 4


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    with serving(Letters().served(), limits=Limits(timeout_s=0.05)) as server:
        told = exchange(server, HEAD, b'content-length: 50\r\n\r\n{"input"')
        assert told.startswith(b"HTTP/1.1 408")
        assert json.loads(told.partition(b"\r\n\r\n")[2])["error"]["code"] == "slow_body"


def test_only_so_many_inputs_at_once() -> None:
    with serving(Letters().served(), limits=Limits(max_inputs=3)) as server:
        assert server.ask("/predict", {"input": ["a"] * 3}).status == 200
        answer = server.ask("/predict", {"input": ["a"] * 4})
        assert (answer.status, answer.code) == (400, "too_many_inputs")


def test_a_full_queue_refuses_and_says_when_to_come_again() -> None:
    model = Letters(hold=True)
    with serving(model.served(), BatchSettings(max_batch_size=1), max_queue=2) as server:
        waiting = [server.later("/predict", {"input": "a"})]
        assert model.began.get(timeout=PATIENCE_S) == 1
        waiting += [server.later("/predict", {"input": "a"}) for _ in range(2)]
        until(lambda: server.metric("llmopt_queue_inputs") == 2)
        refused = server.ask("/predict", {"input": "a"})
        assert (refused.status, refused.code) == (503, "queue_full")
        assert refused.json["error"]["type"] == "overloaded_error"
        assert int(refused.headers["retry-after"]) >= 1
        assert int(refused.headers["retry-after-ms"]) >= 1
        assert server.ask("/healthz").status == 200
        model.go.set()
        assert {answers.get(timeout=PATIENCE_S).status for answers in waiting} == {200}
        assert server.ask("/predict", {"input": "a"}).status == 200
        assert server.metric("llmopt_http_requests_rejected_total", reason="queue_full") == 1


def test_a_request_with_more_inputs_than_the_queue_holds_is_answered() -> None:
    with serving(Letters().served(), BatchSettings(max_batch_size=2), max_queue=3) as server:
        assert server.ask("/predict", {"input": ["a"] * 200}).json["usage"]["inputs"] == 200


def test_a_request_with_many_inputs_that_finds_the_queue_full_is_refused_once() -> None:
    model = Letters(hold=True)
    with serving(model.served(), BatchSettings(max_batch_size=1), max_queue=3) as server:
        waiting = [server.later("/predict", {"input": "a"})]
        assert model.began.get(timeout=PATIENCE_S) == 1
        waiting += [server.later("/predict", {"input": "a"}) for _ in range(2)]
        until(lambda: server.metric("llmopt_queue_inputs") == 2)
        refused = server.ask("/predict", {"input": ["b"] * 3})
        assert (refused.status, refused.code) == (503, "queue_full")
        until(lambda: server.metric("llmopt_queue_inputs") == 2)
        model.go.set()
        assert {answers.get(timeout=PATIENCE_S).status for answers in waiting} == {200}
    assert model.seen == [[97]] * 3


def test_an_answer_that_comes_too_late_is_a_504_and_what_waits_is_never_computed() -> None:
    model = Letters(hold=True)
    with serving(model.served(), BatchSettings(max_batch_size=1), limits=Limits(timeout_s=0.4)) as server:
        running = server.later("/predict", {"input": "a"})
        assert model.began.get(timeout=PATIENCE_S) == 1
        waiting = server.later("/predict", {"input": ["b", "c"]})
        late = [answers.get(timeout=PATIENCE_S) for answers in (running, waiting)]
        assert [(answer.status, answer.code) for answer in late] == [(504, "deadline")] * 2
        model.go.set()
        until(lambda: server.metric("llmopt_batch_inputs_count") == 1)
        assert server.ask("/predict", {"input": "d"}).status == 200
        assert model.seen == [[ord("a")], [ord("d")]]


def test_the_work_for_a_client_that_goes_away_is_dropped() -> None:
    model = Letters(hold=True)
    with serving(model.served(), BatchSettings(max_batch_size=1)) as server:
        first = server.later("/predict", {"input": "a"})
        assert model.began.get(timeout=PATIENCE_S) == 1
        gone = http.client.HTTPConnection("127.0.0.1", server.port)
        gone.request("POST", "/predict", b'{"input": ["b", "c"]}', {"content-type": "application/json"})
        until(lambda: server.metric("llmopt_queue_inputs") == 2)
        gone.close()
        until(lambda: server.metric("llmopt_queue_inputs") == 0)
        model.go.set()
        assert first.get(timeout=PATIENCE_S).status == 200
        assert server.ask("/predict", {"input": "d"}).status == 200
        assert model.seen == [[ord("a")], [ord("d")]]
        until(lambda: server.metric("llmopt_http_requests_total", status="499") == 1)
        assert server.metric("llmopt_http_requests_rejected_total", reason="client_gone") == 1
        assert server.metric("llmopt_inputs_dropped_total", reason="cancelled") == 2


def test_a_client_that_goes_away_while_it_sends_harms_nobody() -> None:
    with serving(Letters().served()) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as line:
            line.sendall(HEAD + b'content-length: 50\r\n\r\n{"input"')
            until(lambda: server.metric("llmopt_http_requests_in_flight") == 2)
        until(lambda: server.metric("llmopt_http_requests_total", status="499") == 1)
        assert server.ask("/predict", {"input": "a"}).status == 200


def test_the_client_of_openai_comes_again_by_itself() -> None:
    model = Letters()
    with serving(model.served(), BatchSettings(max_batch_size=1), max_queue=1) as server:
        assert server.ask("/predict", {"input": "a"}).status == 200  # so that it knows how soon to come again
        model.hold = True
        waiting = [server.later("/predict", {"input": "a"})]
        assert model.began.get(timeout=PATIENCE_S) == 1
        waiting += [server.later("/predict", {"input": "a"})]
        until(lambda: server.metric("llmopt_queue_inputs") == 1)

        def refused() -> bool:
            return server.metric("llmopt_http_requests_rejected_total", reason="queue_full") >= 1

        def ask() -> Any:
            with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=1000) as client:
                return client.embeddings.create(model="letters", input="b").data[0].embedding

        with ThreadPoolExecutor(1) as pool:
            patient = pool.submit(ask)
            until(refused)
            assert 1 <= int(server.ask("/predict", {"input": "a"}).headers["retry-after-ms"]) < 1000
            model.go.set()
            assert patient.result(PATIENCE_S) == [1.0, 98.0, -1.0]
        assert {answers.get(timeout=PATIENCE_S).status for answers in waiting} == {200}


@pytest.mark.parametrize(
    "wrong", [{"max_body_bytes": 0}, {"max_inputs": 0}, {"timeout_s": 0.0}, {"timeout_s": float("inf")}]
)
def test_limits_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Limits(**wrong)
