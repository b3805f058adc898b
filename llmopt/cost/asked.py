"""What was asked, and what was answered, in a record of any format.

A bill needs no texts, so the format specs only say where they stand in records without usage. Here they are looked for
by shape, in every record: first the body of the request as it was sent, in one of the places where loggers put it
(decoded where it was logged as JSON text), then its parts as columns beside each other. The places are those of the
formats in `llmopt/cost/formats`, whose sources are named there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from llmopt.cost.attributes import asked_by_attributes, attributes_of
from llmopt.cost.spec.values import SAYS_NOTHING, to_text, unpacked

CORE = ("messages", "prompt", "input", "contents", "inputText", "texts", "prompt_token_ids")
"""Fields of which a request has at least one."""
_BODIES = ("request_body", "requestBody", "proxy_server_request", "inputBodyJson", "body")
"""Where the whole body stands."""
_WRAPPERS = ("request", *_BODIES, "params", "kwargs", "payload", "input")
"""Where the body may stand; of some of them only if it names its model."""
_INNER = ("body", "inputBodyJson", "params", "json", "data", "kwargs", "request")
_NO_REQUEST = frozenset({"choices", "candidates", "generations"})
"""Fields of answers."""
_SPLIT = {"RequestMessages": "SequenceNumber", "requestMessages": "sequenceNumber"}
"""Columns of Azure's gateway with messages -> number of the record among those that a request was split over."""
_QUESTIONS = (*CORE, *_SPLIT, "question", "query", "user_prompt", "user_message", "user_input", "input_text")
"""Columns with what was asked, in the order in which they are believed."""
_BESIDE = (
    *("model", "system", "system_prompt", "systemInstruction", "system_instruction", "instructions"),
    *("system_message", "history", "chat_history", "context", "retrieved_context", "documents", "suffix"),
    *("variables", "prompt_variables", "inputs", "image", "images", "image_url", "attachments", "files", "audio"),
    *("tools", "functions", "tool_choice", "function_call", "toolConfig", "parallel_tool_calls"),
    *("response_format", "generationConfig", "generation_config", "safetySettings", "cachedContent"),
    *("reasoning", "reasoning_effort", "thinking", "logit_bias", "logprobs", "stop", "stop_sequences"),
)
"""Columns that a request may have besides, and that change its answer."""
_NUMBERS = (
    *("temperature", "top_p", "top_k", "seed", "n", "max_tokens", "max_completion_tokens", "max_output_tokens"),
    *("presence_penalty", "frequency_penalty", "min_p", "repetition_penalty", "dimensions"),
)
"""The same, for numbers; tables hold them as text."""
_SETTINGS = (
    *("modelParameters", "model_parameters", "optional_params", "invocation_params", "parameters", "model_params"),
    *("inferenceConfig", "settings"),
)
"""Objects with more of them."""
_BODIES_TOO = ("request", "request_body", "requestBody", "body")
"""Where a hash may stand in the place of what was asked."""
HASHES = (
    *("prompt_hash", "prompt_sha256", "prompt_sha1", "prompt_md5", "prompt_digest", "promptHash", "promptSha256"),
    *("request_hash", "request_sha256", "requestHash", "input_hash", "input_sha256", "inputHash"),
    *("messages_hash", "messagesHash", "hashed_prompt"),
)
"""Columns with a hash of what was asked, in the order in which they are believed."""
QUESTION_COLUMNS = tuple(
    name for name in dict.fromkeys((*_WRAPPERS, *_QUESTIONS, "properties", "attributes")) if name not in _SPLIT
)
"""Where in an object a request may stand, but for those that are split over several records."""
SETTING_COLUMNS = tuple(name for name in (*_BESIDE, *_NUMBERS, *_SETTINGS) if name not in QUESTION_COLUMNS)
"""What may stand beside it, and belongs to it unless it is whole."""
_CUT = (b"litellm_truncated", b"redacted-by-litellm", b"helicone-truncated")
"""Marks of a text that was logged in part."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the log holds of a request."""

    body: dict[str, Any]
    whole: bool
    """Whether it is the body as it was sent, rather than parts of it."""
    part: int | None = None
    """Number of the record among those that the request was split over; None: it was not."""


def asked(record: Any, line: Any) -> Asked | None:
    """Return what was asked; None where the log does not say.

    Args:
        record: the innermost object that the format reads: a body behind a wrapper, a span, a row.
        line: the whole line.
    """
    places = [place for place in ((record,) if record is line else (record, line)) if isinstance(place, dict)]
    for place in places:
        found = _wrapped(place)
        if found is not None:
            return found
    for place in (*places, *(inner for place in places if isinstance(inner := place.get("properties"), dict))):
        found = _beside(place)
        if found is not None:
            return found
    return None


def hash_of(record: Any, line: Any) -> str | None:
    """Return the hash that is logged in the place of what was asked; None where there is none.

    Args:
        record: as for `asked`.
        line: the whole line.
    """
    outer = [place for place in ((record,) if record is line else (record, line)) if isinstance(place, dict)]
    inner = [found for place in outer for name in _BODIES_TOO if (found := _object(place.get(name))) is not None]
    for place in (*outer, *inner):
        for name in HASHES:
            if place.get(name) is not None:
                return to_text(place[name]) or None
    return None


def asked_as(text: str, record: Any) -> Asked | None:
    """Return what was asked where it is known which text says it: a body or messages as JSON, or a prompt.

    None for a body that asks nothing.

    Args:
        text: what the format, or the user, names the prompt.
        record: the object that it stands in, with settings beside it.
    """
    value, beside = unpacked(text), _settings(record) if isinstance(record, dict) else {}
    if isinstance(value, dict) and any(name in value for name in CORE):
        return Asked({**beside, **value}, whole=False) if _asks(value) else None
    name = "messages" if isinstance(value, list) else "input" if isinstance(value, dict) else "prompt"
    return Asked({**beside, name: value}, whole=False)


def _wrapped(place: dict[str, Any]) -> Asked | None:
    """Look for the body in the places where it stands whole, or nearly so."""
    for name in _WRAPPERS:
        if name not in place:
            continue
        body = None if place[name] is None else _body(place[name])
        if body is None:
            continue
        named = "model" in body or "contents" in body or "inputText" in body
        if name in _BODIES or named or (name == "input" and "inputBodyJson" in place["input"]):
            return Asked(body, whole=True)
        return Asked({**_settings(place), **body}, whole=False)
    return None


def _beside(place: dict[str, Any]) -> Asked | None:
    """Put a request together from columns, or from the attributes of a span."""
    if isinstance(place.get("attributes"), list):
        body = asked_by_attributes(attributes_of(place))
        return Asked(body, whole=False) if body else None
    name = next((name for name in _QUESTIONS if name in place and _says(place, name)), None)
    if name is None:
        return None
    if name in _SPLIT:
        return Asked({"messages": unpacked(place[name])}, whole=False, part=_number(place.get(_SPLIT[name])))
    own = name if name in CORE else "prompt"
    if isinstance(place[name], dict) and own == "prompt" and "id" not in place[name]:
        own = "prompt_parts"  # as `prompt` it would be a template that the provider keeps
    said = {
        other: _said(other, place[other])
        for other in _QUESTIONS
        if other in place and other != name and _says(place, other)
    }
    return Asked({**_settings(place), **said, own: _said(own, place[name])}, whole=False)


def _said(name: str, value: Any) -> Any:
    """Return what a column says: those of prompts are texts even if they look like JSON."""
    return value if name in ("prompt", "inputText") else unpacked(value)


def _settings(place: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a request that stand beside its text."""
    found = {name: unpacked(place[name]) for name in _BESIDE if name in place and place[name] not in (None, "")}
    for name in _SETTINGS:
        inner = _object(place[name]) if name in place else None
        if inner is not None:
            found |= {key: _setting(key, value) for key, value in inner.items() if value is not None}
    for name in _NUMBERS:
        number = _decoded_number(place[name]) if name in place else None
        if number is not None:
            found[name] = number
    return found


def _setting(name: str, value: Any) -> Any:
    """Return a setting; numbers are texts in some logs."""
    number = _decoded_number(value) if name in _NUMBERS else None
    return value if number is None else number


def _body(value: Any, depth: int = 0) -> dict[str, Any] | None:
    """Return the body of a request in a value, or in one of the objects in it."""
    found = _object(value)
    if found is None or _asks(found):
        return found
    if depth == 2:
        return None
    return next((body for name in _INNER if (body := _body(found.get(name), depth + 1)) is not None), None)


def _asks(value: Mapping[str, Any]) -> bool:
    """Is it the body of a request? Beside a model's name, digits as `input` are a text and no count of tokens."""
    for name in CORE:
        if name in value and (_says(value, name) or (name == "input" and "model" in value and _is_number(value[name]))):
            return _NO_REQUEST.isdisjoint(value)
    return False


def _says(value: Mapping[str, Any], name: str) -> bool:
    """Is there a text, or a list or object of them? Columns named `input` may be counts of tokens."""
    found = value.get(name)
    if isinstance(found, str):
        return found.strip() not in SAYS_NOTHING and not (name == "input" and _is_number(found))
    return isinstance(found, (list, dict)) and bool(found)


def _is_number(value: Any) -> bool:
    return isinstance(value, str) and value.isdigit()


def is_cut(text: bytes) -> bool:
    """Was a text logged in part?"""
    return any(mark in text for mark in _CUT)


def _object(value: Any) -> dict[str, Any] | None:
    found = unpacked(value)
    return found if isinstance(found, dict) else None


def _decoded_number(value: Any) -> int | float | None:
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value.strip())
        except (msgspec.DecodeError, UnicodeEncodeError):
            return None
    if isinstance(value, Decimal):
        value = int(value) if value == value.to_integral_value() else float(value)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _number(value: Any) -> int | None:
    number = _decoded_number(value)
    return number if isinstance(number, int) else None
