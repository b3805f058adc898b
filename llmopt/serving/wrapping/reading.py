"""A request of an HTTP library as the parts of the gateway know it, and a new one of what they made of it."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Mapping
from typing import Any

from llmopt.errors import InputError
from llmopt.serving.cache.plain import read_object
from llmopt.serving.gateway.asking import tags_of
from llmopt.serving.gateway.auth import credentials_of, tenant_of
from llmopt.serving.gateway.call import Call
from llmopt.serving.gateway.streams.usage_frame import asks_usage
from llmopt.serving.gateway.values import Api, Caller, Headers, Incoming, Metered, UpstreamRequest

_ENDS = {
    "/chat/completions": Api.CHAT,
    "/completions": Api.COMPLETIONS,
    "/responses": Api.RESPONSES,
    "/embeddings": Api.EMBEDDINGS,
    "/v1/messages": Api.MESSAGES,
}
"""Ends of paths; what stands before is the server's own matter. `/threads/ID/messages` of OpenAI is none."""
OWN = b"x-llmopt-"
"""Begin of the headers that are meant for llmopt, and go no further."""
_REMADE = frozenset({b"content-length", b"transfer-encoding"})
"""Headers that the library makes anew for another body."""


def call_of(request: Any, tenant: str | None, tags: Mapping[str, str]) -> Call | None:
    """Return a request as a call; None: it is none that asks a model, or none that can be read.

    Args:
        request: of httpx or httpx2.
        tenant: whose it is; None: whoever has its credential.
        tags: of all calls.
    """
    incoming = _incoming(request)
    if incoming is None:
        return None
    try:
        body = read_object(incoming.body)
    except InputError:  # the server says what is wrong with it
        return None
    if tenant is None:
        brought = credentials_of(incoming.headers, incoming.query)
        tenant = tenant_of(brought) if brought else ""
    metered = Metered(f"req_{uuid.uuid4().hex}", incoming.api, time.time(), tenant=tenant, path=incoming.path)
    call = Call(incoming, Caller(tenant), metered, math.inf, body)
    call.model, call.streamed = _text(body.get("model")), body.get("stream") is True
    call.usage_asked = asks_usage(body)
    path = f"{incoming.path}?{incoming.query}" if incoming.query else incoming.path
    headers = tuple(each for each in incoming.headers if not each[0].startswith(OWN))
    call.outgoing = UpstreamRequest("POST", path, headers, incoming.body, call.model, call.streamed)
    metered.asked_model = metered.model = call.model
    metered.streamed, metered.request_bytes = call.streamed, len(incoming.body)
    metered.upstream = request.url.host
    metered.tags = {**tags, **tags_of(call.header(b"x-llmopt-tags").encode("latin-1"))}
    return call


def origin_of(request: Any) -> str:
    """Return which server a request goes to: scheme, host and port."""
    return f"{request.url.scheme}://{request.url.netloc.decode('ascii', 'replace')}"


def request_for(call: Call, request: Any, timeout_s: float | None = None) -> Any:
    """Return the request to send: itself where nothing was changed.

    Args:
        call: whose `outgoing` says what to send.
        request: as the SDK made it.
        timeout_s: how long the server may let the caller wait, at most; None: as long as the SDK waits.
    """
    outgoing, incoming = call.outgoing, call.incoming
    if outgoing is None:
        return request
    if timeout_s is None and outgoing.body is incoming.body and len(outgoing.headers) == len(incoming.headers):
        return request
    kept = [each for each in request.headers.raw if not each[0].lower().startswith(OWN)]
    headers = [each for each in kept if each[0].lower() not in _REMADE]
    extensions = request.extensions if timeout_s is None else _sooner(request.extensions, timeout_s)
    return type(request)(request.method, request.url, headers=headers, content=outgoing.body, extensions=extensions)


def is_signed(call: Call) -> bool:
    """Return whether a request carries a signature of its own bytes (AWS), so that none of them may change."""
    return call.header(b"authorization").startswith("AWS4-")


def names_model_in_path(call: Call) -> bool:
    """Return whether the path says which model answers (Azure), and the body's word does not count."""
    return "/deployments/" in call.incoming.path


def _sooner(extensions: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
    """Return a request's extensions with all of its time-outs cut to one."""
    found = dict.fromkeys(("connect", "read", "write", "pool"), timeout_s)
    for name, given_s in (extensions.get("timeout") or {}).items():
        found[name] = timeout_s if given_s is None else min(given_s, timeout_s)
    return {**extensions, "timeout": found}


def _incoming(request: Any) -> Incoming | None:
    path, _, query = request.url.raw_path.decode("ascii", "replace").partition("?")
    api = next((api for end, api in _ENDS.items() if path.endswith(end)), None)
    if request.method != "POST" or api is None or "content-encoding" in request.headers:
        return None
    try:
        content = request.content
    except RuntimeError:  # the body is still to come, from a file or a generator
        return None
    headers: Headers = tuple((name.lower(), value) for name, value in request.headers.raw)
    return Incoming("POST", path, query, headers, content, api)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
