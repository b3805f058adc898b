"""Count the tokens of a logged request or response whose usage is not in the log."""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from llmopt.errors import ConfigError
from llmopt.tokens.api import estimated_tokenizer, tokenizer_of
from llmopt.tokens.chat.requests import ChatCount, count_request, count_response
from llmopt.tokens.families import Family, family_of
from llmopt.tokens.tokenizer import Tokenizer

_HOLDERS = (
    *("choices", "candidates", "generations", "outputs", "results", "output", "content", "parts"),
    *("message", "delta", "response", "body", "result", "data", "payload", "tool_calls"),
)
"""Keys of a response under which its parts are, as a list or an object."""
_PARTS = {"type", "role", "text", "parts", "content", "message", "delta", "functionCall", "toolUse", "generated_text"}
"""Keys of which each part has one."""
_POOLED = Family("other", estimator="other")
"""For models whose name says nothing."""


def count_logged_request(request: str, model: str | None) -> ChatCount:
    """Count the input tokens of a request.

    Args:
        request: the text that was sent, or JSON: a list of chat messages, or an object with `messages`, `prompt`,
            `input` or `contents`, and `system`, `instructions`, `tools` where there are any.
        model: None, or a name that says nothing, is estimated by the pooled estimator.
    """
    family = family_of(model or "") or _POOLED
    return count_request(_decoded(request), _tokenizer(family), family.maker, model or "")


def count_logged_response(response: str, model: str | None) -> ChatCount:
    """Count the output tokens of a response.

    Args:
        response: the text that came back, or JSON of its parts: `choices`, `content`, `output` or `candidates`,
            as in a response body, or a list of messages.
        model: as in `count_logged_request`.
    """
    family = family_of(model or "") or _POOLED
    body = _decoded(response)
    if not isinstance(body, str) and not _is_structure(body):
        body = response  # an answer in JSON, which is its text
    return count_response(body, _tokenizer(family), family.maker, model or "")


def _is_structure(body: object) -> bool:
    """Tell the parts of a logged response from an answer that happens to be JSON."""
    if isinstance(body, list):
        return bool(body) and all(isinstance(item, dict) and _PARTS & item.keys() for item in body)
    if not isinstance(body, dict):
        return False
    return "role" in body or any(isinstance(body.get(key), list | dict) for key in _HOLDERS)


@functools.cache
def _tokenizer(family: Family) -> Tokenizer:
    """Return the tokenizer of a family; logs are long, so Claude is estimated and not reconstructed."""
    tokenizer = tokenizer_of(family, reconstruct=False)
    try:
        tokenizer.count("")
    except ConfigError:  # one of the oldest vocabularies, which is not on every machine
        return estimated_tokenizer("other")
    return tokenizer


def _decoded(text: str) -> Any:
    """Return the structure that a text holds as JSON; the text itself where it holds none."""
    if not text.startswith(("[", "{")):
        return text
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return text
