"""Which lines are log lines: three with a time or a level, or fewer with both; stack traces go along.

Within a log `<init>`, `$Inner`, `[MAIN]` and a brace that nothing closes are what programs print, no placeholders, so
they are not guarded. What only a template has (`{{ name }}`, `{name}`, `${NAME}`) is guarded there too.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from llmopt.prompts.logs.severity import tells_of_trouble
from llmopt.prompts.segments.found import Found
from llmopt.prompts.segments.line_kinds import LEVEL
from llmopt.prompts.segments.lines import line_end, line_start
from llmopt.prompts.segments.rows import Rows
from llmopt.prompts.spans import Block

_FIRST = frozenset({"log", "level", "trace"})
_MOST_CONTINUATION = 200
_MOST_BETWEEN = 3
"""Lines that look like nothing in particular and yet belong to the log, as log lines follow."""
_ENDS = frozenset({"heading", "source", "list", "table", "rule", "CODE", "DATA"})
_FRAMES = re.compile(r"[ \t]+\S")
_CALL = re.compile(r"[\w$./*()\[\]-]+\(|(?:[A-Za-z_$][\w$]*+\.)+[A-Z_$][\w$]*+(?::|[ \t]*\Z)|[A-Z][a-z]++[A-Z]\w++: ")
"""A function of a Go trace, or the class of an exception."""
_RAISED = re.compile(r"(?:Uncaught )?(?:Error|Exception)\b")
_CLOCK = re.compile(r"\d\d:\d\d:\d\d")
_DATED = re.compile(r"[^\d\r\n]{0,40}\d")
_CERTAIN = re.compile(
    r"\{\{[^{}]*\}\}|\{%[^{}]*%\}|\{#[^{}]*#\}|<%.*%>|%\(\w+\)[sdifr]|<[A-Z]+(?:_[A-Z]+)+>"
    r"|[$#@%]?\{(?!main\})[A-Za-z_][\w.]*(?:\[\w+\])?(?:![rsa])?(?::[^{}\s,]{0,12})?\}",
    re.DOTALL,
)
_LOOSE = frozenset({"tag", "placeholder", "broken", "inline_code", "json", "url"})


def log_end(rows: Rows, at: int) -> int:
    """Return where the log that starts at a line ends; the line itself where none does."""
    if rows.kinds[at] not in _FIRST:
        return at
    end, lines, certain = at, 0, rows.kinds[at] == "trace"
    while end < len(rows) and rows.kinds[end] in _FIRST:
        lines += 1
        certain = certain or (lines < 3 and _is_certain(rows, end))
        end = _continued(rows, end + 1)
        if lines >= 3:
            end = _bridged(rows, end)
    return end if certain or lines >= 3 else at


def loosened(text: str, found: Sequence[Found], blocks: Iterable[Block]) -> list[Found] | None:
    """Return what was found without what is guarded in vain in the lines of logs; None where that is nothing.

    Args:
        text: the whole text.
        found: its spans before they are joined, without what the user wants kept.
        blocks: as these spans make them.
    """
    logs = [(block.start, block.end) for block in blocks if block.kind == "log"]
    starts = [start for start, _ in logs]
    within = [bisect_right(starts, item[0]) - 1 if item[2] in _LOOSE else -1 for item in found]
    kept: list[Found] = []
    for item, at in zip(found, within, strict=True):
        if at < 0 or item[0] >= logs[at][1] or _stays(text, item):
            kept.append(item)
        elif item[1] > logs[at][1]:
            kept.append((logs[at][1], item[1], "broken"))
    return kept if kept != list(found) else None


def _is_certain(rows: Rows, at: int) -> bool:
    """Return whether a line is one of a log by itself: with a time and a level, or a time of day and some trouble."""
    line = rows.line(at)
    if rows.kinds[at] == "log" and LEVEL.search(line):
        return True
    return _CLOCK.search(line) is not None and tells_of_trouble(line)


def _stays(text: str, item: Found) -> bool:
    """Return whether a span within a log stays one; JSON does but in lines that must not change at all."""
    start, end, kind = item
    if kind == "json":
        return not tells_of_trouble(text[line_start(text, start) : line_end(text, start)])
    if kind == "url":  # a path is no URL, and its beginning is what lines have in common
        return text.find("://", start, end) >= 0 or text.find("@", start, end) >= 0
    return _CERTAIN.fullmatch(text, start, end) is not None


def _continued(rows: Rows, end: int) -> int:
    """Return where the lines end that go on with a log line: indented ones, and those of a stack trace."""
    limit = min(len(rows), end + _MOST_CONTINUATION)
    while end < limit and rows.kinds[end] not in _FIRST and rows.kinds[end] != "blank":
        if not _FRAMES.match(rows.line(end)) and not _is_of_trace(rows, end):
            break
        end += 1
    return end


def _is_of_trace(rows: Rows, at: int) -> bool:
    """Return whether a line behind one of a trace is the function of the next frame, or names the exception."""
    if rows.kinds[at] in _ENDS or not _CALL.match(rows.line(at)):
        return False
    return rows.kinds[at - 1] == "trace" or rows.line(at - 1)[:1] in " \t"


def _bridged(rows: Rows, end: int) -> int:
    """Return where the log goes on behind a blank line or a few lines that look like nothing; the same place if not."""
    limit = min(len(rows), end + _MOST_BETWEEN)
    at = end
    if at < limit and rows.kinds[at] == "blank":
        while at < limit and rows.kinds[at] == "blank":
            at += 1
        return at if _goes_on(rows, at) else end
    while at < limit and _may_belong(rows, at):
        at += 1
    return at if at < len(rows) and rows.kinds[at] in ("log", "trace") else end


def _goes_on(rows: Rows, at: int) -> bool:
    """Return whether a line behind blank ones has a time, or is of a stack trace."""
    if at >= len(rows) or rows.kinds[at] not in _FIRST:
        return False
    return rows.kinds[at] == "trace" or _DATED.match(rows.line(at)) is not None


def _may_belong(rows: Rows, at: int) -> bool:
    """Return whether a line that is none of a log by itself may go on with the message before it."""
    kind, line = rows.kinds[at], rows.line(at).rstrip()
    if kind in _FIRST or kind in _ENDS or kind == "blank" or line[-1:] in ":?":
        return False
    return kind != "label" or _RAISED.match(line) is not None
