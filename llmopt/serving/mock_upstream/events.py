"""Answers of a mock upstream as streams of server-sent events. Sources: the API references of OpenAI and Anthropic."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from llmopt.serving.mock_upstream import answers
from llmopt.serving.mock_upstream.asked import Asked
from llmopt.serving.mock_upstream.content import (
    ARGUMENTS,
    CREATED_S,
    NUMBER,
    anthropic_usage,
    dumped,
    openai_usage,
    thoughts,
    tool_calls,
    words,
)

_DONE = b"data: [DONE]\n\n"


@lru_cache(maxsize=256)
def events(asked: Asked) -> tuple[bytes, ...]:
    """Return the events of a stream that holds `NUMBER` where its number belongs."""
    behaviour = asked.behaviour
    kinds = {"responses": _responses, "messages": _messages}
    if asked.api in kinds:
        made = [_named(each, behaviour.multiline) for each in kinds[asked.api](asked)]
        found = made if behaviour.done else made[:-1]
    else:
        found = [_data(each, behaviour.multiline) for each in _openai(asked)]
        found += [_DONE] if behaviour.done else []
    if behaviour.keep_alives:
        found = [b": keep-alive\n\n" + each for each in found]
    return (b"".join(found),) if behaviour.burst and found else tuple(found)


def _data(event: dict[str, Any], multiline: bool) -> bytes:
    if not multiline:
        return b"data: " + dumped(event) + b"\n\n"
    lines = json.dumps(event, ensure_ascii=False, indent=1).encode("utf-8", "replace").split(b"\n")
    return b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"


def _named(event: dict[str, Any], multiline: bool) -> bytes:
    return b"event: " + str(event["type"]).encode() + b"\n" + _data(event, multiline)


def _openai(asked: Asked) -> Iterator[dict[str, Any]]:
    chat = asked.api == "chat"
    common = {
        "id": f"{'chatcmpl' if chat else 'cmpl'}-{NUMBER}",
        "object": "chat.completion.chunk" if chat else "text_completion",
        "created": CREATED_S,
        "model": asked.named,
        "system_fingerprint": "fp_mock",
    }
    nothing: dict[str, Any] = {"usage": None} if asked.include_usage else {}
    for choice in _deltas(asked) if chat else _texts(asked):
        yield {**common, "choices": [{"index": 0, **choice, "logprobs": None}], **nothing}
    if asked.include_usage and asked.behaviour.usage:
        yield {**common, "choices": [], "usage": openai_usage(asked.behaviour)}


def _texts(asked: Asked) -> Iterator[dict[str, Any]]:
    for word in words(asked.behaviour):
        yield {"text": word, "finish_reason": None}
    yield {"text": "", "finish_reason": "stop"}


def _deltas(asked: Asked) -> Iterator[dict[str, Any]]:
    yield {"delta": {"role": "assistant", "content": ""}, "finish_reason": None}
    for thought in thoughts(asked.behaviour):
        yield {"delta": {"reasoning_content": thought}, "finish_reason": None}
    for word in words(asked.behaviour):
        yield {"delta": {"content": word}, "finish_reason": None}
    for index, (identifier, name) in enumerate(tool_calls(asked)):
        begun = {"index": index, "id": identifier, "type": "function", "function": {"name": name, "arguments": ""}}
        yield {"delta": {"tool_calls": [begun]}, "finish_reason": None}
        for part in ARGUMENTS:
            more = {"index": index, "function": {"arguments": part}}
            yield {"delta": {"tool_calls": [more]}, "finish_reason": None}
    yield {"delta": {}, "finish_reason": "tool_calls" if asked.behaviour.tool_calls else "stop"}


def _responses(asked: Asked) -> Iterator[dict[str, Any]]:
    begun = answers.response(asked, status="in_progress")
    made = [{"type": "response.created", "response": begun}, {"type": "response.in_progress", "response": begun}]
    for index, item in enumerate(answers.output(asked)):
        made += _item(asked, index, item)
    made.append({"type": "response.completed", "response": answers.response(asked)})
    for number, event in enumerate(made):
        yield {**event, "sequence_number": number}


def _item(asked: Asked, index: int, item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the events of one item of a response."""
    where = {"item_id": item["id"], "output_index": index}
    empty: dict[str, dict[str, Any]] = {
        "message": {"content": [], "status": "in_progress"},
        "function_call": {"arguments": "", "status": "in_progress"},
        "reasoning": {"summary": []},
    }
    begun = {**item, **empty[item["type"]]}
    yield {"type": "response.output_item.added", "output_index": index, "item": begun}
    if item["type"] == "message":
        place: dict[str, Any] = {**where, "content_index": 0}
        part = item["content"][0]
        yield {"type": "response.content_part.added", **place, "part": {**part, "text": ""}}
        for word in words(asked.behaviour):
            yield {"type": "response.output_text.delta", **place, "delta": word, "logprobs": []}
        yield {"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []}
        yield {"type": "response.content_part.done", **place, "part": part}
    elif item["type"] == "function_call":
        for piece in ARGUMENTS:
            yield {"type": "response.function_call_arguments.delta", **where, "delta": piece}
        yield {"type": "response.function_call_arguments.done", **where, "arguments": item["arguments"]}
    else:
        place, text = {**where, "summary_index": 0}, item["summary"][0]
        yield {"type": "response.reasoning_summary_part.added", **place, "part": {**text, "text": ""}}
        for thought in thoughts(asked.behaviour):
            yield {"type": "response.reasoning_summary_text.delta", **place, "delta": thought}
        yield {"type": "response.reasoning_summary_text.done", **place, "text": text["text"]}
        yield {"type": "response.reasoning_summary_part.done", **place, "part": text}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _messages(asked: Asked) -> Iterator[dict[str, Any]]:
    whole = answers.message(asked)
    usage = anthropic_usage(asked.behaviour) if asked.behaviour.usage else None
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1} if usage else {}}
    yield {"type": "message_start", "message": begun}
    yield {"type": "ping"}
    for index, block in enumerate(whole["content"]):
        yield {"type": "content_block_start", "index": index, "content_block": _begun(block)}
        for delta in _block_deltas(asked, block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ended = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    told = {"usage": {"output_tokens": asked.behaviour.output_tokens}} if usage else {}
    yield {"type": "message_delta", "delta": ended, **told}
    yield {"type": "message_stop"}


def _begun(block: dict[str, Any]) -> dict[str, Any]:
    empty: dict[str, Any] = {"text": "", "thinking": "", "signature": "", "input": {}}
    return {name: empty.get(name, value) for name, value in block.items()}


def _block_deltas(asked: Asked, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if block["type"] == "text":
        for word in words(asked.behaviour):
            yield {"type": "text_delta", "text": word}
    elif block["type"] == "thinking":
        for thought in thoughts(asked.behaviour):
            yield {"type": "thinking_delta", "thinking": thought}
        yield {"type": "signature_delta", "signature": block["signature"]}
    else:
        for part in ARGUMENTS:
            yield {"type": "input_json_delta", "partial_json": part}
