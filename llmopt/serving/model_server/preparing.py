"""Make requests for the batcher from the inputs of a client: encode texts, check token ids and lengths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from llmopt.serving.model_server.errors import ApiError, bad_request
from llmopt.serving.model_server.values import ServedModel

_AT_ONCE, _CHARS_AT_ONCE = 64, 2**16
_LETTERS_A_TOKEN = 64
_OF_A_CUT_WORD = 128
"""Tokens that the last word of a text may have more of when it is cut; an encoder makes one of a word that is long."""


def slices(inputs: Sequence[str] | Sequence[list[int]]) -> Iterator[range]:
    """Yield the places of inputs to prepare in one go, so that a large request leaves others their turn."""
    start = size = 0
    for at, one in enumerate(inputs):
        if at > start and (at - start == _AT_ONCE or size + len(one) > _CHARS_AT_ONCE):
            yield range(start, at)
            start, size = at, 0
        size += len(one)
    yield range(start, len(inputs))


def prepared(model: ServedModel, inputs: Sequence[str] | Sequence[list[int]], places: range) -> list[Any]:
    """Return the requests of some inputs. Takes its time: run it off the event loop.

    Raises:
        ApiError: an input is too long, empty, or holds ids that the model does not know.
    """
    chosen = [inputs[at] for at in places]
    if isinstance(chosen[0], list):
        return [_of_ids(model, ids, at) for at, ids in zip(places, cast("list[list[int]]", chosen), strict=True)]
    texts = cast("list[str]", chosen)
    if model.encode is None:
        return texts
    for at, text in zip(places, texts, strict=True):
        _check_beginning(model, text, at)
    requests = model.encode(texts)
    for at, text, request in zip(places, texts, requests, strict=True):
        _check_text(model, text, request, at)
    return requests


def _of_ids(model: ServedModel, ids: list[int], at: int) -> list[int]:
    if model.vocabulary is None:
        raise bad_request("no_token_ids", f"{model.name} takes text, not token ids", "input")
    if not ids:
        raise bad_request("empty_input", f"input[{at}] has no tokens", "input")
    if min(ids) < 0 or max(ids) >= model.vocabulary:
        raise bad_request(
            "unknown_token", f"input[{at}]: the token ids of {model.name} are 0 to {model.vocabulary - 1}", "input"
        )
    if model.max_tokens is None or len(ids) <= model.max_tokens:
        return ids
    if model.count is not None:
        raise _too_long(model, len(ids), at)
    return [*ids[: model.max_tokens - 1], ids[-1]]  # the last one is mostly special, as in a text that was cut


def _check_beginning(model: ServedModel, text: str, at: int) -> None:
    """Refuse a text of which the beginning is too long already; to make tokens of megabytes takes many seconds."""
    if model.count is None or model.max_tokens is None or len(text) <= model.max_tokens * _LETTERS_A_TOKEN:
        return
    tokens = model.count(text[: model.max_tokens * _LETTERS_A_TOKEN]) - _OF_A_CUT_WORD
    if tokens > model.max_tokens:
        raise bad_request(
            "too_many_tokens",
            f"input[{at}] has over {tokens:,} tokens; {model.name} takes {model.max_tokens:,}",
            "input",
        )


def _check_text(model: ServedModel, text: str, request: Sequence[int], at: int) -> None:
    if not request:
        raise bad_request("empty_input", f"input[{at}] has no tokens", "input")
    if model.count is None or model.max_tokens is None or len(request) < model.max_tokens:
        return
    tokens = model.count(text)
    if tokens > model.max_tokens:
        raise _too_long(model, tokens, at)


def _too_long(model: ServedModel, tokens: int, at: int) -> ApiError:
    return bad_request(
        "too_many_tokens", f"input[{at}] has {tokens:,} tokens; {model.name} takes {model.max_tokens:,}", "input"
    )
