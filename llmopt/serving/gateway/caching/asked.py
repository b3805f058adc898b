"""A request as the cache sees it: what the client asked, of whom, and what beside its body decides the answer.

The key is over the client's own body, so that routing and compression cost nothing on a hit; what they would do is in
the identity of the gateway: its upstreams, its policy, its level of compression.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from llmopt.serving.cache.request import CacheRequest
from llmopt.serving.gateway.upstreams.headers import CREDENTIALS
from llmopt.serving.gateway.values import Headers, Incoming

HEADER = b"x-llmopt-cache"
"""Request header: `on` keeps also the answer of a request that samples, `off` passes the cache by."""
_DECIDING = (b"anthropic-", b"openai-")
"""Beginnings of headers that change answers: versions, betas, organizations, projects."""
_FURTHER_KEY = re.compile(
    rb"(?:.*-)?(?:auth|authorization|api-?key|(?:access|subscription|functions)-key"
    rb"|(?:auth|access|session|security)-token)"
)
"""Headers by which servers and proxies beside the well-known ones tell callers apart; the tenant knows nothing of them.

Not cookies, as long as there is a tenant: guards against robots set one for each client, and nothing would be shared.
"""
_COOKIE = frozenset({b"cookie"})
_CONTROL = b"cache-control"
_READ = frozenset({_CONTROL, HEADER})
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
    control, wish, deciding = _read(incoming.headers, identity.headers if tenant else identity.headers | _COOKIE)
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
    return b"off" in [value.strip().lower() for name, value in headers if name == HEADER]


def _read(headers: Headers, further: frozenset[bytes]) -> tuple[str, bytes, list[tuple[str, str]]]:
    """Return what the headers say: `Cache-Control`, `x-llmopt-cache`, and all that decide about the answer."""
    control: list[str] = []
    wish, deciding = b"", list[tuple[str, str]]()
    for name, value in headers:
        if name in _READ:
            if name == HEADER:
                wish = value.strip().lower()
            else:
                control.append(value.decode("latin-1"))
        elif name in further or _decides(name):
            deciding.append((name.decode("latin-1"), value.decode("latin-1")))
    deciding.sort(key=lambda each: each[0])
    return ", ".join(control), wish, deciding


@lru_cache(maxsize=1024)
def _decides(name: bytes) -> bool:
    return name.startswith(_DECIDING) or (name not in CREDENTIALS and _FURTHER_KEY.fullmatch(name) is not None)


def _public(query: str) -> str:
    return "&".join(_without_secrets(query.split("&")))


def _without_secrets(parts: Iterable[str]) -> Iterable[str]:
    return (part for part in parts if not part.startswith(_SECRET))
