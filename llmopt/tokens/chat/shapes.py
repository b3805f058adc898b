"""Tells chat requests from other records, finds them in what wraps them, and the model that they name.

Shapes, by the names of the APIs' fields: OpenAI (chat, completions, Responses, embeddings), Anthropic (messages,
message batches), Gemini and Vertex AI (`contents`, `instances`), Bedrock (converse, `modelInput` of its batches,
`inputText` of Titan), Cohere (`message` with `chat_history`), Hugging Face (`inputs`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard

from llmopt.tokens.families import Maker

JsonObject = dict[str, object]
CONFIGS = ("generationConfig", "generation_config", "config")
"""Keys of settings, which in Google's SDK also hold the system prompt and the tools."""

_WRAPPERS = ("body", "request", "data", "params", "payload", "json", "modelInput", "inputBodyJson", "input", "inputs")
"""Keys that a request is found under."""
_LEVELS = 2
"""How many wrappers may lie around a request."""
_BATCH_LEVELS = 4
"""How many lists and wrappers may lie around the requests of a batch: Gemini's batches have that many."""
_MODEL_KEYS = ("model", "modelId", "model_id", "modelVersion", "engine", "deployment")
_MAIN = ("messages", "contents", "input", "prompt", "inputs", "inputText", "instances")
"""Keys of what is asked, in the order of preference; further ones count only where none of these is there."""
_FURTHER = ("message", "texts", "content")
_COHERE = ("chat_history", "preamble", "conversation_id", "connectors", "documents", "model", "temperature")
"""Keys that make a `message` a request of Cohere's and no line of an ordinary log."""


def is_request(body: object) -> bool:
    """Return whether a record is a request: a list of messages, or an object that holds messages or a prompt."""
    return bool(_way(body, _LEVELS))


def several(body: object) -> list[object] | None:
    """Return the requests that a body holds; None where it is one request, or holds none.

    Args:
        body: decoded JSON: a list of requests, or the body of a batch, such as `{"requests": [...]}`. Requests that
            name no model get the model of the body.
    """
    return None if is_request(body) else _several(body, _BATCH_LEVELS)


def model_named(body: object) -> str:
    """Return the model that a request names, at its top or within its wrappers; empty if none."""
    for level in _path(body):
        for key in _MODEL_KEYS:
            name = level.get(key) if isinstance(level, dict) else None
            if isinstance(name, str) and name.strip():
                return name
    return ""


def unwrapped(body: object) -> object:
    """Return the request within its wrappers; a body that holds none without the first of them."""
    return _path(body)[-1]


def asked(body: JsonObject, maker: Maker) -> tuple[str, ...]:
    """Return the keys of a request that hold what is asked, the one that the maker's API reads first."""
    order = sorted(_MAIN, key=lambda key: maker == "google" and key != "contents")
    found = tuple(key for key in order if _is_filled(body, key))
    return found or tuple(key for key in _FURTHER if _holds(body, key))[:1]


def is_stored(body: JsonObject, key: str = "prompt") -> bool:
    """Return whether a prompt is one that the provider keeps, named by its `id`."""
    prompt = body.get(key)
    return key == "prompt" and isinstance(prompt, dict) and isinstance(prompt.get("id"), str)


def are_messages(items: object) -> TypeGuard[list[object]]:
    """Return whether a value is a list of messages, of any maker."""
    return isinstance(items, list) and bool(items) and all(map(_is_message, items))


def are_tokens(value: object) -> TypeGuard[list[int]]:
    """Return whether a value is a text that is given as tokens."""
    return isinstance(value, list) and bool(value) and all(type(item) is int for item in value)


def _is_filled(body: JsonObject, key: str) -> bool:
    filled = body.get(key) not in (None, "", [], {}) and not is_stored(body, key)
    return filled and (key in _MAIN[:4] or _holds(body, key))


def _is_message(item: object) -> bool:
    if not isinstance(item, dict):
        return False
    if "role" in item or "parts" in item:
        return True
    return "type" in item and not any(isinstance(item.get(key), dict | list) for key in ("messages", *_WRAPPERS[:7]))


def _path(body: object) -> list[object]:
    """Return a body and what it wraps, down to the request."""
    way = _way(body, _LEVELS)
    if way:
        return way
    way = [body]
    while isinstance(body, dict) and len(way) <= _LEVELS:
        inner = next((body[key] for key in _WRAPPERS[:7] if isinstance(body.get(key), dict | list)), None)
        if inner is None:
            break
        way.append(inner)
        body = inner
    return way


def _way(body: object, levels: int) -> list[object]:
    """Return the values from a body down to the request in it; nothing if there is none."""
    if _is_bare(body):
        return [body]
    for key in _WRAPPERS if levels > 0 and isinstance(body, dict) else ():
        inner = body.get(key) if isinstance(body, dict) else None
        way = _way(inner, levels - 1) if isinstance(inner, dict | list) else []
        if way:
            return [body, *way]
    return []


def _is_bare(body: object) -> bool:
    if isinstance(body, dict):
        return any(_holds(body, key) for key in (*_MAIN, *_FURTHER))
    return are_messages(body)


def _holds(body: JsonObject, key: str) -> bool:
    """Return whether a key of a body is there and holds something that can be asked."""
    value = body.get(key)
    return value is not None and _CHECKS[key](body, value)


def _is_list(_: JsonObject, value: object) -> bool:
    return isinstance(value, list) and bool(value)


def _are_contents(_: JsonObject, value: object) -> bool:
    one = isinstance(value, dict) and ("parts" in value or "text" in value)
    return one or isinstance(value, str) or (isinstance(value, list) and bool(value))


def _is_prompt(body: JsonObject, value: object) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, dict | str | int | list) for item in value)
    return isinstance(value, str) or (is_stored(body) and value is body.get("prompt"))


def _is_text(_: JsonObject, value: object) -> bool:
    return isinstance(value, str)


def _are_instances(_: JsonObject, value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict | str) and item for item in value)


def _is_coheres(body: JsonObject, value: object) -> bool:
    return isinstance(value, str) and any(body.get(key) is not None for key in _COHERE)


def _are_texts(_: JsonObject, value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def _is_embedded(body: JsonObject, value: object) -> bool:
    """Tell what Gemini shall embed from an answer of it, which has the same key."""
    return isinstance(value, dict) and "parts" in value and not any(key in body for key in ("finishReason", "index"))


_CHECKS: dict[str, Callable[[JsonObject, object], bool]] = {
    "messages": _is_list,
    "contents": _are_contents,
    **dict.fromkeys(("input", "prompt", "inputs"), _is_prompt),
    "inputText": _is_text,
    "instances": _are_instances,
    "message": _is_coheres,
    "texts": _are_texts,
    "content": _is_embedded,
}


def _several(body: object, levels: int) -> list[object] | None:
    if isinstance(body, dict):
        held = next((body[key] for key in ("requests", "batch", "input_config", *_WRAPPERS) if body.get(key)), None)
        found = _several(held, levels - 1) if levels >= 0 and isinstance(held, dict | list) else None
        model = model_named({key: value for key, value in body.items() if key in _MODEL_KEYS})
        return [_with_model(item, model) for item in found] if found and model else found
    if not isinstance(body, list) or not body:
        return None
    found = []
    for item in body:
        inner = None if levels <= 0 or is_request(item) else _several(item, levels - 1)
        found.extend([item] if inner is None else inner)
    return found if any(map(is_request, found)) else None


def _with_model(request: object, model: str) -> object:
    return {**request, "model": model} if isinstance(request, dict) and not model_named(request) else request
