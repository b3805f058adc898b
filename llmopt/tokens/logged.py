"""Count the tokens of a logged request or response whose usage is not in the log."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import msgspec

from llmopt.errors import ConfigError
from llmopt.tokens.api import estimated_tokenizer, tokenizer_of
from llmopt.tokens.chat.marks import is_request_body, is_response_body
from llmopt.tokens.chat.requests import ChatCount, count_request, count_response
from llmopt.tokens.families import Family, family_of
from llmopt.tokens.tokenizer import Tokenizer

_POOLED = Family("other", estimator="other")
"""For models whose name says nothing."""


def count_logged_request(request: str, model: str | None) -> ChatCount:
    """Count the input tokens of a request.

    Args:
        request: the text that was sent, or JSON: a list of chat messages, or an object with `messages`, `prompt`,
            `input` or `contents`, and `system`, `instructions`, `tools` where there are any.
        model: None, or a name that says nothing, is estimated by the pooled estimator.
    """
    embeds = "embed" in (model or "").lower()
    return _count(request, model, _is_embedded if embeds else is_request_body, count_request)


def count_logged_response(response: str, model: str | None) -> ChatCount:
    """Count the output tokens of a response.

    Args:
        response: the text that came back, or JSON of its parts: `choices`, `content`, `output` or `candidates`,
            as in a response body, or a list of messages.
        model: as in `count_logged_request`.
    """
    return _count(response, model, is_response_body, count_response)


def _is_embedded(body: object) -> bool:
    """Whether a value is what an embedding model takes: texts, tokens, or lists of them, or a body with those."""
    return isinstance(body, list) or is_request_body(body)


def _count(
    text: str, model: str | None, is_body: Callable[[object], bool], count: Callable[..., ChatCount]
) -> ChatCount:
    """Count a text, or what it holds where it is the JSON of a body; a body that holds nothing is a text after all."""
    family = family_of(model or "") or _POOLED
    tokenizer = _tokenizer(family)
    body = _decoded(text)
    if not isinstance(body, str) and is_body(body):
        found = count(body, tokenizer, family.maker, model or "")
        if found.count.tokens or found.uncounted or not text:
            return found
    return count(text, tokenizer, family.maker, model or "")


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
