"""What a model answered, as checks see it: the text and why it ended, from any known shape of answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_DEEPEST = 6


@dataclass(frozen=True, slots=True)
class Answered:
    """The first choice of an answer."""

    text: str
    """Empty where it says nothing."""
    finish_reason: str
    """As the server says it (`stop`, `length`, `end_turn` ...), in lower case; empty where it does not.

    `refusal` where the model refuses, which OpenAI's servers call `stop` too.
    """
    calls_tools: bool
    """Whether it asks for tools or functions to be called; such an answer need not have a text."""

    @classmethod
    def of(cls, value: object) -> Answered:
        """Look at an answer: a text, a body as JSON or decoded, or what holds one (of an SDK, of an HTTP client)."""
        body = _decoded(value)
        if isinstance(body, str):
            return cls(body, "", calls_tools=False)
        choice, message = _first(body)
        texts = list(_texts(message, 0))
        reason = next((str(choice[key]) for key in _REASONS if choice.get(key)), "")
        return cls("".join(texts), "refusal" if _refuses(message, 0) else reason.lower(), _calls_tools(message, 0))


_REASONS = ("finish_reason", "stop_reason", "stopReason", "finishReason", "done_reason", "status")
_CALLS = ("tool_calls", "function_call", "functionCall", "toolUse")
_CALL_KINDS = ("tool_use", "function_call", "custom_tool_call")


def _decoded(value: object) -> Mapping[str, Any] | str:
    """Return the body of an answer as an object; as text where it is none."""
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        value = dump()
    if not isinstance(value, str | bytes | bytearray | Mapping):
        value = getattr(value, "body", getattr(value, "content", None))
    if isinstance(value, bytes | bytearray):
        value = bytes(value).decode("utf-8", "replace")
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return found if isinstance(found, Mapping) else value
    return value if isinstance(value, str | Mapping) else ""


def _first(body: Mapping[str, Any]) -> tuple[Mapping[str, Any], object]:
    """Return the first choice, and the part of it that holds the message."""
    for key in ("choices", "candidates"):
        choices = body.get(key)
        if isinstance(choices, list | tuple) and choices and isinstance(choices[0], Mapping):
            choice = choices[0]
            return choice, next((choice[name] for name in ("message", "content", "text") if name in choice), None)
    output = body.get("output")
    if isinstance(output, Mapping):
        return body, output.get("message")
    if isinstance(output, list | tuple):
        return body, [item for item in output if not (isinstance(item, Mapping) and item.get("type") == "reasoning")]
    return body, next((body[name] for name in ("content", "message", "text", "response") if name in body), None)


def _texts(content: object, depth: int) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list | tuple) and depth < _DEEPEST:
        for part in content:
            yield from _texts(part, depth + 1)
    elif isinstance(content, Mapping) and depth < _DEEPEST and not content.get("thought"):
        for key in ("text", "content", "parts"):
            if isinstance(content.get(key), str | list | tuple | Mapping):
                yield from _texts(content[key], depth + 1)
                return


def _calls_tools(content: object, depth: int) -> bool:
    if isinstance(content, list | tuple) and depth < _DEEPEST:
        return any(_calls_tools(part, depth + 1) for part in content)
    if isinstance(content, Mapping) and depth < _DEEPEST:
        if content.get("type") in _CALL_KINDS or any(content.get(key) for key in _CALLS):
            return True
        return any(_calls_tools(content.get(key), depth + 1) for key in ("content", "parts"))
    return False


def _refuses(content: object, depth: int) -> bool:
    if isinstance(content, list | tuple) and depth < _DEEPEST:
        return any(_refuses(part, depth + 1) for part in content)
    if isinstance(content, Mapping) and depth < _DEEPEST:
        return bool(content.get("refusal")) or _refuses(content.get("content"), depth + 1)
    return False
