"""Servers on free ports in threads of the test's process, models that a test can hold up, and plain HTTP."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Queue
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from llmopt.serving.batching import BatchSettings
from llmopt.serving.model_server.running import serve
from llmopt.serving.model_server.service import Service
from llmopt.serving.model_server.values import Limits, ServedModel
from llmopt.serving.running import Ended, listen

PATIENCE_S = 30.0
"""For what must come; nothing waits so long unless it is broken."""


@dataclass
class Letters:
    """A model whose tokens are letters; its vector of a text is (letters, code of the first, -1).

    A text with `!` makes it fail. `hold` stops it in a batch until `go` is set.
    """

    go: threading.Event = field(default_factory=threading.Event)
    began: Queue[int] = field(default_factory=Queue)
    seen: list[list[int]] = field(default_factory=list)
    hold: bool = False

    def predict(self, requests: list[list[int]]) -> list[list[float]]:
        if self.hold:
            self.began.put(len(requests))
            assert self.go.wait(PATIENCE_S)
        self.seen.append([request[0] for request in requests])
        if any(ord("!") in request for request in requests):
            raise RuntimeError("cannot read !")
        return [[float(len(request)), float(request[0]), -1.0] for request in requests]

    @property
    def sizes(self) -> list[int]:
        """How large each batch was."""
        return [len(batch) for batch in self.seen]

    def served(self, **more: Any) -> ServedModel:
        given: dict[str, Any] = {
            "name": "letters",
            "task": "embed",
            "predict": self.predict,
            "encode": lambda texts: [[ord(letter) for letter in text[:20]] for text in texts],
            "count": len,
            "length": len,
            "max_tokens": 20,
            "vocabulary": 128,
        }
        return ServedModel(**{**given, **more})


@dataclass
class Answer:
    """One answer over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Code of the error."""
        assert set(self.json) == {"error"}
        assert set(self.json["error"]) == {"message", "type", "param", "code"}
        return str(self.json["error"]["code"])


@dataclass
class Running:
    """A server that runs."""

    port: int
    service: Service
    stop: Any
    thread: threading.Thread
    ended: list[Ended | BaseException]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self, path: str, body: object = None, *, method: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request; a body that is not bytes is sent as JSON."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            sent = {"content-type": "application/json", **(headers or {})}
            connection.request(method or ("GET" if data is None else "POST"), path, data, sent)
            response = connection.getresponse()
            return Answer(
                response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
            )
        finally:
            connection.close()

    def later(self, path: str, body: object) -> Queue[Answer]:
        """Send one request from a thread of its own."""
        answers: Queue[Answer] = Queue()
        threading.Thread(target=lambda: answers.put(self.ask(path, body)), daemon=True).start()
        return answers

    def metric(self, name: str, **labels: str) -> float:
        """Return a sample of `/metrics`; 0 where there is none yet."""
        return sum(value for found, value in self.samples(name) if labels.items() <= found.items())

    def samples(self, name: str) -> list[tuple[dict[str, str], float]]:
        text = self.ask("/metrics").body.decode()
        families = text_string_to_metric_families(text)
        return [(s.labels, s.value) for family in families for s in family.samples if s.name == name]

    def end(self) -> Ended | BaseException:
        """Stop it and return how it ended."""
        self.stop()
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()
        return self.ended[0]


@contextmanager
def serving(
    model: ServedModel,
    settings: BatchSettings | None = None,
    *,
    max_queue: int = 1024,
    limits: Limits | None = None,
    drain_s: float = PATIENCE_S,
    told_port: Callable[[int], None] = lambda _: None,
) -> Iterator[Running]:
    """Run a server until the block ends; the block begins when the server is ready."""
    service = Service(model, settings, max_queue=max_queue, limits=limits)
    listener = listen("127.0.0.1", 0)
    port: int = listener.getsockname()[1]
    told_port(port)
    told: Queue[Any] = Queue()
    ended: list[Ended | BaseException] = []

    def work() -> None:
        try:
            ended.append(serve(service, listener, drain_s=drain_s, ready=told.put))
        except BaseException as error:  # noqa: BLE001 - told to the test
            ended.append(error)
            told.put(None)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    stop = told.get(timeout=PATIENCE_S)
    if stop is None:
        thread.join(PATIENCE_S)
        assert isinstance(ended[0], BaseException)
        raise ended[0]
    running = Running(port, service, stop, thread, ended)
    try:
        yield running
    finally:
        running.end()


def until(holds: Any) -> None:
    """Wait until something holds that another thread brings about."""
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.005)):
        if holds():
            return
        pause.wait(0.005)
    raise AssertionError("it never came")


def vectors(answer: Answer) -> Sequence[Sequence[float]]:
    """Return the vectors of an answer of `/v1/embeddings`."""
    return [one["embedding"] for one in answer.json["data"]]
