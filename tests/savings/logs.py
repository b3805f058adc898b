"""Small logs of a chat endpoint: what was asked, by whom, when, and what came back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Json = Any
START = 1_772_438_400
"""2 March 2026, 08:00 UTC."""


def asked(text: str = "Where is my parcel?", **settings: Json) -> Json:
    """Return the body of a request to gpt-4o, at temperature 0 where nothing else is said."""
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], "temperature": 0, **settings}
    return {name: value for name, value in body.items() if value is not None}


def record(at_s: float, request: Json = None, *, finish: str = "stop", tokens: int = 80, **columns: Json) -> Json:
    """Return a line of a log, `at_s` seconds after the start; 1,200 tokens in."""
    response = {
        "id": f"chatcmpl-{at_s}-{columns.get('team')}",
        "object": "chat.completion",
        "created": START + int(at_s),
        "model": columns.pop("answered_by", "gpt-4o"),
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": finish}],
        "usage": {"prompt_tokens": 1200, "completion_tokens": tokens},
    }
    return {"request": request or asked(), "response": response, **columns}


def written(folder: Path, *records: Json, name: str = "app.jsonl") -> Path:
    """Write a log and return its path."""
    path = folder / name
    path.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
    return path
