"""Fenced code, as CommonMark 0.31 section 4.5 says, and a little more where people write it by halves.

Source: https://spec.commonmark.org/0.31.2/#fenced-code-blocks. Which fence closes which depends on lists and quotes
around them, and on how closely the author kept to the rules. So where a text can be read in several ways it is, and
what any of them takes for code is found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from llmopt.prompts.segments.found import Found
from llmopt.prompts.segments.lines import line_end, line_start

_RUN = re.compile(r"(`{3,}|~{3,})([^\r\n]*)")
_OPENING = re.compile(r"[ \t]*+(?:(?:>|[-*+]|\d{1,9}[.)])[ \t]*+)*+")
_CLOSING = re.compile(r"[ \t]*+")
_QUOTED_CLOSING = re.compile(r"[ \t>]*+")
_THREES = re.compile(r"```(?:[^`]|`(?!``))*+```")
_GLUED_INFO = re.compile(r"[\w+#.-]*+[ \t]*+")
_NO_QUOTE = re.compile(r"(?:\r\n|\n|\r(?!\n))(?![ ]{0,3}>)")


@dataclass(slots=True)
class _Fence:
    start: int
    mark: str
    indent: int
    """Columns before the fence; -1 for one that text precedes, which any later run closes."""
    limit: int
    """Where the block quote or the list item that it stands in ends."""
    quoted: bool = False


@dataclass(slots=True)
class _Reading:
    """One way to tell which fence closes which."""

    loose: bool = False
    """Whether a fence closes another one however far it is indented, and the end of what it stands in closes none."""
    glued: bool = False
    """Whether a fence may open behind text."""
    listed: bool = False
    """Whether an indented fence stands in a list item, which a line further left ends."""
    narrow: bool = False
    """Whether four columns before a fence make it indented code, as where no list is."""
    doubt: bool = False
    """Whether another reading may differ."""
    limits: dict[int, int] = field(default_factory=dict)
    """Where the last list item of each indentation ends, and at -1 the last block quote."""


def fences(text: str) -> tuple[list[Found], list[Found]]:
    """Return fenced code with its fences, as whole lines but for the last line break.

    Returns:
        What is code by the rules, and what is code in another reading.
    """
    if "```" not in text and "~~~" not in text:
        return [], []
    first = _Reading()
    found, others = _read(text, first), []
    if first.doubt:
        for reading in _OTHER_READINGS:
            others += _read(text, _Reading(*reading))
    if "``````" in text:  # a fence that closes and one that opens, without a line break between
        others += [(code.start(), line_end(text, code.end()), "fence") for code in _THREES.finditer(text)]
    return found, others


_OTHER_READINGS = (
    (True, False, False, False),
    (False, True, False, False),
    (True, True, False, False),
    (False, False, True, False),
    (False, False, False, True),
)


def _read(text: str, reading: _Reading) -> list[Found]:
    found: list[Found] = []
    fence: _Fence | None = None
    for run in _RUN.finditer(text):
        if fence and run.start() >= fence.limit:
            found.append((fence.start, fence.limit, "fence"))
            fence, reading.doubt = None, True
        start = line_start(text, run.start())
        before = text[start : run.start()]
        if fence is None:
            fence = _opened(text, run, start, before, reading)
        elif _closes(fence, run, before, reading):
            found.append((fence.start, line_end(text, run.start()), "fence"))
            fence = None
    if fence:
        found.append((fence.start, fence.limit, "broken" if fence.limit == len(text) else "fence"))
    return found


def _opened(text: str, run: re.Match[str], start: int, before: str, reading: _Reading) -> _Fence | None:
    mark, info = run[1], run[2]
    if mark[0] == "`" and "`" in info:
        return None
    if not _OPENING.fullmatch(before):
        glued = mark[0] == "`" and bool(_GLUED_INFO.fullmatch(info)) and "`" not in before
        reading.doubt = reading.doubt or glued
        return _Fence(run.start(), mark, -1, len(text)) if glued and reading.glued else None
    indent = len(before.expandtabs(4))
    if indent > 3 and not before.strip():
        reading.doubt = True
        if reading.narrow:
            return None
    return _Fence(start, mark, indent, _limit(text, run.start(), before, indent, reading), ">" in before)


def _limit(text: str, at: int, before: str, indent: int, reading: _Reading) -> int:
    """Return where the block quote or the list item of a fence ends."""
    if reading.loose or not before:
        return len(text)
    blank = not before.strip()
    reading.doubt = reading.doubt or blank
    limit = len(text)
    if ">" in before:
        limit = _remembered(reading, text, at, -1, _NO_QUOTE)
    if (not blank or reading.listed) and before.rstrip()[-1:] != ">":
        left = re.compile(rf"(?:\r\n|\n|\r(?!\n))(?=[ ]{{0,{indent - 1}}}+[^\s])") if indent else _NO_QUOTE
        limit = min(limit, _remembered(reading, text, at, indent, left))
    return limit


def _remembered(reading: _Reading, text: str, at: int, key: int, outside: re.Pattern[str]) -> int:
    """Return where something next stands outside; it is looked for once for all fences before it."""
    if at >= reading.limits.get(key, 0):
        found = outside.search(text, at)
        reading.limits[key] = found.start() if found else len(text)
    return reading.limits[key]


def _closes(fence: _Fence, run: re.Match[str], before: str, reading: _Reading) -> bool:
    if run[1][0] != fence.mark[0] or len(run[1]) < len(fence.mark):
        return False
    if fence.indent < 0:
        return True
    if run[2].strip(" \t"):
        return False
    if not (_QUOTED_CLOSING if fence.quoted or reading.loose else _CLOSING).fullmatch(before):
        reading.doubt = True
        return False
    indent = len(before.expandtabs(4))
    near = indent <= (3 if reading.narrow else fence.indent + 3)
    reading.doubt = reading.doubt or indent > 3
    return near or reading.loose
