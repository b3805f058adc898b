"""Which lines are log lines: three with a time or a level, or fewer with both; stack traces go along."""

from __future__ import annotations

from llmopt.prompts.segments.line_kinds import LEVEL
from llmopt.prompts.segments.rows import Rows

_FIRST = frozenset({"log", "level", "trace"})
_MOST_CONTINUATION = 200


def log_end(rows: Rows, at: int) -> int:
    """Return where the log that starts at a line ends; the line itself where none does."""
    if rows.kinds[at] not in _FIRST:
        return at
    end, lines, certain = at, 0, rows.kinds[at] == "trace"
    while end < len(rows) and rows.kinds[end] in _FIRST:
        lines += 1
        certain = certain or (lines < 3 and rows.kinds[end] == "log" and bool(LEVEL.search(rows.line(end))))
        end = _continued(rows, end + 1)
    return end if certain or lines >= 3 else at


def _continued(rows: Rows, end: int) -> int:
    """Return where the lines end that go on with a log line: indented ones."""
    limit = min(len(rows), end + _MOST_CONTINUATION)
    while end < limit and rows.kinds[end] not in _FIRST and rows.kinds[end] != "blank" and rows.line(end)[:1] in " \t":
        end += 1
    return end
