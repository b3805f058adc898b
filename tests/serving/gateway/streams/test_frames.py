"""Borders of events: wherever the bytes are cut, with whichever line ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.gateway.streams.frames import comments_end, frames, last_border

LINES = st.sampled_from([b"data: {}", b"event: x", b": note", b"data:", "data: ü€".encode()])


@pytest.mark.parametrize(
    ("data", "border"),
    [
        (b"", 0),
        (b"data: a", 0),
        (b"data: a\n", 0),
        (b"data: a\r\n", 0),
        (b"data: a\r", 0),
        (b"data: a\n\n", 9),
        (b"data: a\r\n\r\n", 11),
        (b"data: a\r\r", 9),
        (b"data: a\n\r\n", 10),
        (b"data: a\r\n\n", 10),
        (b"data: a\r\n\r", 0),
        (b"data: a\r\n\r\ndata: b\r\n\r", 11),
        (b"data: a\n\ndata: b", 9),
        (b"data: a\r\n\r\ndata: b\r\n", 11),
    ],
    ids=repr,
)
def test_border_is_behind_the_last_blank_line(data: bytes, border: int) -> None:
    assert last_border(data) == border
    assert last_border(bytearray(data)) == border


@given(lines=st.lists(LINES, max_size=8), end=st.sampled_from([b"\n", b"\r\n", b"\r"]), tail=LINES)
def test_frames_are_the_events_and_join_to_the_same_bytes(lines: list[bytes], end: bytes, tail: bytes) -> None:
    whole = b"".join(line + end + end for line in lines)
    assert frames(whole) == [line + end + end for line in lines]
    assert b"".join(frames(whole + tail)) == whole + tail
    assert last_border(whole + tail) == len(whole)


@given(lines=st.lists(LINES, min_size=1, max_size=6), end=st.sampled_from([b"\n", b"\r\n"]), cut=st.integers(1, 60))
def test_border_is_found_though_what_came_before_is_not_looked_at_again(
    lines: list[bytes], end: bytes, cut: int
) -> None:
    whole = b"".join(line + end + end for line in lines)
    held = whole[:cut]
    if last_border(held):
        return
    assert last_border(whole, len(held)) == last_border(whole)


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b": ping\n", 7),
        (b": ping", 0),
        (b": a\n: b\ndata: x", 8),
        (b"data: x", 0),
        (b"\n\ndata: x", 2),
        (b": a\r\n\r\n", 7),
    ],
    ids=repr,
)
def test_comments_are_no_part_of_an_event(data: bytes, end: int) -> None:
    assert comments_end(data) == end
