"""Inline code: between two runs of equally many backticks.

CommonMark (0.31, section 6.1) looks for the second run to the end of the paragraph and minds backslashes before the
first; most people look to the end of the line, and many a pattern only for single backticks. Where these readings
differ, what any of them takes for code is found. Source: https://spec.commonmark.org/0.31.2/#code-spans.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

from llmopt.prompts.segments.found import Found
from llmopt.prompts.segments.lines import line_end, paragraph_ends

_RUN = re.compile(r"`+")
_SINGLE = re.compile(r"`(?<!``)[^`\r\n]++`(?!`)")
_ESCAPES = re.compile(r"\\+\Z")


_Run = tuple[int, int, int, int]
"""Start, end, and the numbers of the paragraph and of the line."""


def inline_code(text: str) -> list[Found]:
    """Return inline code with its backticks; of a run that nothing closes, the rest of its line is guarded.

    Args:
        text: with fences and JSON masked.
    """
    if "`" not in text:
        return []
    runs = list(_runs(text))
    found = _paired(text, [run[:3] for run in runs], escapes=True)
    if "\\`" in text or any(text.count("\n", start, end) or text.count("\r", start, end) for start, end, _ in found):
        by_line = _paired(text, [(start, end, line) for start, end, _, line in runs], escapes=False)
        found += [item for item in by_line if item[2] == "inline_code"]
    found += [(code.start(), code.end(), "inline_code") for code in _SINGLE.finditer(text)]
    return found


def _runs(text: str) -> Iterator[_Run]:
    ends = paragraph_ends(text)
    line = at = 0
    for run in _RUN.finditer(text):
        start, end = run.span()
        line += text.count("\n", at, start) + text.count("\r", at, start)
        at = end
        yield start, end, bisect_left(ends, start), line


def _paired(text: str, runs: list[tuple[int, int, int]], *, escapes: bool) -> list[Found]:
    """Return what stands between runs of one length in one part of the text."""
    escaped = [escapes and _escaped(text, run[0]) for run in runs]
    closing = _closing(runs, escaped)
    found: list[Found] = []
    index = 0
    while index < len(runs):
        start, end, _ = runs[index]
        if end - start == 1 and escaped[index]:  # it opens nothing, but may close something
            index += 1
        elif closing[index] >= 0:
            index = closing[index]
            found.append((start, runs[index][1], "inline_code"))
            index += 1
        else:
            if not found or start >= found[-1][1]:
                found.append((start, line_end(text, end), "broken"))
            index += 1
    return found


def _closing(runs: list[tuple[int, int, int]], escaped: list[bool]) -> list[int]:
    """Return for each run the index of the next one as long in the same part, or -1.

    Of a run behind a backslash the first backtick opens nothing.
    """
    following: dict[tuple[int, int], int] = {}
    closing = [-1] * len(runs)
    for index in range(len(runs) - 1, -1, -1):
        start, end, part = runs[index]
        opening = end - start - escaped[index]
        closing[index] = following.get((opening, part), -1)
        following[end - start, part] = index
    return closing


def _escaped(text: str, at: int) -> bool:
    backslashes = _ESCAPES.search(text[max(0, at - 64) : at]) if text[at - 1 : at] == "\\" else None
    return backslashes is not None and len(backslashes[0]) % 2 == 1
