"""What an answer says, to be compared with another one: its texts, without identifiers and times."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_SAYING = frozenset({"content", "text", "refusal", "arguments", "name", "input"})
_HOLDING = ("choices", "output", "content", "message", "tool_calls", "function")


def said(body: bytes) -> str:
    """Return all that a JSON answer says, blanks evened out; of what is no JSON, the text itself."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return " ".join(body.decode("utf-8", "replace").split())
    return " ".join(" ".join(_texts(answer)).split())


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if name in _SAYING and isinstance(item, str):
                yield item
            elif name == "input" and isinstance(item, Mapping):
                yield json.dumps(item, sort_keys=True)
            elif name in _HOLDING:
                yield from _texts(item)
