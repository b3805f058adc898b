"""The question of a request: the text of its last user message, and everything else as one hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from llmopt.serving.cache.key import IGNORED, request_key
from llmopt.serving.cache.request import CacheRequest

MOST_CHARS = 2_000
"""Of a question; a longer one brings a text of its own along."""
_TEXT_PARTS = ("text", "input_text")
_TAKEN_OUT = "question taken out of"
"""A field beside the rest of the body; no server knows it, so that this hash is no request's key."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and of whom."""

    partition: str
    """`request_key` of the request without the text; the tenant, the upstream and the endpoint are part of it."""
    text: str


def question_of(request: CacheRequest) -> Question | None:
    """Return the question of a request; None where there is none.

    There is one where the last message is the user's and has one text: in `messages` (chat completions of OpenAI,
    messages of Anthropic), or in `input` of OpenAI's responses. Images and files beside it are part of the rest.
    """
    body = request.body
    if request.endpoint.partition("?")[0].rstrip("/").endswith("/responses"):
        field = "input"
        if isinstance(body.get(field), str):
            return _question(request, field, None, body[field])
    else:
        field = "messages"
    found = _last_text(body.get(field))
    return None if found is None else _question(request, field, *found)


def _question(request: CacheRequest, field: str, rest: Any, text: str) -> Question | None:
    if not text.strip():
        return None
    others = {name: value for name, value in request.body.items() if name not in IGNORED}
    body = {_TAKEN_OUT: field, "rest": others | {field: rest}}
    key = request_key(body, endpoint=request.endpoint, upstream=request.upstream, tenant=request.tenant)
    return Question(key, text)


def _last_text(messages: Any) -> tuple[list[Any], str] | None:
    """Return the messages with the text of the last one taken out, and that text."""
    if not _is_list(messages) or not messages:
        return None
    last = messages[-1]
    if not isinstance(last, Mapping) or last.get("role") != "user":
        return None
    content = last.get("content")
    if isinstance(content, str):
        return [*messages[:-1], {**last, "content": None}], content
    if not _is_list(content):
        return None
    places = [at for at, part in enumerate(content) if _is_text(part)]
    if len(places) != 1:
        return None
    (at,) = places
    parts = [*content[:at], {**content[at], "text": None}, *content[at + 1 :]]
    return [*messages[:-1], {**last, "content": parts}], content[at]["text"]


def _is_text(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") in _TEXT_PARTS and isinstance(part.get("text"), str)


def _is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))
