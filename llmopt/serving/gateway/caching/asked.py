"""A request as the cache sees it: what the client asked, of whom, and what beside its body decides the answer.

The key is over the client's own body, so that routing and compression cost nothing on a hit; what they would do is in
the identity of the gateway: its upstreams, its policy, its level of compression.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from llmopt.serving.cache.request import CacheRequest
from llmopt.serving.gateway.values import Headers, Incoming

HEADER = b"x-llmopt-cache"
"""Request header: `on` keeps also the answer of a request that samples, `off` passes the cache by."""
_DECIDING = (b"anthropic-", b"openai-")
"""Beginnings of headers that change answers: versions, betas, organizations, projects."""
_CONTROL = b"cache-control"
_SECRET = "key="
"""A credential in the query; whose it is, the tenant says."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What of a gateway's setup decides its answers."""

    digest: str
    """`digest_of` it."""
    headers: frozenset[bytes] = frozenset()
    """Names, in lower case, of further request headers that decide."""


def digest_of(*parts: object) -> str:
    """Return a digest of settings.

    Args:
        parts: values as JSON has them: names and URLs of upstreams, a policy, a level of compression.
    """
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def cache_request(incoming: Incoming, body: Mapping[str, Any] | bytes, tenant: str, identity: Identity) -> CacheRequest:
    """Return a request as the cache sees it.

    Args:
        incoming: as the client sent it.
        body: the same request's body; decoded, if somebody has done that already.
        tenant: whose it is.
        identity: of the gateway.

    Raises:
        InputError: the body is no JSON object, or has a name twice in one object.
    """
    control, wish, deciding = _read(incoming.headers, identity.headers)
    return CacheRequest.of(
        body,
        endpoint=f"{incoming.path}?{_public(incoming.query)}" if incoming.query else incoming.path,
        upstream=f"{identity.digest}\0{json.dumps(deciding)}" if deciding else identity.digest,
        tenant=tenant,
        cache_control=control,
        opt_in=wish == b"on",
    )


def passes_by(headers: Headers) -> bool:
    """Return whether a client wants nothing of the cache."""
    return any(name == HEADER and value.strip().lower() == b"off" for name, value in headers)


def _read(headers: Headers, further: frozenset[bytes]) -> tuple[str, bytes, list[tuple[str, str]]]:
    """Return what the headers say: `Cache-Control`, `x-llmopt-cache`, and all that decide about the answer."""
    control: list[str] = []
    wish, deciding = b"", list[tuple[str, str]]()
    for name, value in headers:
        if name == _CONTROL:
            control.append(value.decode("latin-1"))
        elif name == HEADER:
            wish = value.strip().lower()
        elif name.startswith(_DECIDING) or name in further:
            deciding.append((name.decode("latin-1"), value.decode("latin-1")))
    deciding.sort(key=lambda each: each[0])
    return ", ".join(control), wish, deciding


def _public(query: str) -> str:
    return "&".join(_without_secrets(query.split("&")))


def _without_secrets(parts: Iterable[str]) -> Iterable[str]:
    return (part for part in parts if not part.startswith(_SECRET))
