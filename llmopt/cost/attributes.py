"""What was asked and answered on OpenTelemetry spans and log records, whose attributes are a list of typed values.

Names: https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/, and those of OpenLLMetry, which has an
attribute for each field of each message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from llmopt.cost.spec.values import unpacked

_SCALARS = ("stringValue", "intValue", "doubleValue", "boolValue")
_SETTING = re.compile(r"(?:gen_ai|llm)\.request\.(\w+)")
_MESSAGE = re.compile(r"gen_ai\.prompt\.(\d+)\.(.+)")
_OWN = ("gen_ai.input.messages", "gen_ai.prompt")
_BESIDE = {"gen_ai.system_instructions": "system", "gen_ai.tool.definitions": "tools"}


def attributes_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a span or log record, and those of its events, as plain values by name."""
    found: dict[str, Any] = {}
    events = record.get("events")
    for holder in (*(events if isinstance(events, list) else ()), record):
        listed = holder.get("attributes") if isinstance(holder, dict) else None
        found |= _plain(listed) if isinstance(listed, list) else {}
    return found


def asked_by_attributes(attributes: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the parts of a request; None where its messages are not among them."""
    own = next((attributes[name] for name in _OWN if attributes.get(name) not in (None, "")), None)
    messages = unpacked(own) if own is not None else _message_by_message(attributes)
    if not messages:
        return None
    body: dict[str, Any] = {"messages" if isinstance(messages, list) else "prompt": messages}
    for name, field in _BESIDE.items():
        if attributes.get(name) not in (None, ""):
            body[field] = unpacked(attributes[name])
    for name, value in attributes.items():
        setting = _SETTING.fullmatch(name)
        if setting and value is not None:
            body[setting.group(1)] = value
    return body


def answered_by_attributes(attributes: Mapping[str, Any]) -> str | None:
    """Return what was answered, as text or JSON; None where it is not there."""
    for name in ("gen_ai.output.messages", "gen_ai.completion", "gen_ai.completion.0.content"):
        value = attributes.get(name)
        if value not in (None, ""):
            return value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return None


def _message_by_message(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Put the messages of OpenLLMetry together, in their order."""
    found: dict[int, dict[str, Any]] = {}
    for name, value in attributes.items():
        place = _MESSAGE.fullmatch(name)
        if place:
            found.setdefault(int(place.group(1)), {})[place.group(2)] = value
    return [found[number] for number in sorted(found)]


def _plain(listed: list[Any]) -> dict[str, Any]:
    pairs = (item for item in listed if isinstance(item, dict) and isinstance(item.get("key"), str))
    return {item["key"]: _value(item.get("value")) for item in pairs}


def _value(wrapped: Any) -> Any:
    """Return an OTLP value without its type; whole numbers are often texts in it."""
    if not isinstance(wrapped, dict):
        return wrapped
    for name in _SCALARS:
        if wrapped.get(name) is not None:
            text = wrapped[name]
            return int(text) if name == "intValue" and isinstance(text, str) and text.lstrip("-").isdigit() else text
    array, pairs = wrapped.get("arrayValue"), wrapped.get("kvlistValue")
    if isinstance(array, dict):
        return [_value(item) for item in array.get("values") or []]
    return _plain(pairs.get("values") or []) if isinstance(pairs, dict) else None
