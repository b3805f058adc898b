"""What kind of body an answer has, by its headers."""

from __future__ import annotations

from llmopt.serving.gateway.values import Headers

EVENTS = "text/event-stream"
_PLAIN = ("", "identity")


def is_read(headers: Headers) -> bool:
    """Return whether a body is a stream of events, and not one that is packed, though nobody asked for it."""
    return media_type(headers) == EVENTS and first_of(headers, b"content-encoding").strip().lower() in _PLAIN


def media_type(headers: Headers) -> str:
    """Return the media type of a body, in lower case and without parameters; empty where it has none."""
    return first_of(headers, b"content-type").partition(";")[0].strip().lower()


def first_of(headers: Headers, name: bytes) -> str:
    """Return the first value of a header; empty where there is none.

    Args:
        headers: names in lower case.
        name: likewise.
    """
    for each, value in headers:
        if each == name:
            return value.decode("latin-1")
    return ""
