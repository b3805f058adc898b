"""Where JSON stands among the units of a text: no unit ends within a value, and values are taken apart."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace

from llmopt.prompts.select.json_units import SHORTEST, json_units
from llmopt.prompts.select.unit import Unit
from llmopt.prompts.spans import Segments, Span

_BESIDE = 60
"""Characters before a value, on its line, that say what it is."""
_AFTER = 3
"""Characters behind a value, such as a full stop, that stay with it."""


def with_json(segments: Segments, units: Sequence[Unit]) -> list[Unit]:
    """Return the units of a text with none that ends within a JSON value, and values taken apart that are not short.

    Args:
        segments: the text.
        units: of the text, in order.
    """
    values = [span for span in segments.of_kind("json") if not span.guarded]
    if not values or not units:
        return list(units)
    found, waiting = list[Unit](), deque(units)
    free = units[-1].group + 1
    for span in values:
        while waiting and waiting[0].end <= span.start:
            found.append(waiting.popleft())
        if not waiting:
            break
        whole = waiting.popleft()
        while waiting and waiting[0].start < span.end:
            whole = replace(whole, end=waiting.popleft().end)
        if span.end - span.start <= SHORTEST and not _is_all(segments.text, span):
            waiting.appendleft(whole)
            continue
        parts = json_units(segments.text, span.start, span.end, free)
        free = max(part.group for part in parts) + 1
        found += _between(segments.text, whole, parts)
        waiting.extendleft(_rest(segments.text, whole, parts[-1].end))
    return _as_lines(segments, _numbered([*found, *waiting], units[0].group))


def _is_all(text: str, span: Span) -> bool:
    return not text[: span.start].strip() and not text[span.end :].strip()


def _between(text: str, whole: Unit, parts: list[Unit]) -> Iterator[Unit]:
    """Yield what a unit has before a value that was taken apart, and the value; a few words beside it join it."""
    first, last = parts[0], parts[-1]
    for part in parts:
        part.block = whole.block
    first.must = last.must = _is_all(text, Span(first.start, last.end, "json", False))
    before = text[whole.start : first.start]
    if len(before) <= _BESIDE and "\n" not in before:
        first.start = whole.start
    elif before.strip():
        yield replace(whole, end=whole.start + len(before.rstrip()))
    if 0 < whole.end - last.end <= _AFTER:
        last.end = whole.end
    yield from parts


def _rest(text: str, whole: Unit, start: int) -> Iterator[Unit]:
    """Yield what a unit has behind a value."""
    bare = text[start : whole.end].lstrip()
    if bare:
        yield replace(whole, start=whole.end - len(bare))


def _numbered(units: list[Unit], first: int) -> list[Unit]:
    """Return the units with their paragraphs numbered in order."""
    groups: dict[int, int] = {}
    for unit in units:
        unit.group = groups.setdefault(unit.group, first + len(groups))
    return units


def _as_lines(segments: Segments, units: list[Unit]) -> list[Unit]:
    """Return the units with those marked that are lines of JSON lines."""
    text = segments.text
    starts = {span.start for span in segments.of_kind("json")}
    blocks: dict[int, list[Unit]] = {}
    for unit in units:
        if not unit.within:
            blocks.setdefault(unit.block, []).append(unit)
    for number, members in blocks.items():
        lines = [unit for unit in members if unit.role != "close"]
        alike = all(text[unit.start] in "{[" and (unit.start in starts or text[unit.end - 1] in "]}") for unit in lines)
        if alike and segments.blocks[number].kind == "data" and len(lines) > 1:
            for unit in members:
                unit.within = "\n"
    return units
