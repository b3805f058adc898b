"""Texts as units that are kept or left out whole: sentences, list items, rows, log lines, lines of data."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from llmopt.prompts.select.sentences import sentences
from llmopt.prompts.spans import Block, Segments, Span, SpanKind

STAYS: frozenset[SpanKind] = frozenset({"keep", "pinned", "prefix", "placeholder", "fence", "broken"})
"""Spans that stay, with the lines that they stand in."""
Role = Literal["body", "header", "columns", "open", "close"]
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,9}[.)]|[a-zA-Z][.)])\s")
_SEPARATORS = (",", ";", "\t", "|")
_DIGIT = re.compile(r"\d")
_RULE = re.compile(r"[\s|:+=-]*-[\s|:+=-]*")
_SHORT_LINE = 160
"""Characters of a line that stays whole because a part of it stays."""
_GROUPED = 8
"""Lines of a log or of data that are scored as one paragraph."""


@dataclass(slots=True)
class Unit:
    """A part of a text without the white space around it."""

    start: int
    end: int
    group: int
    """Number of the paragraph it belongs to, over all texts."""
    role: Role = "body"
    """`header`: says what follows it is about; `columns`: of a table; `open`, `close`: a tag around other units."""
    prose: bool = False
    """Whether it may be cut into clauses and words where only a part of it fits."""
    must: bool = False
    """Whether it stays in any case."""
    joins: bool = False
    """Whether it goes with the line before it."""
    block: int = -1
    """Number of the block it was made of."""
    host: int = -1
    """What has to be kept with it: a number in the hosts of its text; -1: nothing."""


def units_of(segments: Segments, first_group: int = 0, longest: int = sys.maxsize) -> list[Unit]:
    """Return the units of a text in order.

    Args:
        segments: the text.
        first_group: number of its first paragraph.
        longest: characters from which JSON values and stack traces go line by line, and lines of data may be cut.
    """
    units: list[Unit] = []
    group = first_group
    for number, block in enumerate(segments.blocks):
        if block.kind == "blank":
            continue
        made = _BY_KIND.get(block.kind)
        for unit in made(segments, block, group) if made else _lines(segments, block, group, longest):
            unit.block = number
            units.append(unit)
        group = units[-1].group + 1 if units else group
    _mark(segments, units)
    return _joined(units, longest)


def _joined(units: Sequence[Unit], longest: int) -> list[Unit]:
    """Return the units with lines joined that belong together; those that stay are the same at any budget."""
    found: list[Unit] = []
    for unit in units:
        last = found[-1] if found else unit
        free = last is not unit and last.block == unit.block and not last.must and not unit.must
        if unit.joins and free and unit.end - last.start <= longest:
            last.end = unit.end
            continue
        unit.prose = unit.prose or unit.end - unit.start > longest
        found.append(unit)
    return found


def _prose(segments: Segments, block: Block, group: int) -> Iterator[Unit]:
    for start, end in sentences(segments.text, block.start, block.end):
        yield Unit(start, end, group, prose=True)


def _headers(segments: Segments, block: Block, group: int) -> Iterator[Unit]:
    for start, end in _line_spans(segments.text, block):
        yield Unit(start, end, group, "header")


def _items(segments: Segments, block: Block, group: int) -> Iterator[Unit]:
    """Yield list items with the lines that go on with them."""
    begun = -1
    until = block.start
    for start, end in _line_spans(segments.text, block):
        if begun < 0:
            begun = start
        elif _ITEM.match(segments.text, start, end):
            yield Unit(begun, until, group, prose=True)
            begun = start
        until = end
    if begun >= 0:
        yield Unit(begun, until, group, prose=True)


def _rows(segments: Segments, block: Block, group: int) -> Iterator[Unit]:
    lines = list(_line_spans(segments.text, block))
    titled = 2 if len(lines) > 1 and _RULE.fullmatch(segments.text, *lines[1]) else 0
    for number, (start, end) in enumerate(lines):
        yield Unit(start, end, group, "columns" if number < titled else "body")


def _lines(segments: Segments, block: Block, group: int, longest: int) -> Iterator[Unit]:
    """Yield lines; those of one JSON value or of one stack trace join the line before."""
    joined = [
        (span.start, span.end)
        for span in segments.overlapping(block.start, block.end)
        if span.kind == "json" and span.end - span.start <= longest
    ]
    at = 0
    for count, (start, end) in enumerate(_line_spans(segments.text, block)):
        while at < len(joined) and joined[at][1] <= start:
            at += 1
        inside = at < len(joined) and joined[at][0] < start
        trace = block.kind == "log" and segments.text[start] in " \t"
        unit = Unit(start, end, group + count // _GROUPED, joins=inside or trace)
        if start == block.start and block.kind == "data" and _is_titled(segments.text, start, end, block.end):
            unit.role = "columns"
        yield unit


def _is_titled(text: str, start: int, end: int, limit: int) -> bool:
    """Whether a line names the columns of the lines behind it, as that of a CSV file does."""
    behind = text.find("\n", end + 1, limit)
    line, after = text[start:end], text[end + 1 : behind if behind >= 0 else limit]
    separator = max(_SEPARATORS, key=line.count)
    return 0 < line.count(separator) == after.count(separator) and not _DIGIT.search(line) and "{" not in line


_BY_KIND = {"prose": _prose, "heading": _headers, "source": _headers, "list": _items, "table": _rows}


def _line_spans(text: str, block: Block) -> Iterator[tuple[int, int]]:
    """Yield start and end of the lines of a block that are not blank, indentation included."""
    at = block.start
    while at < block.end:
        end = text.find("\n", at, block.end)
        end = block.end if end < 0 else end
        bare = text[at:end].rstrip()
        if bare:
            yield at, at + len(bare)
        at = end + 1


def _mark(segments: Segments, units: list[Unit]) -> None:
    """Mark the units that spans that stay stand in, and those beside them on short lines."""
    text, at = segments.text, 0
    for span in segments.spans:
        if span.kind not in STAYS or _is_stray(text, span):
            continue
        first = text.rfind("\n", max(0, span.start - _SHORT_LINE), span.start) + 1
        last = text.find("\n", span.end - 1, span.end + _SHORT_LINE)
        last = last if last >= 0 else len(text)
        whole_line = last - first <= _SHORT_LINE + span.end - span.start and (first or span.start <= _SHORT_LINE)
        first, last = (first, last) if whole_line else (span.start, span.end)
        while at < len(units) and units[at].end <= first:
            at += 1
        begin = at
        while at < len(units) and units[at].start < last:
            units[at].must = True
            at += 1
        _cover(units, begin, span)
        at = max(begin, at - 1)


def _cover(units: list[Unit], begin: int, span: Span) -> None:
    """Let units include all of a span: white space at its sides too, which no unit has else."""
    first = begin
    while first < len(units) and units[first].end <= span.start:
        first += 1
    if first == len(units) or units[first].start >= span.end:
        group = units[first - 1].group if first else 0
        units.insert(first, Unit(span.start, span.end, group, must=True))
        return
    units[first].start = min(units[first].start, span.start)
    last = first
    while last + 1 < len(units) and units[last + 1].start < span.end:
        last += 1
    units[last].end = max(units[last].end, span.end)


def _is_stray(text: str, span: Span) -> bool:
    """Whether a span is what follows a lonely backtick; inline code need not stay either."""
    return span.kind == "broken" and text[span.start] == "`" and not text.startswith("```", span.start)
