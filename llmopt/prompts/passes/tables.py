"""Take the padding out of markdown tables.

A table keeps its cells, byte for byte, and their number: only spaces and tabs beside the bars go, and dashes of the
row under the header. Which of `|a|b|` and `| a | b |` has fewer tokens depends on the cells, so both are counted.
Tables are as GitHub Flavored Markdown 0.29 describes them; three characters in each cell of the row under the header
also suit readers that are stricter than it, and a blank beside an address keeps the bar out of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from llmopt.prompts.context import Context
from llmopt.prompts.edits import Edit, applied
from llmopt.prompts.spans import Block, Segments

RULE = "table-padding"
_RULE_CELL = re.compile(":?-+:?")


def table_padding(segments: Segments, context: Context) -> list[Edit]:
    """Take the padding out of markdown tables."""
    edits: list[Edit] = []
    for block in segments.blocks:
        if block.kind == "table":
            edits += _of_table(segments, block, context)
    return edits


def _of_table(segments: Segments, block: Block, context: Context) -> list[Edit]:
    rows = _rows(segments.text, block)
    if len(rows) < 2 or not _is_rule(segments.text[slice(*rows[1])]):
        return []
    before = segments.slice(block)
    best: list[Edit] = []
    tokens = context.tokens(before)
    for pad in ("", " "):
        edits = list(_edits(segments, rows, pad))
        after = applied(before, [Edit(e.start - block.start, e.end - block.start, e.text, e.rule) for e in edits])
        count = context.tokens(after) if len(after) < len(before) else tokens + 1
        if count < tokens or (count == tokens and not best and edits):
            best, tokens = edits, count
    return best


def _rows(text: str, block: Block) -> list[tuple[int, int]]:
    rows = []
    at = block.start
    for line in text[block.start : block.end].split("\n"):
        if line.strip():
            rows.append((at, at + len(line.removesuffix("\r"))))
        at += len(line) + 1
    return rows


def _is_rule(row: str) -> bool:
    """Return whether a row is the one under the header: dashes and colons only."""
    cells = row.strip().removeprefix("|").removesuffix("|").split("|")
    return all(_rule_cell(cell) for cell in cells)


def _rule_cell(cell: str) -> str:
    """Return the shortest spelling of a cell under the header that every reader takes; empty if it is no such cell."""
    cell = cell.strip(" \t")
    if not _RULE_CELL.fullmatch(cell):
        return ""
    left, right = ":" * cell.startswith(":"), ":" * cell.endswith(":")
    short = left + "-" * (3 - len(left + right)) + right
    return short if len(short) < len(cell) else cell


def _edits(segments: Segments, rows: list[tuple[int, int]], pad: str) -> Iterator[Edit]:
    for number, (start, end) in enumerate(rows):
        yield from _of_row(segments, start, end, pad, rule=number == 1)


def _of_row(segments: Segments, start: int, end: int, pad: str, *, rule: bool) -> Iterator[Edit]:
    """Yield the edits of a row, cell by cell."""
    text = segments.text
    bars = [at for at in _bars(text, start, end) if not segments.overlapping(at, at + 1)]
    borders = [start - 1, *bars, end]
    for left, right in pairwise(borders):
        cell = text[left + 1 : right]
        inner = cell.strip(" \t")
        first, last = left < start, right == end
        if not inner:
            wanted = cell if first else "" if last else " "
        elif rule and _rule_cell(inner):
            wanted = _padded(_rule_cell(inner), cell, pad, first, last)
        else:
            at = left + 1 + cell.index(inner)
            named = any(span.kind == "url" for span in segments.overlapping(at, at + len(inner)))
            wanted = _padded(inner, cell, " " if named else pad, first, last)
        if len(wanted) < len(cell):
            yield from _cell_edits(segments, left + 1, cell, inner, wanted)


def _bars(text: str, start: int, end: int) -> Iterator[int]:
    """Yield where cells end: at bars that no backslash escapes."""
    at = text.find("|", start, end)
    while at >= 0:
        back = at
        while back > start and text[back - 1] == "\\":
            back -= 1
        if (at - back) % 2 == 0:
            yield at
        at = text.find("|", at + 1, end)


def _padded(inner: str, cell: str, pad: str, first: bool, last: bool) -> str:
    """Return a cell with its padding; what stands before the first bar keeps its indentation."""
    before = cell[: len(cell) - len(cell.lstrip(" \t"))] if first else pad
    behind = pad or " " * inner.endswith("\\")  # a backslash must not come to escape the bar
    return before + inner + ("" if last else behind)


def _cell_edits(segments: Segments, at: int, cell: str, inner: str, wanted: str) -> Iterator[Edit]:
    """Yield what turns a cell into the one wanted, as far as no span is touched."""
    if not inner or inner not in wanted:
        pieces = [(at, at + len(cell), wanted)]
    else:
        old, new = cell.index(inner), wanted.index(inner)
        tail = at + old + len(inner)
        pieces = [(at, at + old, wanted[:new]), (tail, at + len(cell), wanted[new + len(inner) :])]
    for start, end, text in pieces:
        if len(text) < end - start and not segments.overlapping(start, end):
            yield Edit(start, end, text, RULE)
