"""Server-sent events from bytes that are cut anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import InputError
from llmopt.serving.sse import Event, SseReader


def read(data: bytes, *cuts: int) -> list[Event]:
    reader = SseReader()
    found: list[Event] = []
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        found += reader.feed(data[start:end])
    return found + reader.close()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"data: a\n\n", [Event("a")]),
        (b"data:a\r\n\r\ndata: b\r\rdata:  c\n\n", [Event("a"), Event("b"), Event(" c")]),
        (b": a comment\n\n:\n\ndata: a\n\n", [Event("a")]),
        (b"data: a\ndata: b\ndata\n\n", [Event("a\nb\n")]),
        (b"\xef\xbb\xbfdata: a\n\n", [Event("a")]),
        (b"event: error\nid: 7\nretry: 3\ndata: a\n\ndata: b\n\n", [Event("a", "error", "7"), Event("b", id="7")]),
        (b"event: nothing\n\ndata: a\n\n", [Event("a")]),
        (b"data\n\n", [Event("")]),
        (b"data: cut off", [Event("cut off")]),
        (b"data: cut off\n", [Event("cut off")]),
        (b"data: \xff\xc3\xa9\n\n", [Event("\ufffd\u00e9")]),
        (b"unknown: 1\nid: a\0b\ndata: a\n\n", [Event("a")]),
        (b"", []),
        (b"\n\n\n", []),
    ],
)
def test_events_are_read_as_the_standard_says(data: bytes, found: list[Event]) -> None:
    assert read(data) == found
    assert read(data, *range(1, len(data))) == found, "byte by byte"


@given(
    st.lists(st.sampled_from([b"data: a", b"data:b", b"\n", b"\r", b"\r\n", b"\n\n", b":x", b"\xc3\xa9", b"id:1"])),
    st.sets(st.integers(0, 60)),
)
def test_cuts_change_nothing(parts: list[bytes], cuts: set[int]) -> None:
    data = b"".join(parts)
    assert read(data, *sorted(each for each in cuts if each <= len(data))) == read(data)


def test_an_endless_event_is_refused() -> None:
    reader = SseReader(100)
    reader.feed(b"data: " + b"a" * 60 + b"\n\n")
    reader.feed(b"data: " + b"a" * 60)
    with pytest.raises(InputError, match="more than 100 bytes"):
        reader.feed(b"a" * 60)
    lines = SseReader(100)
    with pytest.raises(InputError):
        lines.feed(b"data: a\n" * 20)
