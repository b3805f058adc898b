"""JSON as units: elements of arrays and members of objects, so that what is left of a value is valid JSON.

A value that is small against the budget is one unit; a larger one is taken apart, its brackets standing around what is
in it as tags do, and so on within it. Each unit has the comma behind it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from llmopt.prompts.select.unit import Unit

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\],]', re.DOTALL)
_BLANK = re.compile(r"[ \t\r\n]*+")
_GROUPED = 8
"""Elements in a row that are scored as one paragraph."""
_SHORT = 16
"""Characters of an element, such as a number, that may share a unit with its neighbours."""
_ROW = 64
"""Characters that such a unit has at most."""
SHORTEST = 80
"""Characters up to which a value is never taken apart."""


@dataclass(slots=True)
class _Open:
    """A container that is not closed yet."""

    unit: int
    """Number of the unit of its opening bracket."""
    bracket: int
    begin: int
    """Where the element begins that is being read."""
    elements: int = 0
    """How many were read."""
    apart: bool = False
    """Whether the element that is being read was taken apart."""


def json_units(text: str, start: int, end: int, group: int = 0) -> list[Unit]:
    """Return the units of a JSON object or array, as fine as they may be.

    Args:
        text: any text.
        start: where the value begins.
        end: where it ends.
        group: number of the first paragraph; each element that is taken apart is one, and so are some short ones.
    """
    reader = _Reader(text, group)
    for token in _TOKEN.finditer(text, start, end):
        mark = token[0]
        if mark in "{[":
            reader.opened(token.start())
        elif mark == ",":
            reader.ended(token.end())
        elif mark in "}]":
            reader.closed(token.start())
    return reader.units


def whole_again(units: Sequence[Unit], longest: int) -> list[Unit]:
    """Return the units with values put together again that are not too long and of which nothing has to stay.

    Args:
        units: of a text, in order, marked as far as they have to stay.
        longest: characters that such a value may have.
    """
    found: list[Unit] = []
    around: list[int] = []
    staying = 0  # up to this number, the units found have one among them that stays
    for unit in units:
        found.append(unit)
        staying = len(found) if unit.must else staying
        if unit.role == "open":
            around.append(len(found) - 1)
        elif unit.role == "close":
            first = around.pop()
            if unit.end - found[first].start <= longest and staying <= first:
                whole = replace(found[first], end=unit.end, role="body")
                del found[first:]
                found.append(whole)
    return found


class _Reader:
    """Makes units while it goes over a value once; those of a value that turns out to be small are given up again."""

    def __init__(self, text: str, group: int) -> None:
        self.units: list[Unit] = []
        self._text = text
        self._group = group
        self._around: list[_Open] = []

    def opened(self, at: int) -> None:
        """Read an opening bracket."""
        begin = self._around[-1].begin if self._around else at
        if self._around:
            self._group += 1
        self.units.append(Unit(begin, at + 1, self._group, "open", within=self._bracket()))
        self._around.append(_Open(len(self.units) - 1, at, self._skip(at + 1)))

    def ended(self, end: int) -> None:
        """Read a comma, or the end of the last element."""
        inner = self._around[-1]
        if inner.apart:
            self.units[-1].end = end
            inner.apart = False
            self._group += 1
        else:
            self._add(inner, end)
        inner.begin = self._skip(end)

    def closed(self, at: int) -> None:
        """Read a closing bracket; a value that is small becomes one element of what is around it."""
        inner = self._around[-1]
        last = at
        while self._text[last - 1] in " \t\r\n":
            last -= 1
        if inner.begin < last:
            self.ended(last)
        self._around.pop()
        if self._around and at + 1 - inner.bracket <= SHORTEST:
            del self.units[inner.unit :]
        else:
            self.units.append(Unit(at, at + 1, self._group, "close", within=self._bracket()))
            if self._around:
                self._around[-1].apart = True

    def _add(self, inner: _Open, end: int) -> None:
        last = self.units[-1]
        short = end - inner.begin <= _SHORT and last.role == "body" and last.end - last.start < _SHORT * 3
        if short and inner.elements and end - last.start <= _ROW and self._bracket() == "[":
            last.end = end
            return
        self._group += not inner.elements % _GROUPED and self._bracket() == "["
        inner.elements += 1
        self.units.append(Unit(inner.begin, end, self._group, within=self._bracket()))

    def _bracket(self) -> str:
        """Return the bracket around what is being read."""
        return self._text[self._around[-1].bracket] if self._around else ""

    def _skip(self, at: int) -> int:
        found = _BLANK.match(self._text, at)
        return found.end() if found else at
