"""The HTTP client within a client of `openai` or `anthropic`, and the library that it is of: httpx, or httpx2.

Neither SDK nor library is imported: whoever has a client has them. `http_client` and `copy` are documented parts of
both SDKs; that a client keeps its HTTP client in `_client` is not, but their tests of many years rely on it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from llmopt.errors import UsageError

_LIBRARIES = ("httpx", "httpx2")
_CLIENTS = {"Client": False, "AsyncClient": True}
"""Name of a library's class -> whether it is for event loops."""


@dataclass(frozen=True, slots=True)
class HttpClient:
    """An HTTP client, and what its library calls things."""

    client: Any
    kind: type[Any]
    """The library's own class, whatever the client is derived from besides."""
    waits: bool
    """Whether its methods are to be awaited."""
    library: Any
    """The module."""


def http_client_in(client: object) -> HttpClient:
    """Return what a client sends its requests with.

    Raises:
        UsageError: it is no client that can be wrapped.
    """
    inner = getattr(client, "_client", None)
    for kind in type(inner).__mro__:
        library = kind.__module__.partition(".")[0]
        if library in _LIBRARIES and kind.__name__ in _CLIENTS and callable(getattr(client, "copy", None)):
            return HttpClient(inner, kind, _CLIENTS[kind.__name__], sys.modules[library])
    raise UsageError(f"a {_name(client)} cannot be wrapped", "give OpenAI(), AsyncOpenAI(), Anthropic(), or the like")


def _name(client: object) -> str:
    return client.__name__ if isinstance(client, type) else type(client).__name__
