"""Usage of a stream, asked for on behalf of a client who did not: into the request, and out of the answer again.

Source: OpenAI API reference, `stream_options.include_usage`: one more chunk comes before `[DONE]`, with the usage of
the whole request and an empty list of choices.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llmopt.errors import InputError
from llmopt.serving.cache.forms.jsontext import dumps, loads_object
from llmopt.serving.cache.plain import read_object
from llmopt.serving.gateway.streams.frames import frames
from llmopt.serving.gateway.values import Api
from llmopt.serving.sse import SseReader

_OPTIONS = "stream_options"
_ASKED = b'{"stream_options":{"include_usage":true},'
_APIS = frozenset({Api.CHAT, Api.COMPLETIONS})
"""That leave the usage out of a stream unless it is asked for."""
_GAP = rb"(?:\s|data:)*"
"""Between two marks of JSON; also where its lines are lines of an event."""
_EMPTY = re.compile(rb'"choices"' + _GAP.join((b"", b":", rb"\[", rb"\]")))


def asks_usage(body: Mapping[str, Any]) -> bool:
    """Return whether a client asks for the usage of its stream."""
    options = body.get(_OPTIONS)
    return isinstance(options, Mapping) and options.get("include_usage") is True


def asking(body: bytes, decoded: Mapping[str, Any], api: Api) -> bytes | None:
    """Return the body of a request with the wish for usage in it; None where it needs none.

    Args:
        body: as it would go out.
        decoded: what the client sent, decoded; its model and texts may be others by now.
        api: that it is for.
    """
    if api not in _APIS or decoded.get("stream") is not True or asks_usage(decoded):
        return None
    options = decoded.get(_OPTIONS)
    if _OPTIONS not in decoded:
        at = body.find(b"{")
        if at >= 0:
            return body[:at] + _ASKED + body[at + 1 :]
    if options is not None and not isinstance(options, Mapping):
        return None  # the server will refuse it
    return dumps({**read_object(body), _OPTIONS: {**(options or {}), "include_usage": True}})


def without_usage(data: bytes) -> bytes:
    """Return events without the one that holds the usage and nothing else; all others stay as they are.

    Args:
        data: events; the last one may be cut off.
    """
    seen = _EMPTY.search(data)
    if seen is None:
        return data
    begin = 0 if b"\r" in data else data.rfind(b"\n\n", 0, seen.start()) + 2
    begin = begin if begin > 1 else 0
    return data[:begin] + b"".join([frame for frame in frames(data[begin:]) if not is_usage(frame)])


def is_usage(frame: bytes) -> bool:
    """Return whether an event holds the usage and nothing else."""
    if _EMPTY.search(frame) is None:
        return False
    reader = SseReader()
    try:
        events = [*reader.feed(frame), *reader.close()]
    except InputError:  # an event without end
        return False
    chunk = loads_object(events[0].data) if len(events) == 1 else None
    return chunk is not None and chunk.get("choices") == [] and isinstance(chunk.get("usage"), dict)
