"""Who asks: the caller's credential becomes a tenant, by the keys that this gateway gave out or by its hash.

The credential comes where OpenAI's, Anthropic's, Azure's and Google's clients put it. It is compared by its SHA-256 and
kept nowhere: neither it nor a part of it may end up in a log, a metric or an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from urllib.parse import unquote_plus, unquote_to_bytes

from llmopt.serving.gateway.config.settings import VirtualKey
from llmopt.serving.gateway.errors import GatewayError
from llmopt.serving.gateway.values import NO_CAPS, Caller, Caps, Headers

CREDENTIALS = frozenset({b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key"})
"""Headers that hold a credential."""
_QUERY = "key"
_SALT = b"llmopt tenant\0"
_SCHEME = b"bearer"
_NO_KEY = "this gateway asks for a key of its own, as `Authorization: Bearer KEY` or `x-api-key: KEY`"
_WRONG_KEY = "the key is none of this gateway's; ask whoever runs it for one"


class Credentials:
    """Tells callers by what they bring.

    Args:
        keys: that this gateway gave out; empty: everyone may call, with a credential of the upstream's.
        caps: of tenants that have none of their own.
    """

    def __init__(self, keys: Sequence[VirtualKey] = (), caps: Caps = NO_CAPS) -> None:
        self._callers = {
            bytes.fromhex(key.sha256): Caller(key.tenant or key.name, key.name, either(key.caps, caps), passes_on=False)
            for key in keys
        }
        self._caps = caps
        self._anonymous = Caller("", caps=caps)

    @property
    def callers(self) -> tuple[Caller, ...]:
        """All who have a key of this gateway."""
        return tuple(self._callers.values())

    def caller(self, headers: Headers, query: str = "") -> Caller:
        """Return who asks.

        Args:
            headers: names in lower case.
            query: of the request, without the question mark.

        Raises:
            GatewayError: 401, the caller brings no key of this gateway, which asks for one.
        """
        brought = credentials_of(headers, query)
        if self._callers:
            return self._with_key(brought)
        return Caller(tenant_of(brought), caps=self._caps) if brought else self._anonymous

    def _with_key(self, brought: list[bytes]) -> Caller:
        """Return whose key it is; clients that were set up for two APIs may bring two, of which one is enough."""
        for each in brought:
            # What is looked up is a hash, so that how long it takes says nothing about the keys.
            caller = self._callers.get(hashlib.sha256(each).digest())
            if caller is not None:
                return caller
        raise GatewayError(401, "invalid_api_key", _WRONG_KEY if brought else _NO_KEY)


def tenant_of(brought: Sequence[bytes]) -> str:
    """Return the name of a tenant who is known by credentials only; nobody gets back to them from it.

    All of them count: two callers who share one may still be told apart by the other, which the upstream may look at.
    """
    return "t_" + hashlib.sha256(_SALT + b"\0".join(brought)).hexdigest()[:16]


def credentials_of(headers: Headers, query: str) -> list[bytes]:
    """Return the credentials of a request, where any client puts them; none that is empty, none twice."""
    found = []
    for name, value in headers:
        if name in CREDENTIALS:
            found.append(_without_scheme(value) if name == b"authorization" else value.strip())
    if query:
        found += [_decoded(part) for part in query.split("&") if _is_key(part)]
    return [each for each in dict.fromkeys(found) if each]


def without_credentials(headers: Headers, query: str) -> tuple[Headers, str]:
    """Return headers and query as they go to an upstream that gets a credential of its own."""
    if query:
        query = "&".join(part for part in query.split("&") if not _is_key(part))
    return tuple([each for each in headers if each[0] not in CREDENTIALS]), query


def either(own: Caps, common: Caps) -> Caps:
    """Return caps of which each is a tenant's own, or else the one for all."""
    return Caps(
        own.usd_per_day if own.usd_per_day is not None else common.usd_per_day,
        own.usd_per_month if own.usd_per_month is not None else common.usd_per_month,
    )


def _without_scheme(value: bytes) -> bytes:
    scheme, _, rest = value.strip().partition(b" ")
    return rest.strip() if scheme.lower() == _SCHEME else value.strip()


def _is_key(part: str) -> bool:
    return unquote_plus(part.partition("=")[0]) == _QUERY


def _decoded(part: str) -> bytes:
    return unquote_to_bytes(part.partition("=")[2].replace("+", " ")).strip()
