"""An HTTP client that stands before another one: what it is asked to send goes another way, all else to the other.

It is of the library's class, as the SDKs demand, but made without calling that class's constructor: it has no
connections, no settings and no cookies of its own, and shows those of the client behind it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from llmopt.serving.wrapping.http_library import HttpClient

Sender = Callable[..., Any]
"""Takes a request and the options of `send`."""


def in_front_of(http: HttpClient, send: Sender, close: Callable[[], Any]) -> Any:
    """Return an HTTP client that stands before another one.

    Args:
        http: the one behind.
        send: does what `send` is to do; returns an awaitable where the client's methods are to be awaited.
        close: is called when the client is closed, after the one behind; likewise.
    """
    front = _AsyncFront if http.waits else _SyncFront
    kind = type(f"Wrapped{http.kind.__name__}", (front, http.kind), {})
    return kind(http.client, send, close)


class _Front:
    def __init__(self, behind: Any, send: Sender, close: Callable[[], Any]) -> None:
        self.behind = behind
        self.sender = send
        self.closer = close

    def __getattr__(self, name: str) -> Any:
        """Return what the client behind has: all that this one was never given."""
        if name == "behind":  # a copy that has nothing yet
            raise AttributeError(name)
        return getattr(self.behind, name)


class _SyncFront(_Front):
    def send(self, request: Any, **options: Any) -> Any:
        return self.sender(request, **options)

    def close(self) -> None:
        self.behind.close()
        self.closer()

    def __enter__(self) -> Any:
        self.behind.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.behind.__exit__(*error)
        self.closer()


class _AsyncFront(_Front):
    def send(self, request: Any, **options: Any) -> Awaitable[Any]:
        sent: Awaitable[Any] = self.sender(request, **options)
        return sent

    async def aclose(self) -> None:
        await self.behind.aclose()
        await self.closer()

    async def __aenter__(self) -> Any:
        await self.behind.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.behind.__aexit__(*error)
        await self.closer()
