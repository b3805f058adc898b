"""What of a request a provider's prompt cache compares, in the order in which it does: tools, system, messages.

Marks that only say what to cache (`cache_control`, `cachePoint`) are left out, and a message of one text is the same as
one with a list of that text. Names of a message or a tool stand in no order; those within (a schema, the input of a
tool) do: the page says to keep theirs, as some languages shuffle them. Pictures and files count little in tokens and
much in bytes: a digest of a few kilobytes stands for each. Source of the order:
https://platform.claude.com/docs/en/build-with-claude/prompt-caching; other providers do not publish one, and it decides
nothing for requests of one application.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

import msgspec

_TOOLS = ("tools", "functions", "toolConfig", "tool_config")
_DECLARED = ("functionDeclarations", "function_declarations")
"""Hold several tools."""
_ELSEWHERE = ("previous_response_id", "conversation", "cachedContent", "cached_content")
"""Tell that a provider holds some of the prompt, which is not logged."""
_SYSTEM = ("system", "systemInstruction", "system_instruction", "instructions")
_MESSAGES = ("messages", "contents", "input", "prompt", "inputText", "prompt_parts", "query")
_WHOLE = frozenset({"messages", "contents"})
"""What tells a request that is logged as the input of another."""
_CONTENT = ("content", "parts")
_SCHEMAS = ("response_format", "output_config")
"""Forms of the answer that stand before the prompt where they hold a schema."""
_MARKS = frozenset({"cache_control", "cachePoint", "cache_point", "prompt_cache_breakpoint"})
_TEXT = frozenset({"text", "type"})
_MEDIA = frozenset(
    {"image", "image_url", "source", "inlineData", "inline_data", "input_audio", "document", "file", "video", "audio"}
)
_LARGE_BYTES = 4096
_FOR_MEDIA = 48
"""Digests of 64 bytes that stand for a picture or a file: 3 KiB, some 800 tokens."""
_EMPTY = b"{}"
_UNSPELLED = b"?"
"""Stands for what is nested too deep, or holds itself."""
_SPELLED = msgspec.json.Encoder().encode


def parts_of(request: Mapping[str, Any]) -> list[bytes]:
    """Return the parts of a prompt, first to last; an empty list where it is not logged, or not all of it."""
    asked = _asked(request)
    if isinstance(asked, Mapping) and not _WHOLE.isdisjoint(asked):
        request = {**request, **dict.fromkeys(_MESSAGES), **asked}
        asked = _asked(request)
    if asked is None or any(map(request.get, _ELSEWHERE)) or (isinstance(asked, Mapping) and "id" in asked):
        return []
    parts = [*_before(request)]
    for message in _items(asked):
        parts += _said(message) if isinstance(message, Mapping) else _message(b"user", message)
    return parts


def _asked(request: Mapping[str, Any]) -> Any:
    return next((value for name in _MESSAGES if (value := request.get(name))), None)


def _before(request: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield what stands before the first message."""
    for name in _SCHEMAS:
        if isinstance(form := request.get(name), Mapping) and len(form) > 1:
            yield _json(form)
    for name in _TOOLS:
        if tools := request.get(name):
            yield from (said for tool in _tools(tools) if (said := _json(tool)) != _EMPTY)
    for name in _SYSTEM:
        if system := request.get(name):
            yield from _message(b"system", system)


def _tools(value: Any) -> Iterator[Any]:
    for tool in _items(value):
        declared = next((tool[name] for name in _DECLARED if name in tool), None) if isinstance(tool, Mapping) else None
        yield from declared if isinstance(declared, list) else (tool,)


def _items(value: Any) -> list[Any]:
    """Return the elements of a list; anything else is its only element."""
    if isinstance(value, list):
        return value
    if isinstance(value, Mapping) and isinstance(inner := value.get("tools"), list):
        return inner
    return [value]


def _said(message: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield the parts of a message: who says it with its first text, then the rest."""
    name = next((name for name in _CONTENT if message.get(name) is not None), "")
    role = message.get("role")
    if len(message) > 2 or (role is None and name):
        rest = {key: value for key, value in message.items() if key != name and key not in _MARKS}
        head = role.encode("utf-8", "surrogatepass") if len(rest) == 1 and isinstance(role, str) else _json(rest)
    else:
        head = role.encode("utf-8", "surrogatepass") if isinstance(role, str) and name else _json(message)
    return _message(head, message[name] if name else "")


def _message(head: bytes, content: Any) -> Iterator[bytes]:
    head = b"\n" + head + b"\n"
    if isinstance(content, str):
        yield head + content.encode("utf-8", "surrogatepass")
        return
    if isinstance(content, Mapping) and isinstance(inner := content.get("parts"), list):
        content = inner
    for block in _items(content):
        said = _block(block)
        if said:
            yield head + said
            head = b""
    if head:
        yield head


def _block(block: Any) -> bytes:
    if isinstance(block, str):
        return block.encode("utf-8", "surrogatepass")
    if not isinstance(block, Mapping):
        return _json(block)
    if not _MARKS.isdisjoint(block):
        block = {key: value for key, value in block.items() if key not in _MARKS}
    text = block.get("text")
    if isinstance(text, str) and block.keys() <= _TEXT:
        return text.encode("utf-8", "surrogatepass")
    said = _json(block) if block else b""
    if len(said) > _LARGE_BYTES and not _MEDIA.isdisjoint(block):
        return blake2b(said).digest() * _FOR_MEDIA
    return said


def _json(value: Any) -> bytes:
    if isinstance(value, Mapping):
        value = _in_order(value)
        if isinstance(inner := value.get("function"), Mapping):
            value["function"] = _in_order(inner)
    try:
        return _SPELLED(value)
    except (TypeError, ValueError, RecursionError):
        pass
    try:
        return json.dumps(value, default=str).encode()
    except (TypeError, ValueError, RecursionError):
        return _UNSPELLED


def _in_order(value: Mapping[Any, Any]) -> dict[Any, Any]:
    """Sort by name, and leave out marks."""
    return {key: value[key] for key in sorted(value, key=str) if key not in _MARKS}
