"""JSON for machines, made from result dataclasses: Decimals as exact strings, instants in UTC."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal

from llmopt import __version__
from llmopt.core.money import exact_text
from llmopt.report.text import HOSTILE, iso

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


def document(command: str, payload: Mapping[str, Json]) -> dict[str, Json]:
    """Return `payload` under the header that every JSON report carries."""
    return {"schema": f"llmopt.{command}/1", "llmopt": __version__, **payload}


def plain(value: object) -> Json:
    """Return `value` (dataclass, mapping, sequence, Decimal, date or scalar) as JSON values.

    Raises:
        TypeError: a value of another type stands somewhere inside; a bug in the caller.
    """
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Decimal):
        return exact_text(value)
    if isinstance(value, date):
        return iso(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    raise TypeError(f"{type(value).__name__} has no JSON form")


def render(payload: Mapping[str, Json]) -> str:
    r"""Return `payload` as indented JSON that reads back to the same text.

    Letters of any script stay readable; characters that a terminal would obey are written as `\u` escapes.
    """
    text = json.dumps(payload, indent=2, ensure_ascii=False, allow_nan=False)
    return _escape(text) + "\n"


def _escape(text: str) -> str:
    """Escape hostile characters, which stand inside strings only; the line ends of the layout stay."""
    return HOSTILE.sub(lambda match: match.group() if match.group() == "\n" else json.dumps(match.group())[1:-1], text)
