"""Requests and calls for the tests of upstreams and steps."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from llmopt.serving.gateway.call import Call
from llmopt.serving.gateway.values import Api, Caller, Headers, Incoming, Metered, UpstreamRequest

CHAT: Mapping[str, Any] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}], "temperature": 0}


def sent(
    path: str = "/v1/chat/completions",
    *,
    body: bytes | AsyncIterator[bytes] | None = None,
    headers: Headers = (),
    method: str = "POST",
    model: str = "gpt-4o-mini",
) -> UpstreamRequest:
    """Return a request as it goes out."""
    plain: Headers = ((b"content-type", b"application/json"), (b"accept-encoding", b"identity"))
    filled = json.dumps({**CHAT, "model": model}).encode() if body is None else body
    return UpstreamRequest(method, path, (*plain, *headers), filled, model, streamed=False)


def call_of(
    body: Mapping[str, Any] = CHAT,
    *,
    api: Api = Api.CHAT,
    route: str = "",
    until_s: float = 1e9,
    headers: Headers = (),
    tenant: str = "",
    tags: Mapping[str, str] | None = None,
) -> Call:
    """Return a call whose request is ready to go out."""
    raw = json.dumps(body).encode()
    model = str(body.get("model", ""))
    incoming = Incoming("POST", "/v1/chat/completions", "", headers, raw, api)
    metered = Metered("req_1", api, 0.0, tags=dict(tags or {}), asked_model=model, model=model)
    call = Call(incoming, Caller(tenant), metered, until_s, body=body, model=model, route=route)
    call.outgoing = UpstreamRequest("POST", incoming.path, (), raw, model, streamed=False)
    return call
