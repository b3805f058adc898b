"""Requests as the cache sees them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmopt.errors import InputError
from llmopt.serving.cache.key import request_key
from llmopt.serving.cache.request import CacheRequest, is_deterministic, reads_more


def test_a_request_is_looked_at_once() -> None:
    body = {"model": "m", "temperature": 0, "stream": True}
    for given in (body, json.dumps(body), json.dumps(body).encode()):
        request = CacheRequest.of(given, endpoint="/v1/x", upstream="u", tenant="t", cache_control="no-cache")
        assert request.key == request_key(body, endpoint="/v1/x", upstream="u", tenant="t")
        assert (request.model, request.endpoint, request.upstream, request.tenant) == ("m", "/v1/x", "u", "t")
        assert (request.cache_control, request.streamed, request.body) == ("no-cache", True, body)
        assert request.deterministic


@pytest.mark.parametrize("body", [{}, {"model": None, "stream": None}, {"model": 7, "stream": "yes"}])
def test_what_a_request_does_not_say_is_empty(body: dict[str, Any]) -> None:
    request = CacheRequest.of(body)
    assert (request.model, request.streamed, request.deterministic) == ("", False, False)


@pytest.mark.parametrize("body", [b"[]", "x", 7, None])
def test_what_is_no_request_is_refused(body: Any) -> None:
    with pytest.raises(InputError):
        CacheRequest.of(body)


@pytest.mark.parametrize(
    ("body", "certain"),
    [
        ({"temperature": 0}, True),
        ({"temperature": 0.0}, True),
        ({"temperature": -0.0, "top_p": 1}, True),
        ({"seed": 0}, True),
        ({"seed": 42, "temperature": 1.5}, True),
        ({}, False),
        ({"temperature": None}, False),
        ({"temperature": False}, False),
        ({"temperature": "0"}, False),
        ({"temperature": 1e-9}, False),
        ({"temperature": float("nan")}, False),
        ({"seed": None}, False),
        ({"seed": False}, False),
        ({"seed": "7"}, False),
        ({"seed": -1}, False),
        ({"seed": 7.0}, True),
        ({"seed": 7.5}, False),
        ({"seed": float("nan")}, False),
        ({"seed": float("inf")}, False),
        ({"contents": [], "generationConfig": {"temperature": 0}}, True),
        ({"contents": [], "generationConfig": {"seed": 3, "temperature": 1}}, True),
        ({"contents": [], "generationConfig": {"temperature": 1}}, False),
        ({"contents": [], "generationConfig": None}, False),
        ({"messages": [], "options": {"temperature": 0.0}}, True),
        ({"messages": [], "inferenceConfig": {"temperature": 0}}, True),
        ({"inputs": "a", "parameters": {"seed": 1}}, True),
        ({"temperature": 1, "parameters": {"temperature": 0}}, False),
        ({"metadata": {"temperature": 0}}, False),
        ({"top_k": 1}, False),
        ({"temperature": 0, "conversation": "conv_1"}, False),
        ({"temperature": 0, "conversation": None}, True),
        ({"temperature": 0, "web_search_options": {}}, False),
        ({"seed": 1, "tools": [{"type": "function"}, {"type": "web_search_20250305"}]}, False),
        ({"seed": 1, "tools": ({"type": "mcp"},)}, False),
        ({"seed": 1, "tools": [{"googleSearch": {}}]}, False),
        ({"seed": 1, "tools": [{"functionDeclarations": []}]}, True),
        ({"seed": 1, "tools": [{"type": "x_search"}]}, False),
        ({"seed": 1, "tools": [{"type": "custom"}, {"type": "computer_use_preview"}, {"type": "bash_20250124"}]}, True),
        ({"seed": 1, "plugins": [{"id": "web"}]}, False),
        ({"seed": 1, "plugins": [{"id": "file-parser"}]}, True),
        ({"seed": 1, "enable_search": True}, False),
        ({"seed": 1, "enable_search": False}, True),
        ({"seed": 1, "thread": {"id": "t"}}, False),
        ({"seed": 1, "mcp_servers": [{"url": "https://a"}]}, False),
        ({"seed": 1, "prompt": {"id": "pmpt_1"}}, False),
        ({"seed": 1, "prompt": {"id": "pmpt_1", "version": "2"}}, True),
        ({"seed": 1, "prompt": "Say hi"}, True),
        ({"seed": 1, "tools": [{"type": "function"}, {"name": "an Anthropic tool"}, None]}, True),
        ({"seed": 1, "tools": "web_search"}, True),
    ],
)
def test_a_request_is_deterministic_where_it_neither_samples_nor_reads_more(
    body: dict[str, Any], certain: bool
) -> None:
    assert is_deterministic(body) is certain
    assert CacheRequest.of(body).deterministic is certain
    assert CacheRequest.of(body, opt_in=True).deterministic


@pytest.mark.parametrize(
    "endpoint",
    ["/v1/embeddings", "/deployments/x/embeddings/?api-version=1", "/rerank", "/models/m:embedContent", "embeddings"],
)
def test_embeddings_do_not_sample(endpoint: str) -> None:
    assert is_deterministic({"input": "hi"}, endpoint)
    assert not is_deterministic({"input": "hi"}, endpoint.replace("e", "x"))
    assert not is_deterministic({"input": "hi"}, "/models/m:generateContent")


def test_a_conversation_is_more_than_the_request() -> None:
    assert reads_more({"conversation": {"id": "c"}})
    assert not reads_more({"messages": [], "previous_response_id": "resp_1"}), "what came before does not change"
