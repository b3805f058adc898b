"""Lines that are laid out: markdown tables, CSV, key-value data, indented and aligned text."""

from __future__ import annotations

import re

from llmopt.prompts.segments.line_kinds import DELIMITER_ROW
from llmopt.prompts.segments.rows import Rows

_ENDS = frozenset({"blank", "CODE", "DATA", "heading"})
_GAP = re.compile(r"(?<=\S)(?: {2,}|\t+)(?=\S)")
_SEPARATORS = ((",", 2), ("\t", 1), (";", 2), ("|", 1))
_SENTENCE_END = (".", "!", "?", ":", "…")


def table_end(rows: Rows, at: int) -> int:
    """Return where the markdown table that starts at a line ends; the line itself where none does."""
    if at + 1 >= len(rows) or rows.kinds[at + 1] not in ("table", "prose", "list", "rule", "pair"):
        return at
    text = rows.text
    if text.find("|", rows.starts[at], rows.starts[at + 1]) < 0 or not DELIMITER_ROW.match(text, rows.starts[at + 1]):
        return at
    end = at + 2
    while end < len(rows) and rows.kinds[end] not in _ENDS:
        if text.find("|", rows.starts[end], rows.starts[end + 1]) < 0:
            break
        end += 1
    return end


def data_end(rows: Rows, at: int) -> int:
    """Return where the data that starts at a line ends; the line itself where none does."""
    kind = rows.kinds[at]
    if kind in ("indented", "table", "code"):
        return at + 1
    if kind in ("pair", "section"):
        end = _pairs_end(rows, at)
        if end > at:
            return end
    return _separated_end(rows, at)


def aligned_end(rows: Rows, at: int) -> int:
    """Return where columns end that gaps of blanks or tabs line up; the line itself where there are none."""
    columns = _columns(rows, at)
    end = at + 1
    while columns and end < len(rows) and rows.kinds[end] not in _ENDS:
        following = _columns(rows, end)
        if not columns & following:
            break
        columns, end = following, end + 1
    return end if end - at >= 2 else at


def _columns(rows: Rows, at: int) -> set[int]:
    line = rows.line(at)
    if "  " not in line and "\t" not in line:
        return set()
    return {-index if "\t" in gap[0] else gap.end() for index, gap in enumerate(_GAP.finditer(line[:300]), 1)}


def _pairs_end(rows: Rows, at: int) -> int:
    end, pairs = at, 0
    while end < len(rows) and rows.kinds[end] in ("pair", "section", "indented", "list", "rule"):
        pairs += rows.kinds[end] in ("pair", "section")
        end += 1
    return end if pairs >= 2 and end - at >= 3 else at


def _separated_end(rows: Rows, at: int) -> int:
    """Return where lines end that have equally many commas, tabs, semicolons or bars, if three or more have."""
    for mark, least in _SEPARATORS:
        count = rows.text.count(mark, rows.starts[at], rows.starts[at + 1])
        if count < least or at + 3 > len(rows):
            continue
        head = range(at, at + 3)
        if all(_separated(rows, row, mark, count) for row in head) and sum(_loose(rows, row, mark) for row in head) < 2:
            end = at + 3
            while end < len(rows) and _separated(rows, end, mark, count):
                end += 1
            return end
    return at


def _separated(rows: Rows, at: int, mark: str, count: int) -> bool:
    return (
        rows.kinds[at] not in _ENDS
        and rows.text.count(mark, rows.starts[at], rows.starts[at + 1]) == count
        and not rows.line(at).rstrip().endswith(_SENTENCE_END)
    )


def _loose(rows: Rows, at: int, mark: str) -> bool:
    """Return whether blanks follow the separators, as in prose."""
    line = rows.line(at)
    return line.count(mark + " ") * 2 > line.count(mark)
