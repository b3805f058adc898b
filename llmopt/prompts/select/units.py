"""Texts as units that are kept or left out whole: sentences, list items, rows, log lines, lines of data."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence

from llmopt.prompts.select.json_units import whole_again
from llmopt.prompts.select.json_values import with_json
from llmopt.prompts.select.lines import is_question, line_spans, prose_units
from llmopt.prompts.select.staying import mark, staying
from llmopt.prompts.select.unit import Unit
from llmopt.prompts.spans import Block, Segments

_ITEM = re.compile(r"(\s*+)([-*+•]|(?:\d{1,9}\.){1,5}\d{0,3}|\d{1,9}\)|[a-zA-Zđ][.)]|\((?:\w{1,4})\))\s")
_DIGITS = re.compile(r"\d+")
_LETTERED = 7
"""Level of items with a bullet or a letter, which may stand under numbers."""
_SIGNS = re.compile(r"\s*(#{1,6})\s")
_LOWEST = 9
"""Level of headings without number signs and of the sources of chunks."""
_SEPARATORS = (",", ";", "\t", "|")
_DIGIT = re.compile(r"\d")
_RULE = re.compile(r"[\s|:+=-]*-[\s|:+=-]*")
_GROUPED = 8
"""Lines of a log or of data that are scored as one paragraph."""


def units_of(segments: Segments, first_group: int = 0, longest: int = sys.maxsize) -> list[Unit]:
    """Return the units of a text in order.

    Args:
        segments: the text.
        first_group: number of its first paragraph.
        longest: characters from which JSON values and stack traces are taken apart, and lines of data may be cut.
    """
    units: list[Unit] = []
    for number, block in enumerate(segments.blocks):
        if block.kind == "blank":
            continue
        for unit in _BY_KIND.get(block.kind, _lines)(segments, block, units[-1].group + 1 if units else first_group):
            unit.block = number
            unit.scope = number if unit.scope == -1 else unit.scope
            units.append(unit)
    units = with_json(segments, units)
    mark(segments, units, staying(segments))
    return _joined(whole_again(units, longest), longest)


def _joined(units: Sequence[Unit], longest: int) -> list[Unit]:
    """Return the units with lines joined that belong together; those that stay are the same at any budget."""
    found: list[Unit] = []
    for unit in units:
        last = found[-1] if found else unit
        free = last is not unit and last.block == unit.block and not last.must and not unit.must
        if unit.joins and free and unit.end - last.start <= longest:
            last.end = unit.end
            continue
        unit.prose = unit.prose or (unit.end - unit.start > longest and not unit.within)
        found.append(unit)
    return found


def _headers(segments: Segments, block: Block, group: int) -> Iterator[Unit]:
    for start, end in line_spans(segments.text, block):
        signs = _SIGNS.match(segments.text, start, end) if block.kind == "heading" else None
        yield Unit(start, end, group, "header", level=len(signs[1]) if signs else _LOWEST)


def _items(segments: Segments, block: Block, group: int) -> Iterator[Unit]:
    """Yield list items with the lines that go on with them."""
    begun, level, until = -1, 0, block.start
    for start, end in line_spans(segments.text, block):
        item = _ITEM.match(segments.text, start, end)
        if begun < 0 or item:
            if begun >= 0:
                yield Unit(begun, until, group, prose=True, level=level)
            begun, level = start, _level(item)
        until = end
    if begun >= 0:
        yield Unit(begun, until, group, prose=True, level=level)


def _level(item: re.Match[str] | None) -> int:
    """Return how far in an item stands: by its indentation, then by its number or letter."""
    if item is None:
        return 1
    depth = 1 + len(_DIGITS.findall(item[2])) if item[2][0].isdigit() else _LETTERED
    return 10 * len(item[1].expandtabs(4)) + min(depth, 9)


def _rows(segments: Segments, block: Block, group: int) -> Iterator[Unit]:
    lines = list(line_spans(segments.text, block))
    titled = 2 if len(lines) > 1 and _RULE.fullmatch(segments.text, *lines[1]) else 0
    for number, (start, end) in enumerate(lines):
        yield Unit(start, end, group, "columns" if number < titled else "body")


def _lines(segments: Segments, block: Block, group: int) -> Iterator[Unit]:
    """Yield lines; those of one stack trace join the line before."""
    scope = -1
    for count, (start, end) in enumerate(line_spans(segments.text, block)):
        trace = block.kind == "log" and segments.text[start] in " \t"
        unit = Unit(start, end, group + count // _GROUPED, joins=trace)
        if block.kind == "data":
            line = segments.text[start:end]
            unit.level = 1 + len(line) - len(line.lstrip())
        elif block.kind == "fewshot" and is_question(segments.text, start, end):
            unit.role, unit.scope = "label", -2 - start
            scope = unit.scope
        else:
            unit.scope = scope
        if start == block.start and block.kind == "data" and _is_titled(segments.text, start, end, block.end):
            unit.role = "columns"
        yield unit


def _is_titled(text: str, start: int, end: int, limit: int) -> bool:
    """Whether a line names the columns of the lines behind it, as that of a CSV file does."""
    behind = text.find("\n", end + 1, limit)
    line, after = text[start:end], text[end + 1 : behind if behind >= 0 else limit]
    separator = max(_SEPARATORS, key=line.count)
    return 0 < line.count(separator) == after.count(separator) and not _DIGIT.search(line) and "{" not in line


_BY_KIND = {"prose": prose_units, "heading": _headers, "source": _headers, "list": _items, "table": _rows}
