"""Where the events of a stream begin and end, as bytes; what is in them is nobody's business here.

Source: WHATWG HTML Living Standard, 9.2.6: a blank line ends an event, and lines end in CR LF, LF or CR.
"""

from __future__ import annotations

import re

WHOLE = (b"\n\n", b"\r\n\r\n")
"""How a piece ends that ends with an event; rarer line ends are found by `last_border`."""
_BORDER = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")
_HALF = b"\n\r"
"""The end of a piece that was cut within CR LF: where lines end in LF, a blank one does not end in CR alone."""
_BETWEEN = b":\r\n"
"""First bytes of lines that belong to no event: comments, which keep connections alive, and blank ones."""
_LONGEST = 4
"""Bytes of a border."""


def last_border(data: bytes | bytearray, start: int = 0) -> int:
    """Return where the last event ends that is whole; 0 where none is.

    Args:
        data: from the beginning of an event.
        start: bytes before this one hold no border.
    """
    start = max(0, start - _LONGEST + 1)
    if data.find(b"\r", start) < 0:
        return data.rfind(b"\n\n", start) + 2 if data.find(b"\n\n", start) >= 0 else 0
    end = 0
    for found in _BORDER.finditer(data, start):
        if found.end() < len(data) or not data.endswith(_HALF):
            end = found.end()
    return end


def comments_end(data: bytes | bytearray) -> int:
    """Return where the comments and blank lines end with which data begins."""
    end = 0
    while end < len(data) and data[end] in _BETWEEN:
        line = data.find(b"\n", end)
        if line < 0:
            break
        end = line + 1
    return end


def frames(data: bytes) -> list[bytes]:
    """Cut bytes behind each event; joined they are the same bytes. The last one may be cut off."""
    if b"\r" not in data:
        *whole, rest = data.split(b"\n\n")
        found = [event + b"\n\n" for event in whole]
        return [*found, rest] if rest else found
    found, begin = [], 0
    for border in _BORDER.finditer(data):
        found.append(data[begin : border.end()])
        begin = border.end()
    return [*found, data[begin:]] if begin < len(data) else found
