"""What has to be kept with a unit: the tags around it, its headings or source line, its list item, its columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from llmopt.prompts.select.elements import cut_at_tags
from llmopt.prompts.select.unit import Unit
from llmopt.prompts.spans import Segments

_MOST_HEADERS = 3
"""Header lines in a row that are taken together: a title, its section, its source."""
_LONGEST_ITEM = 240
"""Characters of an item that is kept with those below it."""
_DEEPEST = 8
"""Items above an item that are kept with it."""
_LEADING = frozenset({"header", "columns", "label"})


@dataclass(slots=True)
class Host:
    """Units that others stand under."""

    parts: list[int]
    """Numbers of the units that have to be kept."""
    parent: int
    """The host around this one; -1: none."""
    hard: bool
    """Whether what must stay needs it too: tags, but not headings."""
    told: bool = False
    """Whether its words count as words of what stands under it: those of an item, a question, a speaker's name."""


def hosted(segments: Segments, units: Sequence[Unit]) -> tuple[list[Unit], list[Host]]:
    """Return the units cut at the tags that enclose several of them, each with its host, and the hosts."""
    cut = cut_at_tags(segments, units)
    walk = _Walk(cut)
    for number in range(len(cut)):
        walk.place(number)
    _free_idle(cut, walk.hosts)
    return cut, walk.hosts


@dataclass(slots=True)
class _Walk:
    """Goes over the units once; remembers what is open."""

    units: Sequence[Unit]
    hosts: list[Host] = field(default_factory=list)
    element: int = -1
    """The innermost element that is open."""
    sections: list[tuple[int, int]] = field(default_factory=list)
    """Level and host of the headings that are in force in it."""
    items: list[tuple[int, int]] = field(default_factory=list)
    """Level and host of the items above, within the same block."""
    table: int = -1
    """The columns, question or speaker in force."""
    scope: int = -1
    """Where these are in force."""
    around: list[tuple[int, list[tuple[int, int]]]] = field(default_factory=list)
    """The elements further out, each with its headings."""

    def place(self, number: int) -> None:
        """Give the next unit its host."""
        unit = self.units[number]
        before = self.units[number - 1] if number else None
        if unit.scope != self.scope:
            self.table = -1
        if before is None or before.block != unit.block:
            self.items = []
        if unit.role == "open":
            self._add([number], self._section(), hard=True)
            self.around.append((self.element, self.sections))
            self.element, self.sections = len(self.hosts) - 1, []
        elif unit.role == "header":
            self._header(number, unit, before)
        elif unit.role in _LEADING:
            if before is None or before.role != unit.role or before.scope != unit.scope:
                self._add([], self._section(), told=unit.role == "label")
            self.hosts[-1].parts.append(number)
            self.table, self.scope = len(self.hosts) - 1, unit.scope
        self._give(number, unit)

    def _give(self, number: int, unit: Unit) -> None:
        if unit.role == "close":
            unit.host = self.element
            self.hosts[self.element].parts.append(number)
            self.element, self.sections = self.around.pop()
            return
        unit.host = self.table if self.table >= 0 else self._section()
        if not unit.level or unit.role != "body":
            return
        while self.items and self.items[-1][0] >= unit.level:
            self.items.pop()
        if self.items:
            unit.host = self.items[-1][1]
        after = self.units[number + 1] if number + 1 < len(self.units) else unit
        leads = after.block == unit.block and after.level > unit.level and unit.end - unit.start <= _LONGEST_ITEM
        if leads and len(self.items) < _DEEPEST:
            self._add([number], unit.host, told=True)
            self.items.append((unit.level, len(self.hosts) - 1))

    def _header(self, number: int, unit: Unit, before: Unit | None) -> None:
        while self.sections and self.sections[-1][0] > unit.level:
            self.sections.pop()
        alike = bool(self.sections) and self.sections[-1][0] == unit.level
        follows = before is not None and before.role == "header" and alike
        if follows and len(self.hosts[self.sections[-1][1]].parts) < _MOST_HEADERS:
            self.hosts[self.sections[-1][1]].parts.append(number)
            return
        if alike:
            self.sections.pop()
        self._add([number], self._section())
        self.sections.append((unit.level, len(self.hosts) - 1))

    def _section(self) -> int:
        return self.sections[-1][1] if self.sections else self.element

    def _add(self, parts: list[int], parent: int, *, hard: bool = False, told: bool = False) -> None:
        self.hosts.append(Host(parts, parent, hard, told))


def _free_idle(units: Sequence[Unit], hosts: Sequence[Host]) -> None:
    """Make headers that nothing stands under units like others."""
    used = {unit.host for unit in units if unit.role not in _LEADING} | {host.parent for host in hosts}
    for number, host in enumerate(hosts):
        if not host.hard and number not in used:
            for part in host.parts:
                units[part].role, units[part].host, units[part].prose = "body", host.parent, True
