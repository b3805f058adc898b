"""JSON as bytes: fast for what is usual, right for the rest.

The rest is half a surrogate pair: some servers cut an emoji into two pieces.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

_ENCODE = msgspec.json.Encoder().encode


def dumps(value: Any) -> bytes:
    """Return plain values as compact JSON in UTF-8."""
    try:
        return _ENCODE(value)
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def loads_object(text: str | bytes) -> dict[str, Any] | None:
    """Read a JSON object, of bytes in UTF-8; None: it is none."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        try:
            found = json.loads(text if isinstance(text, str) else text.decode(), parse_constant=_refused)
        except (ValueError, RecursionError):
            return None
    return found if isinstance(found, dict) else None


def _refused(text: str) -> Any:
    raise ValueError(f"{text} is not JSON, and would become null")
