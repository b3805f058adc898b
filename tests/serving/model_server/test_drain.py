"""The end of a server: what was taken is answered, nothing new is, and it does not take for ever."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from typing import Any

import pytest

from llmopt.errors import UsageError
from llmopt.serving.batching import BatchSettings
from llmopt.serving.model_server import running
from llmopt.serving.model_server.app import model_app
from llmopt.serving.model_server.running import serve
from llmopt.serving.model_server.service import Service
from llmopt.serving.model_server.values import ServedModel
from llmopt.serving.running import Ended, listen
from tests.serving.model_server.running import PATIENCE_S, Letters, serving, until

JSON = {"content-type": "application/json"}


def listens(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def exchanged(port: int, send: Callable[[http.client.HTTPConnection], None]) -> int:
    """Return the status of the answer to one request."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        send(line)
        return line.getresponse().status
    finally:
        line.close()


def test_what_is_queued_is_answered_and_nothing_new_is_taken() -> None:
    model = Letters(hold=True)
    with serving(model.served(), BatchSettings(max_batch_size=2)) as server:
        waiting = [server.later("/predict", {"input": "a"})]
        assert model.began.get(timeout=PATIENCE_S) == 1
        waiting += [server.later("/predict", {"input": text}) for text in ("b", "c", "d", "e")]
        large = server.later("/predict", {"input": ["f"] * 20})
        until(lambda: server.metric("llmopt_queue_inputs") >= 8)
        server.stop()
        until(lambda: server.ask("/healthz").status == 503)
        health = server.ask("/healthz")
        assert health.json["status"] == "draining"
        assert health.headers["connection"] == "close"
        refused = server.ask("/predict", {"input": "new"})
        assert (refused.status, refused.code, refused.headers["connection"]) == (503, "stopping", "close")
        assert "retry-after" in refused.headers
        model.go.set()
        assert {answers.get(timeout=PATIENCE_S).status for answers in waiting} == {200}
        assert large.get(timeout=PATIENCE_S).json["usage"]["inputs"] == 20
        assert server.end() == Ended(0, clean=True)


def test_the_port_is_free_afterwards() -> None:
    with serving(Letters().served()) as server:
        assert server.ask("/healthz").status == 200
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", server.port))


def test_an_idle_connection_does_not_hold_it_up() -> None:
    with serving(Letters().served()) as server:
        kept = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
        kept.request("GET", "/healthz")
        assert kept.getresponse().read()
        assert server.end() == Ended(0, clean=True)
        kept.close()


def test_what_takes_too_long_is_told_and_counted() -> None:
    model = Letters(hold=True)
    with serving(model.served(), BatchSettings(max_batch_size=1), drain_s=0.05) as server:
        waiting = [server.later("/predict", {"input": "a"})]
        assert model.began.get(timeout=PATIENCE_S) == 1
        waiting += [server.later("/predict", {"input": text}) for text in ("b", "c")]
        until(lambda: server.metric("llmopt_queue_inputs") == 2)
        assert server.end() == Ended(3, clean=False)
        answers = [one.get(timeout=PATIENCE_S) for one in waiting]
        assert [(answer.status, answer.code) for answer in answers] == [(503, "stopping")] * 3
        model.go.set()


def test_no_caller_is_lost_while_the_port_is_closed() -> None:
    def call(port: int) -> list[int | str]:
        found: list[int | str] = []
        while True:
            try:
                found.append(exchanged(port, lambda line: line.request("POST", "/predict", b'{"input": "a"}', JSON)))
            except ConnectionRefusedError:
                return found
            except OSError as error:
                found.append(type(error).__name__)

    with serving(Letters().served()) as server, ThreadPoolExecutor(16) as pool:
        calling = [pool.submit(call, server.port) for _ in range(16)]
        until(lambda: server.metric("llmopt_http_requests_total", status="200") >= 16)
        assert server.end() == Ended(0, clean=True)
        told = Counter(status for one in calling for status in one.result(PATIENCE_S))
    assert set(told) <= {200, 503}
    assert told[200] >= 16


@pytest.mark.parametrize(("reads", "ended"), [(True, Ended(0, clean=True)), (False, Ended(1, clean=True))])
def test_a_client_may_read_as_long_as_there_is_time(reads: bool, ended: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_CUT_S", 0.01)
    model = ServedModel("long", "callable", lambda texts: ["x" * 100_000 for _ in texts])
    with serving(model, drain_s=PATIENCE_S if reads else 0.3) as server, socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 10_000)
        line.settimeout(PATIENCE_S)
        line.connect(("127.0.0.1", server.port))
        body = b'{"input": [%s]}' % b",".join([b'"a"'] * 100)
        head = b"POST /predict HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        line.sendall(head % len(body) + body)
        until(lambda: server.metric("llmopt_http_requests_total", route="/predict", status="200") == 1)
        server.stop()
        until(lambda: not listens(server.port))
        size_bytes = 0
        while reads and (piece := line.recv(2**20)):
            size_bytes += len(piece)
        assert server.end() == ended
        assert size_bytes > 100 * 100_000 * reads - 1


def test_requests_wait_until_the_model_is_warm() -> None:
    model, opened = Letters(), threading.Event()

    def slow_at_first(requests: list[list[int]]) -> list[list[float]]:
        assert opened.wait(PATIENCE_S)
        return model.predict(requests)

    ports: Queue[int] = Queue()

    def ask() -> None:
        port = ports.get(timeout=PATIENCE_S)
        until(lambda: listens(port))
        found.append(exchanged(port, lambda line: line.request("GET", "/healthz")))
        found.append(exchanged(port, asked))

    def asked(line: http.client.HTTPConnection) -> None:
        line.request("POST", "/predict", b'{"input": "a"}', JSON)
        opened.set()

    found: list[int] = []
    asking = threading.Thread(target=ask)
    asking.start()
    with serving(model.served(predict=slow_at_first, warm_up=("warm",)), told_port=ports.put) as server:
        asking.join(PATIENCE_S)
        assert found == [503, 200]
        assert server.ask("/healthz").status == 200
        assert server.metric("llmopt_batch_inputs_sum") == 1


def test_the_application_runs_without_our_server_too() -> None:
    service = Service(Letters().served())
    app = model_app(service)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if sent:
            await asyncio.Event().wait()
        sent.append({})
        return {"type": "http.request", "body": b'{"input": "abc"}'}

    async def send(message: Any) -> None:
        sent.append(message)

    async def once() -> None:
        scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/predict", "query_string": b""}
        scope["headers"] = [(b"content-type", b"application/json")]
        async with app.router.lifespan_context(app):
            await app(scope, receive, send)

    asyncio.run(once())
    assert sent[1]["status"] == 200
    assert b"[3.0,97.0,-1.0]" in sent[2]["body"]


def test_a_bug_is_a_500_and_no_end(caplog: pytest.LogCaptureFixture) -> None:
    def broken(texts: Any) -> Any:
        raise ZeroDivisionError("tokens / 0")

    with serving(Letters().served(encode=broken)) as server:
        answer = server.ask("/predict", {"input": "a"})
        assert (answer.status, answer.code) == (500, "bug")
        assert server.ask("/predict", {"input": [1]}).status == 200
        assert server.metric("llmopt_http_requests_total", route="/predict", status="500") == 1
    assert "POST '/predict': ZeroDivisionError('tokens / 0')" in caplog.text


def test_an_address_that_cannot_be_had() -> None:
    with listen("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use") as used:
            listen("127.0.0.1", port)
    with pytest.raises(UsageError, match=r"cannot listen on 192\.0\.2\.1:0") as foreign:
        listen("192.0.2.1", 0)
    assert used.value.hint == "--port 0 takes a free one"
    assert foreign.value.hint == "127.0.0.1 is this machine alone"
    with pytest.raises(UsageError, match=f"--host '{'a' * 70}'"):
        listen("a" * 70, 0)


def test_of_two_servers_that_took_an_address_at_once_one_says_so() -> None:
    with listen("127.0.0.1", 0) as first, listen("127.0.0.1", first.getsockname()[1]) as second:
        first.listen()
        with pytest.raises(UsageError, match="cannot listen any more: Address already in use"):
            serve(Service(Letters().served()), second, drain_s=1)
