r"""Where lines and paragraphs begin and end.

Only \n, \r\n and a lone \r end a line; the further separators of Unicode stand within one, as most programs see it.
"""

from __future__ import annotations

import re

_BREAK = re.compile(r"\r\n?|\n")
_EMPTY_LINE = re.compile(r"\n[^\S\r\n]*+(?=\n)")
_BLANK_LINE = re.compile(r"(?>\r\n|\n|\r)[^\S\r\n]*+(?=[\r\n])")


def line_starts(text: str, start: int, end: int) -> list[int]:
    """Return where each line of a part of a text starts, the first at `start`."""
    if text.find("\r", start, end) >= 0:
        starts = [start, *(found.end() for found in _BREAK.finditer(text, start, end))]
    else:
        starts = [start]
        add, find = starts.append, text.find
        at = find("\n", start, end) + 1
        while at:
            add(at)
            at = find("\n", at, end) + 1
    if starts[-1] == end:
        starts.pop()
    return starts


def line_start(text: str, at: int) -> int:
    """Return where the line of an offset starts."""
    start = text.rfind("\n", 0, at) + 1
    return max(start, text.rfind("\r", start, at) + 1)


def line_end(text: str, at: int) -> int:
    """Return where the line of an offset ends, before its line break."""
    end = text.find("\n", at)
    end = len(text) if end < 0 else end
    lone = text.find("\r", at, end)
    return end if lone < 0 else lone


def next_line(text: str, at: int) -> int:
    """Return where the line after that of an offset starts, or the end of the text."""
    following = _BREAK.search(text, at)
    return following.end() if following else len(text)


def paragraph_end(text: str, at: int) -> int:
    """Return the end of the line before the next blank line, or of the text."""
    blank = _BLANK_LINE.search(text, at)
    return blank.start() if blank else len(text)


def paragraph_ends(text: str) -> list[int]:
    """Return where each blank line follows, in order."""
    return [found.start() for found in (_BLANK_LINE if "\r" in text else _EMPTY_LINE).finditer(text)]
