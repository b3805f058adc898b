"""The head of an answer: the upstream's headers, and the gateway's own.

Source: RFC 9110 for `Date` and `Age`; RFC 9111 for what a cache adds.
"""

from __future__ import annotations

import re
import time
from decimal import Decimal
from email.utils import formatdate
from functools import lru_cache

from llmopt.serving.gateway.call import Call, Source
from llmopt.serving.gateway.errors import JSON_TYPE, GatewayError
from llmopt.serving.gateway.values import Api, Headers

_OWN = b"x-llmopt-"
_UNCLEAN = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_WITHOUT_BODY = (204, 304)
_CLOSE = (b"connection", b"close")


def head_of(call: Call, source: Source, body: bytes | None) -> Headers:
    """Return the headers of an answer.

    Args:
        call: that it answers.
        source: the answer.
        body: all of it; None: it is still on its way.
    """
    found = [each for each in source.headers if _is_kept(each[0])]
    if source.status in _WITHOUT_BODY:
        found = [each for each in found if each[0] != b"content-length"]  # what a body would have, had it come
    elif body is not None and call.incoming.method != "HEAD":
        found = [each for each in found if each[0] != b"content-length"]
        found.append((b"content-length", b"%d" % len(body)))
    if b"date" not in [name for name, _ in found]:
        found.append((b"date", _date(int(time.time()))))
    found += own_headers(call, whole=body is not None)
    if _UNCLEAN.search(b"\t".join([value for _, value in found])):
        found = [each for each in found if not _UNCLEAN.search(each[1])]
    return tuple(found)


def error_headers(call: Call, error: GatewayError, size_bytes: int, closes: bool) -> Headers:
    """Return the headers of an error that the gateway itself tells.

    Args:
        call: that it answers.
        error: what is told.
        size_bytes: of its body.
        closes: whether the connection is of no use afterwards.
    """
    found = [JSON_TYPE, (b"content-length", b"%d" % size_bytes), (b"date", _date(int(time.time()))), *error.headers]
    if closes and _CLOSE not in found:
        found.append(_CLOSE)
    return (*found, *own_headers(call, whole=False))


def own_headers(call: Call, *, whole: bool) -> Headers:
    """Return the headers by which the gateway tells what became of a call.

    Args:
        call: of which they tell.
        whole: whether the answer is there as a whole, and so what it came to is known.
    """
    metered = call.metered
    told = [(b"x-llmopt-request-id", metered.request_id.encode()), *call.told]
    if metered.api is not Api.OTHER:
        told.append((b"x-llmopt-cache", metered.cache.encode()))
    if whole:
        told += _costs(call)
    return tuple(told)


def _costs(call: Call) -> list[tuple[bytes, bytes]]:
    """Return what the call came to, where that is known."""
    metered = call.metered
    if metered.cost_usd is None:
        return []
    saved = sum(metered.saved_usd.values(), Decimal(0))
    return [(b"x-llmopt-cost-usd", _plain(metered.cost_usd)), (b"x-llmopt-saved-usd", _plain(saved))]


def _plain(usd: Decimal) -> bytes:
    text = f"{usd:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).encode()


@lru_cache(maxsize=256)
def _is_kept(name: bytes) -> bool:
    """Return whether an upstream's header of this name goes on: it is a name, and none of the gateway's own."""
    return _NAME.fullmatch(name) is not None and not name.startswith(_OWN)


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()
