"""Answers of the APIs with a known usage, whole and as streams."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]


def packed(value: Json) -> bytes:
    """Return JSON as servers send it."""
    return json.dumps(value, ensure_ascii=False).encode()


def chat(model: str = "gpt-4o-2024-08-06", text: str = "Hello", usage: Json | None = None) -> Json:
    """Return a chat completion, with a usage or without."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    body: Json = {"id": "c-1", "object": "chat.completion", "created": 1_785_542_400, "model": model}
    return body | {"choices": [choice]} | ({"usage": usage} if usage else {})


def frames(events: Iterable[Json | str], *, end: str = "\n", named: bool = False) -> bytes:
    """Return events as a stream sends them; a text is data as it stands."""
    lines = []
    for event in events:
        if named and isinstance(event, dict):
            lines.append(f"event: {event['type']}")
        data = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
        lines += [f"data: {data}", ""]
    return "".join(line + end for line in lines).encode()


def chat_stream(
    texts: Iterable[str], usage: Json | None, *, model: str = "gpt-4o-2024-08-06", nulls: bool = True
) -> list[Json | str]:
    """Return the events of a chat completion; OpenAI has `usage: null` in all but the last."""
    body: Json = {"id": "c-1", "object": "chat.completion.chunk", "model": model} | ({"usage": None} if nulls else {})
    events: list[Json | str] = [
        body | {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]} for text in texts
    ]
    events.append(body | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if usage is not None:
        events.append(body | {"choices": [], "usage": usage})
    return [*events, "[DONE]"]


def message_stream(texts: Iterable[str], *, start: Json, end: Json | None) -> list[Json | str]:
    """Return the events of a message: what its begin and its end say of the usage; no end: it was cut off."""
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "content": []}
    events: list[Json | str] = [{"type": "message_start", "message": message | {"usage": start}}, {"type": "ping"}]
    events.append({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
    events += [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}} for text in texts
    ]
    if end is not None:
        events.append({"type": "content_block_stop", "index": 0})
        events.append({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": end})
        events.append({"type": "message_stop"})
    return events


def response(usage: Json | None, status: str = "completed") -> Json:
    """Return a response of OpenAI's newer API."""
    part = {"type": "output_text", "text": "Hello", "annotations": []}
    item = {"type": "message", "id": "m", "role": "assistant", "status": status, "content": [part]}
    body: Json = {"id": "resp_1", "object": "response", "status": status, "model": "gpt-5-2025-08-07"}
    return body | {"output": [item], "usage": usage}
