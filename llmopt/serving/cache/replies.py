"""Requests and answers as callers hand them in, made into the cache's values."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from llmopt.errors import UsageError
from llmopt.serving.cache.entry import Answer, Found, Reply
from llmopt.serving.cache.request import CacheRequest
from llmopt.serving.cache.streams import reply_of

Asked = CacheRequest | Mapping[str, Any] | bytes | str
"""A request, or its body: then it is a chat completion of no tenant."""


class Dumps(Protocol):
    """An answer of a client library: `openai`, `anthropic`, any pydantic model."""

    def model_dump_json(self) -> str:
        """Return it as JSON."""
        ...


class HttpResponse(Protocol):
    """A response of an HTTP library: `httpx`, `requests`, the raw responses of `openai` and `anthropic`."""

    @property
    def content(self) -> bytes:
        """Its body."""
        ...

    @property
    def status_code(self) -> int:
        """Its HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Among them perhaps `Cache-Control`."""
        ...


class ClientStream(Protocol):
    """What `openai` and `anthropic` return for `stream=True`, not yet read; it is read to its end."""

    @property
    def response(self) -> HttpResponse:
        """Where its events come from."""
        ...


Replied = Reply | Mapping[str, Any] | Dumps | HttpResponse | ClientStream | bytes | str
"""What a model answered; of status 200 where it has none of its own. Bytes are JSON, or a stream as it came."""

GATEWAY_TIMEOUT = 504
_STREAM = (b"data:", b"event:", b"id:", b"retry:", b":")
"""How server-sent events begin, and JSON never does."""
_GIVE = "return a Reply (reply_of(pieces) makes one), a mapping of plain values, JSON, or what a client library gives"
_NOT_CACHED = json.dumps(
    {
        "error": {
            "message": "there is no stored answer, and the request's Cache-Control says only-if-cached",
            "type": "not_cached",
            "code": "only_if_cached",
        }
    }
).encode()


def as_request(asked: Asked) -> CacheRequest:
    """Return the request of what a caller asks.

    Raises:
        InputError: it is no JSON object.
    """
    return asked if isinstance(asked, CacheRequest) else CacheRequest.of(asked)


def as_reply(replied: object) -> Reply:
    """Return the reply of what a call returned.

    Raises:
        UsageError: it is nothing that can be kept as JSON.
    """
    if isinstance(replied, Reply):
        if isinstance(replied.body, bytes):
            return replied
        raise UsageError(f"the body of a Reply is a {type(replied.body).__name__}", "give the bytes of its JSON")
    if isinstance(replied, (bytes, bytearray, memoryview, str)):
        return _read(_bytes(replied))
    if isinstance(replied, Mapping):
        return Reply(_json(replied))
    if (response := _response(replied)) is not None:
        return _of_http(response)
    if callable(getattr(replied, "model_dump_json", None)):
        return Reply(_dumped(replied).encode())
    if inspect.iscoroutine(replied):
        replied.close()
        raise UsageError("the call is async", "await `aget_or_call` instead of calling `get_or_call`")
    raise UsageError(f"an answer cannot be a {type(replied).__name__}", _GIVE)


async def aread(replied: object) -> object:
    """Return what an async call returned, a stream of an async client read to its end."""
    read = getattr(_response(replied), "aread", None)
    if read is not None:
        await read()
    return replied


def as_usd(usd: Any) -> Decimal | None:
    """Return what a call cost.

    Raises:
        UsageError: it is no number.
    """
    if usd is None or isinstance(usd, Decimal):
        return usd
    try:
        return Decimal(str(usd))
    except InvalidOperation:
        raise UsageError(f"the cost of a call is {usd!r}", "give a Decimal, in dollars") from None


def not_cached(asked: CacheRequest) -> Answer:
    """Return the answer to a request that wants a stored one where there is none (RFC 9111, 5.2.1.7)."""
    return Answer(_NOT_CACHED, Found.MISS, GATEWAY_TIMEOUT, key=asked.key)


def _read(body: bytes, status: int = 200, cache_control: str = "") -> Reply:
    if body.lstrip().startswith(_STREAM):  # servers say `no-cache` of streams that proxies should not hold back
        return reply_of(body, status=status)
    return Reply(body, status, cache_control)


def _response(replied: object) -> Any:
    """Return the HTTP response that something is, or holds; None: it is, and holds, none."""
    for each in (replied, getattr(replied, "http_response", None), getattr(replied, "response", None)):
        if hasattr(each, "status_code") and hasattr(each, "headers"):
            return getattr(each, "http_response", each)
    return None


def _of_http(response: Any) -> Reply:
    if callable(read := getattr(response, "read", None)) and not getattr(response, "is_closed", False):
        read()  # a stream; of what was read before, this is a copy
    return _read(_bytes(response.content), int(response.status_code), str(response.headers.get("cache-control") or ""))


def _dumped(replied: Any) -> str:
    if callable(spell := getattr(replied, "to_json", None)):  # openai and anthropic: as the server sent it
        return str(spell(indent=None, warnings=False))
    return str(replied.model_dump_json(by_alias=True))


def _bytes(text: bytes | bytearray | memoryview | str) -> bytes:
    try:
        return text.encode() if isinstance(text, str) else bytes(text)
    except UnicodeEncodeError as error:
        raise UsageError(f"the answer is no text: {error}", _GIVE) from error


def _json(replied: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(dict(replied), separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"the answer is no JSON: {error}", _GIVE) from error
