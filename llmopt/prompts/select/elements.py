"""The tags of elements that enclose several units."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from llmopt.prompts.select.unit import Role, Unit
from llmopt.prompts.spans import Segments, Span

_NAME = re.compile(r"<(/?)([\w:.-]+)")
_TAG = re.compile(r"<(/?)([A-Za-z][\w:.-]*+)(?:\s[^<>]{0,400})?(?<!/)>")


def cut_at_tags(segments: Segments, units: Sequence[Unit]) -> list[Unit]:
    """Return the units cut at the tags that enclose several of them, these tags as units of their own."""
    return _cut(segments.text, units, _enclosing(segments, units))


def _enclosing(segments: Segments, units: Sequence[Unit]) -> list[tuple[int, int, Role]]:
    """Return the tags, in order, of the elements that span several units."""
    found: list[tuple[int, int, Role]] = []
    waiting: list[tuple[str, int, int, int]] = []
    names: Counter[str] = Counter()
    at = 0
    for span, name in _tags(segments):
        while at < len(units) - 1 and units[at].end <= span.start:
            at += 1
        if not name[1]:
            waiting.append((name[2], at, span.start, span.end))
            names[name[2]] += 1
            continue
        while names[name[2]]:
            opened, unit, start, end = waiting.pop()
            names[opened] -= 1
            if opened == name[2]:
                if unit != at:
                    found += [(start, end, "open"), (span.start, span.end, "close")]
                break
    return sorted(found)


def _tags(segments: Segments) -> Iterator[tuple[Span, re.Match[str]]]:
    """Yield the tags that open or close an element, each with its name."""
    for span in segments.spans:
        if span.kind in {"prefix", "pinned"}:  # these are spans whatever is in them
            for tag in _TAG.finditer(segments.text, span.start, span.end):
                yield Span(tag.start(), tag.end(), "tag", True), tag
            continue
        named = span.kind == "placeholder" and segments.text[span.start] == "<"  # <some_name> looks like a variable
        if named or (span.kind == "tag" and segments.text[span.end - 2] != "/"):
            name = _NAME.match(segments.text, span.start, span.end)
            if name is not None:
                yield span, name


def _cut(text: str, units: Sequence[Unit], tags: Sequence[tuple[int, int, Role]]) -> list[Unit]:
    """Return the units with those tags as units of their own."""
    if not tags:
        return list(units)
    parts: list[Unit] = []
    at = 0
    for unit in units:
        start = unit.start
        while at < len(tags) and tags[at][0] < unit.end:
            left, right, role = tags[at]
            parts += _trimmed(text, unit, start, left)
            parts.append(replace(unit, start=left, end=right, role=role, prose=False))
            start = right
            at += 1
        parts += _trimmed(text, unit, start, unit.end)
    return parts


def _trimmed(text: str, unit: Unit, start: int, end: int) -> list[Unit]:
    if (start, end) == (unit.start, unit.end):
        return [unit]
    if unit.must:
        return [replace(unit, start=start, end=end)] if end > start else []
    part = text[start:end]
    bare = part.strip()
    start += len(part) - len(part.lstrip())
    return [replace(unit, start=start, end=start + len(bare))] if bare else []
