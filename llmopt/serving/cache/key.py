"""The key of a request: sha256 over one spelling of everything that decides its answer.

Two requests have one key only if a server that reads JSON cannot tell them apart: names are sorted, white space and
escapes are gone, a number is its value (`0`, `0.0` and `-0.0` are one, `true` is none of them, `1` is not `"1"`), a
tuple is an array, and what is absent is not null. Everything is part of the key, known or not, but for the top-level
fields of `IGNORED`. Endpoint, upstream and tenant are elements of one JSON array with the body, so that no value of
one can run over into another. Sources: RFC 8259 (JSON), FIPS 180-4 (SHA-256).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

from llmopt.errors import InputError, UsageError
from llmopt.serving.cache.plain import MORE_THAN_JSON, as_plain, is_plain, read_any, read_object

CHAT = "/v1/chat/completions"
KEY_VERSION = 1
"""Part of every key: with another way to spell a request every question is asked anew."""
IGNORED = frozenset({"stream", "stream_options", "metadata", "timeout", "request_timeout", "stream_timeout"})
"""Top-level fields that change how an answer comes or is filed, and not what it says."""

_SORTED = msgspec.json.Encoder(order="sorted").encode
_UNUSUAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def request_key(
    body: Mapping[str, Any] | bytes | str,
    *,
    endpoint: str = CHAT,
    upstream: str = "",
    tenant: str = "",
) -> str:
    """Return the key of a request: 64 hexadecimal digits.

    Args:
        body: decoded, or JSON.
        endpoint: path that it is sent to.
        upstream: which server; the same model name on two servers is two models.
        tenant: whose request it is.

    Raises:
        InputError: the body is not a JSON object, holds what JSON cannot, or has a name twice in one object.
    """
    if not isinstance(body, Mapping):
        body = read_object(body)
    if not (type(endpoint) is type(upstream) is type(tenant) is str):
        endpoint, upstream, tenant = _text(endpoint), _text(upstream), _text(tenant)
    try:
        asked = {
            name: value if is_plain(value) else as_plain(value) for name, value in body.items() if name not in IGNORED
        }
        spelled = _spelled([KEY_VERSION, endpoint, upstream, tenant, asked])
    except RecursionError as error:
        raise InputError("the request is nested too deep, or holds itself", MORE_THAN_JSON) from error
    except ValueError as error:
        raise InputError(f"the request cannot be spelled as JSON: {error}", MORE_THAN_JSON) from error
    return sha256(spelled).hexdigest()


def _spelled(parts: list[Any]) -> bytes:
    try:
        return _SORTED(parts)
    except (TypeError, UnicodeEncodeError):
        return _spelled_slowly(parts)


def _spelled_slowly(parts: list[Any]) -> bytes:
    """Spell names that are no strings, and what UTF-8 JSON has no spelling for: NaN, half a surrogate pair."""
    *place, asked = as_plain(parts)
    try:
        return _SORTED([*place, asked])
    except (TypeError, UnicodeEncodeError):
        # Both halves of a pair, side by side in a Python string, are one character once they were JSON.
        parts = [*place, as_plain(read_any(json.dumps(asked)))]
    try:
        return _SORTED(parts)
    except (TypeError, UnicodeEncodeError):
        return b"\0" + _UNUSUAL(parts).encode("utf-8", "surrogatepass")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(
            f"endpoint, upstream and tenant are strings; {value!r} is none", "use an empty string for none"
        )
    return str.__str__(value)
