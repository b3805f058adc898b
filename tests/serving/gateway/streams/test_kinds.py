"""What kind of body an answer has."""

from __future__ import annotations

import pytest

from llmopt.serving.gateway.streams.kinds import first_of, is_read, media_type


@pytest.mark.parametrize(
    ("kind", "coding", "read"),
    [
        (b"text/event-stream", None, True),
        (b"Text/Event-Stream ; charset=utf-8", None, True),
        (b"text/event-stream", b"identity", True),
        (b"text/event-stream", b"gzip", False),
        (b"application/json", None, False),
    ],
    ids=str,
)
def test_only_events_that_are_not_packed_are_read(kind: bytes, coding: bytes | None, read: bool) -> None:
    headers = ((b"content-type", kind),) if coding is None else ((b"content-type", kind), (b"content-encoding", coding))
    assert is_read(headers) is read


def test_first_value_counts() -> None:
    headers = ((b"x-a", b"1"), (b"content-type", b"a/B; c"), (b"x-a", b"2"))
    assert (first_of(headers, b"x-a"), first_of(headers, b"x-b")) == ("1", "")
    assert (media_type(headers), media_type(())) == ("a/b", "")
