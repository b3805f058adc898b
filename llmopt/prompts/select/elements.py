"""What has to be kept with a unit: the tags around it, its heading or source line, the columns of its table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from llmopt.prompts.select.units import Role, Unit
from llmopt.prompts.spans import Segments, Span

_NAME = re.compile(r"<(/?)([\w:.-]+)")


_MOST_HEADERS = 3
"""Header lines in a row that are taken together: a title, its section, its source."""


@dataclass(slots=True)
class Host:
    """Units that others stand under."""

    parts: list[int]
    """Numbers of the units that have to be kept."""
    parent: int
    """The host around this one; -1: none."""
    hard: bool
    """Whether what must stay needs it too: tags, but not headings."""


def hosted(segments: Segments, units: Sequence[Unit]) -> tuple[list[Unit], list[Host]]:
    """Return the units cut at the tags that enclose several of them, each with its host, and the hosts."""
    cut = _cut(segments.text, units, _enclosing(segments, units))
    hosts: list[Host] = []
    around: list[tuple[int, int]] = []  # the elements that are open, with the section that each stands in
    element = section = table = -1
    columns_of = -1  # the block whose rows stand under `table`
    before = ""
    for number, unit in enumerate(cut):
        table = table if unit.block == columns_of else -1
        if unit.role == "open":
            hosts.append(Host([number], _innermost(section, element), hard=True))
            around.append((element, section))
            element, section = len(hosts) - 1, -1
        elif unit.role in {"header", "columns"}:
            if before != unit.role or len(hosts[-1].parts) == _MOST_HEADERS:
                parent = _innermost(section, element) if unit.role == "columns" else element
                hosts.append(Host([], parent, hard=False))
            hosts[-1].parts.append(number)
            if unit.role == "header":
                section = len(hosts) - 1
            else:
                table, columns_of = len(hosts) - 1, unit.block
        unit.host = _innermost(table, section, element)
        if unit.role == "close":
            unit.host = element
            hosts[element].parts.append(number)
            element, section = around.pop()
        before = unit.role
    _free_idle(cut, hosts)
    return cut, hosts


def _free_idle(units: Sequence[Unit], hosts: Sequence[Host]) -> None:
    """Make headers that nothing stands under units like others."""
    used = {unit.host for unit in units if unit.role not in {"header", "columns"}} | {host.parent for host in hosts}
    for number, host in enumerate(hosts):
        if not host.hard and number not in used:
            for part in host.parts:
                units[part].role, units[part].host, units[part].prose = "body", host.parent, True


def _innermost(*hosts: int) -> int:
    return next((host for host in hosts if host >= 0), -1)


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
        if span.kind == "tag" and segments.text[span.end - 2] != "/":
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
