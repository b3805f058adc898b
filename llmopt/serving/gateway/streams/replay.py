"""A whole answer in the form that was asked for: at once, or as a stream."""

from __future__ import annotations

from dataclasses import dataclass

from llmopt.serving.cache.streams import replayed
from llmopt.serving.gateway.values import Api

JSON = b"application/json"
EVENTS = b"text/event-stream; charset=utf-8"
_NEVER_STREAMED = frozenset({Api.EMBEDDINGS})


@dataclass(frozen=True, slots=True)
class Form:
    """How an answer is wanted."""

    streamed: bool
    usage: bool = False
    """Whether a stream is to tell its usage."""


def form_of(api: Api, *, streamed: bool, usage_asked: bool) -> Form:
    """Return the form of the answer to a request.

    Args:
        api: that the client speaks.
        streamed: whether it asks for a stream.
        usage_asked: whether it asks for the usage of its stream.
    """
    streamed = streamed and api not in _NEVER_STREAMED
    return Form(streamed, streamed and usage_asked)


def in_form(body: bytes, form: Form) -> tuple[bytes, bytes] | None:
    """Return content-type and bytes of an answer; None where it has no stream form, and one is wanted.

    Args:
        body: the whole JSON.
        form: as wanted.
    """
    if not form.streamed:
        return JSON, body
    events = replayed(body, include_usage=form.usage)
    return None if events is None else (EVENTS, b"".join(events))
