"""What the chunks of an OpenAI-compatible answer say: text, usage, errors; tolerant of servers that leave things out.

Source: OpenAI API reference, "Chat completion chunk object" (`choices[].delta`, `usage` in a last chunk without
choices); vLLM, DeepSeek and others send `reasoning_content` (or `reasoning`) before `content`, and errors as
`{"error": {...}}`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

DONE = "[DONE]"
"""Data of the event after the last chunk."""
_TEXTS = ("reasoning_content", "reasoning", "content", "refusal")


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk of an answer, or a whole one that was not streamed."""

    text: str = ""
    """New text, that of reasoning included."""
    tool_text: str = ""
    """New arguments of tool calls: tokens too, but no text."""
    finished: bool = False
    """Whether a choice has a reason to be finished."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    error: str = ""
    """Why this is no chunk: `error in stream` or `broken frame`; empty where it is one."""


def chunk_of(data: str) -> Chunk:
    """Read the data of one event; what cannot be read is a chunk with an error."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return Chunk(error="broken frame")
    if not isinstance(body, dict):
        return Chunk(error="broken frame")
    if body.get("error"):
        return Chunk(error="error in stream")
    choices = [choice for choice in _list(body.get("choices")) if isinstance(choice, dict)]
    deltas = [_dict(choice.get("delta") or choice.get("message")) for choice in choices]
    usage = _dict(body.get("usage"))
    return Chunk(
        text="".join(_text(delta) for delta in deltas) + "".join(_str(choice.get("text")) for choice in choices),
        tool_text="".join(_tool_text(delta) for delta in deltas),
        finished=any(choice.get("finish_reason") for choice in choices),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
    )


def _text(delta: dict[str, Any]) -> str:
    return "".join(_str(delta.get(name)) for name in _TEXTS)


def _tool_text(delta: dict[str, Any]) -> str:
    functions = [_dict(_dict(call).get("function")) for call in _list(delta.get("tool_calls"))]
    return "".join(_str(each.get("name")) + _str(each.get("arguments")) for each in functions)


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _str(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
