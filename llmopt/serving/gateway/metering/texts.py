"""The texts of requests and answers, for where nobody says how many tokens they had.

Sources: API references of OpenAI (chat completions, completions, responses, embeddings), Anthropic (messages) and
Google (`contents`, `candidates`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llmopt.errors import InputError
from llmopt.serving.cache.forms.jsontext import dumps, loads_object
from llmopt.serving.openai_chunks import DONE
from llmopt.serving.sse import SseReader

_ASKED = ("system", "instructions", "messages", "prompt", "input", "contents", "systemInstruction")
_AS_JSON = ("tools", "functions")
"""What models read as JSON."""
_BINARY = frozenset({"data", "file_data", "image_url", "url", "signature", "encrypted_content", "id", "call_id"})
"""Fields whose texts are no text to a model: pictures, sounds, names."""
_LABELS = frozenset(
    {"role", "type", "object", "status", "detail", "cache_control", "media_type", "tool_use_id", "index"}
)
_SAID = (
    "content",
    "text",
    "thinking",
    "reasoning_content",
    "reasoning",
    "refusal",
    "arguments",
    "name",
    "partial_json",
)
"""Fields of messages and of their pieces that hold what the model wrote."""
_INNER = ("choices", "message", "delta", "tool_calls", "function", "function_call", "output", "summary", "candidates")
"""Fields that hold such fields."""
_ANSWERS = frozenset({"choices", "content", "output", "candidates", "data"})
"""Fields of answers, of which each has one."""
_DEEPEST = 32


def asked_texts(request: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts that a model reads of a request."""
    for name in _ASKED:
        yield from _all_texts(request.get(name), 0)
    for name in _AS_JSON:
        if request.get(name):
            yield dumps(request[name]).decode("utf-8", "replace")


def asked_numbers(request: Mapping[str, Any]) -> int:
    """Return how many tokens a request gives by their numbers, as completions and embeddings take them."""
    return sum(_numbers(request.get(name)) for name in ("prompt", "input"))


def asked_turns(request: Mapping[str, Any]) -> int:
    """Return how many messages a request has: each takes some tokens around its text."""
    return sum(len(turns) for name in ("messages", "contents") if isinstance(turns := request.get(name), list))


def is_answer(body: bytes) -> bool:
    """Return whether a body is a model's answer, by its fields."""
    found = loads_object(body)
    return found is not None and not _ANSWERS.isdisjoint(found)


def said_in(body: bytes) -> Iterator[str]:
    """Yield the texts that a whole answer holds."""
    found = loads_object(body)
    if found is not None:
        yield from _said(found, 0)


def said_in_stream(body: bytes) -> Iterator[str]:
    """Yield the pieces of text that a stream holds, as far as it came."""
    try:
        events = SseReader().feed(body)
    except InputError:  # an event without end
        return
    for event in events:
        frame = loads_object(event.data) if event.data.strip() != DONE else None
        if frame is None:
            continue
        kind = frame.get("type")
        if isinstance(kind, str) and kind.startswith("response."):
            # The texts of a response come in deltas, and once more when each is done.
            delta = frame.get("delta") if kind.endswith(".delta") else None
            if isinstance(delta, str):
                yield delta
        else:
            yield from _said(frame, 0)


def _said(value: dict[str, Any], depth: int) -> Iterator[str]:
    for name in (*_SAID, *_INNER):
        yield from _piece(value.get(name), depth)
    if value.get("type") == "tool_use" and value.get("input"):
        yield dumps(value["input"]).decode("utf-8", "replace")
    for name in ("content_block", "parts"):
        yield from _piece(value.get(name), depth)


def _piece(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and depth < _DEEPEST:
        yield from _said(value, depth + 1)
    elif isinstance(value, list) and depth < _DEEPEST:
        for each in value:
            yield from _piece(each, depth + 1)


def _all_texts(value: Any, depth: int) -> Iterator[str]:
    """Yield every text of a value that is not binary, nor a label."""
    if isinstance(value, str):
        if not value.startswith("data:"):
            yield value
    elif isinstance(value, list) and depth < _DEEPEST:
        for each in value:
            yield from _all_texts(each, depth + 1)
    elif isinstance(value, dict) and depth < _DEEPEST:
        for name, each in value.items():
            if name not in _BINARY and name not in _LABELS:
                yield from _all_texts(each, depth + 1)


def _numbers(value: Any) -> int:
    if not isinstance(value, list):
        return 0
    return sum(_numbers(each) if isinstance(each, list) else type(each) is int for each in value)
