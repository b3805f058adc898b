"""Replayed streams as the `openai` client reads them, over a real connection on loopback.

What the client makes of the stream has to be what it makes of the whole answer, and what it reads as a stream from a
server, put together, has to be what the server sends at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest
from openai import OpenAI

from llmopt.serving.cache.streams import collected, replayed
from llmopt.serving.sse import Event
from tests.serving.cache.whole_answers import CHATS, COMPLETIONS, RESPONSES, USAGE

ASKED: Any = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
PLAIN = sorted(set(CHATS) - {"cut", "several choices", "function call"})
"""Those that the client's own accumulator takes: it raises for a length limit and for a filter."""


class Replaying(BaseHTTPRequestHandler):
    """Sends `whole`, at once or as a stream."""

    protocol_version = "HTTP/1.1"
    whole: ClassVar[dict[str, Any]] = {}

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps(self.whole).encode()
        if asked.get("stream"):
            usage = bool((asked.get("stream_options") or {}).get("include_usage"))
            body = b"".join(replayed(body, include_usage=usage) or ())
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream" if asked.get("stream") else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def client() -> Iterator[OpenAI]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Replaying) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        with OpenAI(base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="none", max_retries=0) as client:
            yield client
        server.shutdown()
        thread.join()


def without_nulls(value: Any) -> Any:
    """Leave out what is null or an empty list: the client fills such fields in one form and not in the other."""
    if isinstance(value, dict):
        return {name: without_nulls(each) for name, each in value.items() if each not in (None, [])}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


def as_answer(value: Any) -> Any:
    """Return a model of the client as JSON, without what its accumulator adds of its own or does not know."""
    found = without_nulls(value.model_dump(mode="json", warnings=False))
    for choice in found.get("choices", ()):
        for unknown in set(choice) - {"index", "message", "finish_reason", "logprobs"}:
            del choice[unknown]
        choice["message"].pop("parsed", None)
        for call in choice["message"].get("tool_calls", ()):
            call.pop("index", None)
            call["function"].pop("parsed_arguments", None)
    for item in found.get("output", ()):
        item.pop("parsed_arguments", None)
        for part in item.get("content", ()):
            part.pop("parsed", None)
    return found


@pytest.mark.parametrize("name", PLAIN)
def test_the_client_adds_a_replayed_chat_up_to_the_whole_one(
    client: OpenAI, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(Replaying, "whole", CHATS[name])
    whole = as_answer(client.chat.completions.create(**ASKED))
    with client.chat.completions.stream(**ASKED, stream_options={"include_usage": True}) as stream:
        final = as_answer(stream.get_final_completion())
    assert final == whole


@pytest.mark.parametrize("name", CHATS)
def test_chunks_that_the_client_read_make_the_whole_chat_again(
    client: OpenAI, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(Replaying, "whole", CHATS[name])
    chunks = list(client.chat.completions.create(**ASKED, stream=True, stream_options={"include_usage": True}))
    assert (chunks[-1].usage is not None) is ("usage" in CHATS[name])
    read = collected([*(Event(chunk.model_dump_json(exclude_unset=True)) for chunk in chunks), Event("[DONE]")])
    assert json.loads(read or b"") == CHATS[name]
    assert all(chunk.usage is None for chunk in client.chat.completions.create(**ASKED, stream=True))


@pytest.mark.parametrize("name", COMPLETIONS)
def test_the_client_reads_a_replayed_completion(client: OpenAI, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(Replaying, "whole", COMPLETIONS[name])
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    chunks: Any = list(client.completions.create(model="m", prompt="hi", **options))
    for choice in COMPLETIONS[name]["choices"]:
        ours = [each for chunk in chunks for each in chunk.choices if each.index == choice["index"]]
        assert "".join(each.text for each in ours) == choice["text"]
        assert [each.finish_reason for each in ours if each.finish_reason] == [choice["finish_reason"]]
    assert chunks[-1].usage.model_dump(exclude_none=True) == USAGE


@pytest.mark.parametrize("name", RESPONSES)
def test_the_client_adds_a_replayed_response_up_to_the_whole_one(
    client: OpenAI, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(Replaying, "whole", RESPONSES[name])
    whole = client.responses.create(model="m", input="hi")
    said, ends = "", []
    with client.responses.stream(model="m", input="hi") as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                said += event.delta
            if event.type in ("response.completed", "response.incomplete"):
                ends.append(as_answer(event.response))
    assert said == whole.output_text
    assert ends == [as_answer(whole)]
