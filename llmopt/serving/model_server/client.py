"""The client's side of a request: the body that it sends, and whether it still waits for the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any, TypeVar

from llmopt.errors import MissingExtraError
from llmopt.serving.model_server.errors import ApiError, client_gone, stopping

try:
    from starlette.requests import ClientDisconnect, Request
    from starlette.types import Receive
except ImportError as error:
    raise MissingExtraError((error.name or "fastapi").partition(".")[0], "serve") from error

T = TypeVar("T")
_DISCARDED_BYTES = 64 * 2**20
_DISCARDED_S = 5.0


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Return the body of a request that says that it is JSON; read no more of it than is allowed.

    Raises:
        ApiError: it is too long, packed, not said to be JSON, or the client went away.
    """
    _check_headers(request)
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit_bytes:
        raise _too_long(limit_bytes)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit_bytes:
                raise _too_long(limit_bytes)
    except ClientDisconnect as error:
        raise client_gone() from error
    return bytes(body)


async def discard_body(receive: Receive) -> bool:
    """Read what is left of a body, within bounds; return whether that was all.

    Most clients send all before they look for an answer. One whose connection is cut while it sends sees a broken pipe
    in place of the error that it was told.
    """
    size_bytes = 0
    try:
        async with asyncio.timeout(_DISCARDED_S):
            while size_bytes <= _DISCARDED_BYTES:
                message = await receive()
                size_bytes += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return True
    except TimeoutError:
        pass
    return False


async def unless_gone(receive: Receive, given_up: asyncio.Future[None], work: Coroutine[Any, Any, T]) -> T:
    """Return what some work gives; cancel it when the client goes away before, or the server gives up.

    Args:
        receive: of the ASGI connection, whose body was read to its end.
        given_up: done when the server answers nothing any more.
        work: to do.

    Raises:
        ApiError: the client went away, or the server gave up.
    """
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait((working, watching, given_up), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise client_gone() if watching.done() else stopping()
        return working.result()
    finally:
        working.cancel()
        watching.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _check_headers(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        message = "send JSON, with the header content-type: application/json"
        raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_json", message)
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "packed", "send the body unpacked")


def _too_long(limit_bytes: int) -> ApiError:
    message = f"the body is longer than {limit_bytes:,} bytes; send fewer inputs at once"
    return ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", message)
