"""Stop the work for a client that went away, or when the server has no time left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, TypeVar

from llmopt.serving.model_server.errors import client_gone, stopping

T = TypeVar("T")
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


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
