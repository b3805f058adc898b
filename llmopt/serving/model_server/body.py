"""Read the body of a request, and no more of it than is allowed.

What is too long is read to its end within bounds and thrown away: most clients send all before they look for an answer,
and one whose connection is cut while it sends sees a broken pipe instead of the 413.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from http import HTTPStatus

from llmopt.errors import MissingExtraError
from llmopt.serving.model_server.errors import ApiError, client_gone

try:
    from starlette.requests import ClientDisconnect, Request
except ImportError as error:
    raise MissingExtraError((error.name or "fastapi").partition(".")[0], "serve") from error

_DISCARDED_BYTES = 64 * 2**20
_DISCARDED_S = 5.0


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Return the body of a request that says that it is JSON.

    Raises:
        ApiError: it is too long, packed, not said to be JSON, or the client went away.
    """
    _check_headers(request)
    declared = request.headers.get("content-length", "")
    chunks = request.stream()
    try:
        if declared.isdecimal() and int(declared) > limit_bytes:
            if "expect" not in request.headers:
                await _discard(chunks)
            raise _too_long(limit_bytes)
        body = bytearray()
        async for chunk in chunks:
            body += chunk
            if len(body) > limit_bytes:
                await _discard(chunks)
                raise _too_long(limit_bytes)
    except ClientDisconnect as error:
        raise client_gone() from error
    return bytes(body)


def _check_headers(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "not_json",
            "send JSON, with the header content-type: application/json",
            close=True,
        )
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "packed", "send the body unpacked", close=True)


async def _discard(chunks: AsyncIterator[bytes]) -> None:
    size_bytes = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_DISCARDED_S):
            async for chunk in chunks:
                size_bytes += len(chunk)
                if size_bytes > _DISCARDED_BYTES:
                    return


def _too_long(limit_bytes: int) -> ApiError:
    return ApiError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body_too_large",
        f"the body is longer than {limit_bytes:,} bytes; send fewer inputs at once",
        close=True,
    )
