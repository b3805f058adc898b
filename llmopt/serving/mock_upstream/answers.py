"""Whole answers of a mock upstream, errors too. Sources: the API references of OpenAI and Anthropic."""

from __future__ import annotations

import base64
import struct
from functools import lru_cache
from typing import Any

from llmopt.serving.mock_upstream.asked import Asked
from llmopt.serving.mock_upstream.content import (
    ARGUMENTS,
    CREATED_S,
    NUMBER,
    anthropic_usage,
    dumped,
    openai_usage,
    responses_usage,
    thoughts,
    tool_calls,
    words,
)

_VECTOR = tuple(round(0.01 * number, 2) for number in range(16))
_KINDS = {
    400: ("invalid_request_error", "invalid_request_error"),
    401: ("invalid_request_error", "authentication_error"),
    404: ("invalid_request_error", "not_found_error"),
    429: ("rate_limit_error", "rate_limit_error"),
    529: ("server_error", "overloaded_error"),
}


@lru_cache(maxsize=256)
def whole(asked: Asked) -> bytes:
    """Return an answer that holds `NUMBER` where its number belongs."""
    return dumped(_MAKERS[asked.api](asked))


@lru_cache(maxsize=256)
def error(api: str, status: int) -> bytes:
    """Return an error in the form of an API."""
    openai, anthropic = _KINDS.get(status, ("server_error", "api_error"))
    message = f"mock error {status}"
    if api == "messages":
        return dumped({"type": "error", "error": {"type": anthropic, "message": message}})
    return dumped({"error": {"message": message, "type": openai, "param": None, "code": None}})


def _chat(asked: Asked) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(words(asked.behaviour)), "refusal": None}
    if asked.behaviour.reasoning:
        message["reasoning_content"] = "".join(thoughts(asked.behaviour))
    calls = [
        {"id": identifier, "type": "function", "function": {"name": name, "arguments": "".join(ARGUMENTS)}}
        for identifier, name in tool_calls(asked)
    ]
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls" if calls else "stop"}
    return _openai(asked, "chat.completion", "chatcmpl", choice)


def _completion(asked: Asked) -> dict[str, Any]:
    choice = {"index": 0, "text": "".join(words(asked.behaviour)), "logprobs": None, "finish_reason": "stop"}
    return _openai(asked, "text_completion", "cmpl", choice)


def _openai(asked: Asked, kind: str, prefix: str, choice: dict[str, Any]) -> dict[str, Any]:
    found = {
        "id": f"{prefix}-{NUMBER}",
        "object": kind,
        "created": CREATED_S,
        "model": asked.named,
        "choices": [choice],
        "system_fingerprint": "fp_mock",
    }
    return {**found, "usage": openai_usage(asked.behaviour)} if asked.behaviour.usage else found


def response(asked: Asked, *, status: str = "completed") -> dict[str, Any]:
    """Return the object of the Responses API.

    Args:
        asked: what it answers.
        status: `in_progress` for one that has just begun.
    """
    ended = status == "completed"
    return {
        "id": f"resp_{NUMBER}",
        "object": "response",
        "created_at": CREATED_S,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": asked.named,
        "output": output(asked) if ended else [],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": responses_usage(asked.behaviour) if ended and asked.behaviour.usage else None,
    }


def output(asked: Asked) -> list[dict[str, Any]]:
    """Return the items of an answer of the Responses API."""
    found: list[dict[str, Any]] = []
    if asked.behaviour.reasoning:
        summary = [{"type": "summary_text", "text": "".join(thoughts(asked.behaviour))}]
        found.append({"id": f"rs_{NUMBER}", "type": "reasoning", "summary": summary})
    text = {"type": "output_text", "text": "".join(words(asked.behaviour)), "annotations": []}
    message = {"id": f"msg_{NUMBER}", "type": "message", "role": "assistant", "status": "completed", "content": [text]}
    found.append(message)
    for identifier, name in tool_calls(asked):
        call = {"id": f"fc_{identifier}", "type": "function_call", "call_id": identifier, "name": name}
        found.append({**call, "arguments": "".join(ARGUMENTS), "status": "completed"})
    return found


def message(asked: Asked) -> dict[str, Any]:
    """Return a message of Anthropic."""
    content: list[dict[str, Any]] = []
    if asked.behaviour.reasoning:
        content.append(
            {"type": "thinking", "thinking": "".join(thoughts(asked.behaviour)), "signature": f"sig_{NUMBER}"}
        )
    content.append({"type": "text", "text": "".join(words(asked.behaviour))})
    for identifier, name in tool_calls(asked):
        content.append({"type": "tool_use", "id": identifier, "name": name, "input": {"city": "Zürich"}})
    return {
        "id": f"msg_{NUMBER}",
        "type": "message",
        "role": "assistant",
        "model": asked.named,
        "content": content,
        "stop_reason": "tool_use" if asked.behaviour.tool_calls else "end_turn",
        "stop_sequence": None,
        "usage": anthropic_usage(asked.behaviour) if asked.behaviour.usage else {},
    }


def _embeddings(asked: Asked) -> dict[str, Any]:
    packed = base64.b64encode(struct.pack(f"<{len(_VECTOR)}f", *_VECTOR)).decode()
    vector: object = packed if asked.base64 else list(_VECTOR)
    data = [{"object": "embedding", "index": number, "embedding": vector} for number in range(asked.inputs)]
    found: dict[str, Any] = {"object": "list", "data": data, "model": asked.named}
    tokens = asked.behaviour.input_tokens
    return {**found, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}} if asked.behaviour.usage else found


def _models(_: Asked) -> dict[str, Any]:
    names = ("gpt-4o-mini", "claude-sonnet-4-5", "mock")
    made = [{"id": name, "object": "model", "created": CREATED_S, "owned_by": "mock"} for name in names]
    return {"object": "list", "data": made}


_MAKERS = {
    "chat": _chat,
    "completions": _completion,
    "responses": response,
    "messages": message,
    "embeddings": _embeddings,
    "models": _models,
}
