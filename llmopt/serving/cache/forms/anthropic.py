"""Messages, as Anthropic streams them.

Source: Anthropic API reference, "Streaming Messages": a message starts empty, its content blocks come one after the
other in deltas, `message_delta` says why it stopped and what it used, `message_stop` ends it.
"""

from __future__ import annotations

import json
from typing import Any

from llmopt.serving.cache.forms.deltas import Text, settled
from llmopt.serving.cache.forms.jsontext import dumps

_INPUT = "partial_json"
_TEXTS = {"thinking_delta": "thinking", "signature_delta": "signature", "text_delta": "text"}
"""Kinds of deltas by the field that each is a piece of; it has the same name in the delta and in the block."""
_PIECES = {**_TEXTS, "input_json_delta": _INPUT}


class _Broken(Exception):
    """The stream does not say a whole message."""


def collect(frames: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the whole message; None: no `message_stop`, a block without its end, or a kind that nobody knows."""
    message: dict[str, Any] = {}
    blocks: dict[int, dict[str, Any]] = {}
    ended: set[int] = set()
    try:
        for frame in frames:
            _take(frame, message, blocks, ended)
        if not frames or frames[-1].get("type") != "message_stop" or message.get("stop_reason") is None:
            return None
        if ended != set(blocks):
            return None
        message["content"] = [_whole(blocks[index]) for index in sorted(blocks)]
    except (_Broken, ValueError, RecursionError):
        return None
    return message


def replay(body: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the events of a whole message; None where it has no stream form."""
    content = body.get("content")
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        return None
    usage = body["usage"] if isinstance(body.get("usage"), dict) else {}
    end = {name: body.get(name) for name in ("stop_reason", "stop_sequence")}
    end |= {name: body[name] for name in ("stop_details", "container") if name in body}
    start = {**body, "content": [], **dict.fromkeys(end), "usage": {**usage, "output_tokens": 0}}
    frames: list[dict[str, Any]] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(content):
        frames += _block(index, block)
    return [*frames, {"type": "message_delta", "delta": end, "usage": usage}, {"type": "message_stop"}]


def _take(frame: dict[str, Any], message: dict[str, Any], blocks: dict[int, dict[str, Any]], ended: set[int]) -> None:
    match frame.get("type"):
        case "message_start":
            message.update(_dict(frame.get("message")))
        case "content_block_start":
            blocks[_index(frame)] = dict(_dict(frame.get("content_block")))
        case "content_block_delta":
            _add(_known(blocks, frame), _dict(frame.get("delta")))
        case "content_block_stop":
            _known(blocks, frame)
            ended.add(_index(frame))
        case "message_delta":
            _end(message, frame)
        case "message_stop":
            pass
        case _:
            raise _Broken


def _end(message: dict[str, Any], frame: dict[str, Any]) -> None:
    message.update(_dict(frame.get("delta")))
    usage = frame.get("usage")
    if isinstance(usage, dict):
        said = {name: value for name, value in usage.items() if value is not None}
        message["usage"] = {**_dict(message.get("usage") or {}), **said}
    message.update((name, each) for name, each in frame.items() if name not in ("type", "delta", "usage"))


def _add(block: dict[str, Any], delta: dict[str, Any]) -> None:
    kind = str(delta.get("type"))
    if kind == "citations_delta":
        held = block.get("citations")
        block["citations"] = [*(held if isinstance(held, list) else ()), delta.get("citation")]
        return
    name = _PIECES.get(kind, "")
    piece = delta.get(name)
    if not isinstance(piece, str):
        raise _Broken
    text = block.get(name)
    if not isinstance(text, Text):
        text = block[name] = Text([text] if isinstance(text, str) else [])
    text.append(piece)


def _whole(block: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = settled(block)
    text = found.pop(_INPUT, "")
    if text:
        found["input"] = json.loads(text)
    return found


def _block(index: int, block: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events that say one content block."""
    start = dict(block)
    deltas: list[dict[str, Any]] = []
    if "input" in block:
        start["input"] = {}
        deltas.append({"type": "input_json_delta", _INPUT: dumps(block["input"]).decode()})
    for kind, name in _TEXTS.items():
        if block.get(name) and isinstance(block[name], str):
            start[name] = ""
            deltas.append({"type": kind, name: block[name]})
    citations = block.get("citations")
    if isinstance(citations, list):
        start["citations"] = []
        deltas += [{"type": "citations_delta", "citation": citation} for citation in citations]
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def _known(blocks: dict[int, dict[str, Any]], frame: dict[str, Any]) -> dict[str, Any]:
    index = _index(frame)
    if index not in blocks:
        raise _Broken
    return blocks[index]


def _index(frame: dict[str, Any]) -> int:
    index = frame.get("index")
    if not isinstance(index, int):
        raise _Broken
    return index


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Broken
    return value
