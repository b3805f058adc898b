"""The few fields of an answer that tell what it came to, decoded without the rest; found in streams by their name.

A stream of a thousand frames tells its usage in one or two of them: those are looked for as bytes from the end, and
only they are decoded. Where a frame has several `data` lines the whole stream is read as the standard says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from llmopt.errors import InputError
from llmopt.serving.cache.forms.jsontext import loads_object
from llmopt.serving.sse import SseReader

_NAME = b'"usage'
"""Begin of `"usage"` and `"usageMetadata"`; within a text there is a backslash before it."""
_DATA = b"data:"
_FRAMES_START = (_DATA, b"event:", b"id:", b"retry:", b":")


class Body(msgspec.Struct, rename={"model_version": "modelVersion", "usage_metadata": "usageMetadata"}):
    """What is decoded of an answer, or of a frame of one."""

    id: Any = None
    object: Any = None
    type: Any = None
    model: Any = None
    model_version: Any = None
    service_tier: Any = None
    usage: Any = None
    usage_metadata: Any = None
    message: Body | None = None
    response: Body | None = None

    @property
    def tells_usage(self) -> bool:
        """Whether it holds a usage."""
        return isinstance(self.usage, dict) or isinstance(self.usage_metadata, dict)

    @property
    def name(self) -> str:
        """The model that answers; empty where it does not say."""
        return next((name for name in (self.model, self.model_version) if isinstance(name, str)), "")


_DECODE = msgspec.json.Decoder(Body).decode
_DECODE_LIST = msgspec.json.Decoder(list[Body]).decode


def is_stream(body: bytes) -> bool:
    """Return whether an answer is server-sent events: JSON begins otherwise."""
    return body[:64].lstrip(b"\xef\xbb\xbf\r\n \t").startswith(_FRAMES_START)


def body_of(text: bytes | str) -> Body | None:
    """Decode an answer or a frame; None: it is no JSON object."""
    try:
        return _DECODE(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        # Fields of other kinds than usual, or halves of surrogate pairs.
        found = loads_object(text)
    if found is None:
        return None
    for name in ("message", "response"):
        if not isinstance(found.get(name), dict):
            found.pop(name, None)
    try:
        return msgspec.convert(found, Body)
    except msgspec.ValidationError:
        return None


def last_of_list(text: bytes) -> Body | None:
    """Return the last object of a JSON list that holds a usage; None: it is no such list."""
    if not text[:64].lstrip().startswith(b"["):
        return None
    try:
        found = _DECODE_LIST(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return next((each for each in reversed(found) if each.tells_usage), None)


def last_frames(body: bytes) -> Iterator[Body]:
    """Yield the frames of a stream that hold a usage, the last one first."""
    end = len(body)
    while (at := body.rfind(_NAME, 0, end)) >= 0:
        if body[at - 1 : at] == b"\\" or _is_null(body, at):
            end = at
            continue
        end = max(body.rfind(b"\n", 0, at), body.rfind(b"\r", 0, at)) + 1
        stop = _line_end(body, at)
        frame = _frame(body[end:stop])
        if frame is not None:
            yield frame
        elif stop < len(body):
            yield from _read_exactly(body)
            return


def in_frames(body: bytes) -> Iterator[Body]:
    """Yield the frames of a stream from its begin, as far as they stand on a line each."""
    for line in body.splitlines():
        frame = _frame(line)
        if frame is not None:
            yield frame


def _line_end(body: bytes, start: int) -> int:
    end = body.find(b"\n", start)
    end = len(body) if end < 0 else end
    other = body.find(b"\r", start, end)
    return end if other < 0 else other


def _frame(line: bytes) -> Body | None:
    line = line.removeprefix(b"\xef\xbb\xbf")
    return body_of(line[len(_DATA) :]) if line.startswith(_DATA) else None


def _is_null(body: bytes, at: int) -> bool:
    """Return whether a usage is null: OpenAI says so in every chunk but the last."""
    return body[at : at + 32].partition(b":")[2].lstrip().startswith(b"null")


def _read_exactly(body: bytes) -> Iterator[Body]:
    """Read all events as the standard says; slow."""
    try:
        events = SseReader().feed(body)
    except InputError:  # an event without end
        return
    for event in reversed(events):
        frame = body_of(event.data) if '"usage' in event.data else None
        if frame is not None:
            yield frame
