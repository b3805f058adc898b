"""One answer, two forms: a stream put together to the whole JSON, and made again from it.

A store keeps the whole form only. What a stream says by its timing (how the text was cut into pieces) is not kept: a
text is replayed in one piece. A stream that was asked for without usage (`stream_options.include_usage`) makes an
answer without usage, so a proxy should always ask for it, and leave it out for those who did not.

Forms: OpenAI chat completions, completions and responses, Anthropic messages, told apart by what they hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from llmopt.errors import InputError
from llmopt.serving.cache.entry import Reply
from llmopt.serving.cache.forms import anthropic, openai, responses
from llmopt.serving.cache.forms.jsontext import dumps, loads_object
from llmopt.serving.cache.forms.runs import joined, merged
from llmopt.serving.openai_chunks import DONE
from llmopt.serving.sse import Event, SseReader

_DONES = (DONE, DONE.encode())
_DONE_CHARS = 64
"""The mark of the end has no more, blanks included."""
_LINE_ENDS = tuple((each.encode(), b"\\u%04x" % ord(each)) for each in "\x85\u2028\u2029")


def collected(events: Iterable[Event]) -> bytes | None:
    """Put a stream's events together to the JSON that the server would have sent at once.

    Args:
        events: as `SseReader` reads them.

    Returns:
        The whole response; None where the stream was cut, holds an error, or is of a kind that nobody knows. A
        response that says itself that it was cut at a length limit is one: `why_not_kept` refuses it.
    """
    return _collected((event.data, event.event == "error") for event in events)


def replayed(body: bytes, *, include_usage: bool = False) -> tuple[bytes, ...] | None:
    """Make the events of a stream from the whole JSON, each a frame of server-sent events.

    Args:
        body: as stored.
        include_usage: what the request asked for in `stream_options.include_usage` (OpenAI chat and completions).

    Returns:
        The frames, the last one included (`[DONE]` where the API has one); None where the body has no stream form.
    """
    whole = loads_object(body)
    if whole is None:
        return None
    if "choices" in whole:
        chunks = openai.replay(whole, include_usage)
        return None if chunks is None else (*(b"data: %b\n\n" % _line(chunk) for chunk in chunks), b"data: [DONE]\n\n")
    events = responses.replay(whole) if whole.get("object") == "response" else None
    if whole.get("type") == "message":
        events = anthropic.replay(whole)
    return None if events is None else tuple(b"event: %b\ndata: %b\n\n" % (_kind(each), _line(each)) for each in events)


def reply_of(stream: bytes | Iterable[bytes], *, status: int = 200, cache_control: str = "") -> Reply:
    """Read a whole stream, and return the answer that it makes: what `ResponseCache` keeps.

    Args:
        stream: as it came from the server, in one piece or in many, cut anywhere.
        status: HTTP status.
        cache_control: the response's `Cache-Control` header. Servers put `no-cache` on streams that proxies should not
            hold back; leave it out if that is all it means.

    Returns:
        The answer; with the stream itself as its body, and not complete, where nothing whole can be made of it.
    """
    whole = stream if isinstance(stream, bytes) else b"".join(stream)
    # Without the blank line that ends an event, nobody can tell it from one that was cut: what is left is dropped.
    try:
        body = collected(SseReader().feed(whole)) if (events := _usual(whole)) is None else _collected(merged(events))
    except InputError:  # an event without end
        body = None
    return Reply(whole if body is None else body, status, cache_control, complete=body is not None)


def _usual(stream: bytes) -> list[tuple[bytes, bool]] | None:
    """Return the data of the events, and whether each is called an error, of a stream that is spelled as most are.

    That is: lines end in LF, and an event is one line of data, perhaps with its name before it. None: it is not.
    """
    if b"\r" in stream:
        return None
    found = []
    for event in joined(stream).split(b"\n\n")[:-1]:
        name, _, line = event.rpartition(b"\n")
        if not line.startswith(b"data: ") or (name and not (name.startswith(b"event: ") and b"\n" not in name)):
            return None
        found.append((line[6:], name == b"event: error"))
    return found


def _collected(events: Iterable[tuple[str | bytes, bool]]) -> bytes | None:
    """Put together what events hold: their data, and whether they are called errors."""
    frames: list[dict[str, Any]] = []
    done = False
    for data, is_error in events:
        if len(data) < _DONE_CHARS and data.strip() in _DONES:
            done = True
            break
        frame = loads_object(data)
        if frame is None or is_error or _is_error(frame):
            return None
        if frame.get("type") not in ("ping", "keepalive"):
            frames.append(frame)
    whole = _whole(frames, done) if frames else None
    return None if whole is None else dumps(whole)


def _whole(frames: list[dict[str, Any]], done: bool) -> dict[str, Any] | None:
    kind = frames[0].get("type")
    if kind == "message_start":
        return anthropic.collect(frames)
    if isinstance(kind, str) and kind.startswith("response."):
        return responses.collect(frames)
    return openai.collect(frames, done)


def _line(value: Any) -> bytes:
    """Return JSON without the characters that many clients take for the end of a line, other than the standard does."""
    text = dumps(value)
    for end, escape in _LINE_ENDS:
        text = text.replace(end, escape)
    return text


def _is_error(frame: dict[str, Any]) -> bool:
    return bool(frame.get("error")) or "error" in (frame.get("type"), frame.get("object"))


def _kind(event: dict[str, Any]) -> bytes:
    return str(event["type"]).encode()
