"""What was answered in a record of any format, and what else a column of it says; see `llmopt.cost.asked`."""

from __future__ import annotations

from typing import Any

import msgspec

from llmopt.cost.attributes import answered_by_attributes, attributes_of
from llmopt.cost.spec.values import to_text, unpacked

_BODY = ("choices", "candidates", "content", "output", "generations", "embedding")
_KINDS = ("chat.completion", "text_completion", "response", "list")
_PLACES = (
    *("response", "response_body", "responseBody", "outputBodyJson", "ResponseMessages", "output"),
    *("completion", "output_text", "answer", "generated_text", "result"),
)
"""Where answers stand, in the order in which they are believed."""
ANSWER_COLUMNS = tuple(dict.fromkeys((*_PLACES, *_BODY, "text", "finishReason")))
"""Where in an object an answer may stand: its text, or what tells of it."""
_INNER = ("body", "outputBodyJson", "message")
_ASKING = ("request", "request_body", "messages", "prompt", "input")
"""Fields of a line that hold the request, beside an answer that has no field of its own."""
_ENCODE = msgspec.json.Encoder(enc_hook=str).encode


def answered(record: Any, line: Any) -> str | None:
    """Return what was answered, as text or JSON; None where the log does not say.

    Args:
        record: the innermost object that the format reads.
        line: the whole line.
    """
    for place in (record,) if record is line else (record, line):
        if not isinstance(place, dict):
            continue
        if isinstance(place.get("attributes"), list):
            return answered_by_attributes(attributes_of(place))
        if place.get("object") == "chat.completion.chunk":
            return None
        found = _whole(place) or next((text for name in _PLACES if (text := _text(place.get(name))) is not None), None)
        if found is not None:
            return found
    return None


def _whole(place: dict[str, Any]) -> str | None:
    """Return an answer whose fields stand beside those of the record."""
    if "finishReason" in place and isinstance(place.get("text"), str):
        return str(place["text"])
    if place.get("object") in _KINDS or isinstance(place.get("choices") or place.get("candidates"), list):
        return _encoded({key: value for key, value in place.items() if key not in _ASKING})
    return _encoded(place) if place.get("type") == "message" and "content" in place else None


def column(record: Any, line: Any, path: str) -> str | None:
    """Return a column as text; None where it is not there or empty.

    Args:
        record: the innermost object that the format reads.
        line: the whole line.
        path: name of a column, or names with dots between them that lead into objects (also those logged as JSON
            text), into lists by number, and into lists of named values (`scores.helpful` of
            `[{"name": "helpful", "value": 1}]`).
    """
    for place in (record,) if record is line else (record, line):
        if not isinstance(place, dict):
            continue
        found = place.get(path)
        if found is None and isinstance(place.get("attributes"), list):
            found = attributes_of(place).get(path)
        if found is None and "." in path:
            found = _along(place, path.split("."))
        if found is not None:
            return to_text(found) or None
    return None


def _along(value: Any, steps: list[str]) -> Any:
    for step in steps:
        value = unpacked(value)
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list):
            value = _item(value, step)
        else:
            return None
    return value


def _item(items: list[Any], step: str) -> Any:
    if step.isdigit():
        return items[int(step)] if int(step) < len(items) else None
    for item in items:
        if isinstance(item, dict) and step in (item.get("name"), item.get("key")):
            return next((item[name] for name in ("value", "score", "stringValue") if item.get(name) is not None), None)
    return None


def _text(value: Any) -> str | None:
    """Return an answer as text; null for what is no answer: a count, or nothing at all."""
    if isinstance(value, str):
        return value if value and not value.isdigit() and value not in ("{}", "[]", "null") else None
    if isinstance(value, dict) and not any(name in value for name in _BODY):
        inner = next((value[name] for name in _INNER if isinstance(value.get(name), (dict, str))), None)
        value = inner if inner is not None else value
    return _encoded(value) if isinstance(value, (dict, list)) and value else None


def _encoded(value: Any) -> str:
    return _ENCODE(value).decode()
