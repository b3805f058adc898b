"""Whatever is asked and answered: the server gets what the caller sent, and the caller what the server sent."""

from __future__ import annotations

import json
from typing import Any

import httpx2
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import OpenAI

from llmopt.serving.gateway.values import Metered
from llmopt.serving.wrapping.http_library import http_client_in
from llmopt.serving.wrapping.wrap import wrap

PATHS = ("chat/completions", "completions", "responses", "embeddings", "messages", "anything")
ATOMS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9)
NAMES = st.sampled_from(
    [
        *("usage", "model", "choices", "id", "object", "type", "prompt_tokens", "completion_tokens", "input_tokens"),
        *("output_tokens", "total_tokens", "prompt_tokens_details", "cached_tokens", "message", "delta", "content"),
        *("finish_reason", "error", "service_tier", "messages", "role", "stream", "temperature", "tools", "response"),
    ]
)
VALUES = st.recursive(ATOMS, lambda each: st.lists(each, max_size=3) | st.dictionaries(NAMES, each, max_size=6))
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=6)
ANSWERS = st.binary(max_size=40) | VALUES.map(lambda each: json.dumps(each).encode())
STREAMS = st.lists(ANSWERS | st.just(b"[DONE]"), max_size=4).map(
    lambda some: b"".join(b"data: %b\n\n" % each for each in some)
)
KINDS = ("application/json", "text/event-stream", "text/html", "")


@settings(max_examples=60)
@given(
    st.sampled_from(PATHS),
    OBJECTS.map(lambda each: json.dumps(each).encode()) | ANSWERS,
    ANSWERS | STREAMS,
    st.sampled_from(KINDS),
    st.sampled_from([200, 200, 200, 201, 204, 400, 429, 500]),
    st.booleans(),
)
def test_nothing_is_changed(path: str, body: bytes, answer: bytes, kind: str, status: int, streamed: bool) -> None:
    asked: list[bytes] = []
    noted: list[Metered] = []

    def answered(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.content)
        return httpx2.Response(status, headers={"content-type": kind}, content=answer)

    plain = OpenAI(api_key="k", http_client=httpx2.Client(transport=httpx2.MockTransport(answered)))
    settings_: dict[str, Any] = {"cache": True, "ask_usage": False, "log": noted.append}
    with wrap(plain, **settings_) as client:
        http = http_client_in(client).client
        request = http.build_request("POST", f"http://test/v1/{path}", content=body)
        response = http.send(request, stream=streamed)
        assert response.read() == answer
        assert response.status_code == status
        response.close()
    assert asked == [body]
    assert len(noted) <= 1
    assert all(each.status == status for each in noted)
