"""A text of which some units are kept so far, and the edits that leave them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from llmopt.prompts.edits import Edit, applied
from llmopt.prompts.select.gaps import QUOTED, RULE, gap, json_gap
from llmopt.prompts.select.hosts import Host, hosted
from llmopt.prompts.select.unit import Unit
from llmopt.prompts.spans import Segments

_BRACKETS = frozenset("[{")


class Draft:
    """What is kept of one text."""

    def __init__(self, segments: Segments, units: Sequence[Unit]) -> None:
        """Start with nothing kept.

        Args:
            segments: the text.
            units: of the text, in order.
        """
        self.segments = segments
        self.text = segments.text
        self.units: list[Unit]
        self.hosts: list[Host]
        self.units, self.hosts = hosted(segments, units)
        self.kept = bytearray(len(self.units))
        self.parts: dict[int, tuple[int, int]] = {}
        """Start and end of what is kept of units that are not kept whole."""

    def told(self, number: int) -> str:
        """Return the text of a unit, behind that of the items, questions and names that it stands under."""
        unit = self.units[number]
        told = self.text[unit.start : unit.end]
        host = unit.host
        while host >= 0:
            if self.hosts[host].told and self.hosts[host].parts[-1] < number:
                lead = self.units[self.hosts[host].parts[-1]]
                told = f"{self.text[lead.start : lead.end]} {told}"
            host = self.hosts[host].parent
        return told

    def needed(self, number: int, *, hard: bool = False) -> list[int]:
        """Return a unit and what has to be kept with it, as far as it is not kept yet.

        Args:
            number: of the unit.
            hard: only tags, no headings.
        """
        found = [] if self.kept[number] else [number]
        host = self.units[number].host
        while host >= 0:
            if not hard or self.hosts[host].hard:
                missing = [part for part in self.hosts[host].parts if not self.kept[part] and part != number]
                if self.hosts[host].hard and not missing and number not in self.hosts[host].parts:
                    break  # whatever is around it was kept with it
                found += missing
            host = self.hosts[host].parent
        return found

    def keep(self, numbers: Iterable[int]) -> None:
        """Keep units whole."""
        for number in numbers:
            self.kept[number] = 1
            self.parts.pop(number, None)

    def drop(self, numbers: Iterable[int]) -> None:
        """Take units back."""
        for number in numbers:
            self.kept[number] = 0
            self.parts.pop(number, None)

    def before(self, number: int) -> int:
        """Return where the unit before one ends."""
        return self.units[number - 1].end if number else 0

    def gaps(self, number: int) -> int:
        """Return how many gaps more there are when a unit is kept."""
        left = not number or self.kept[number - 1]
        right = number + 1 == len(self.units) or self.kept[number + 1]
        return 1 - left - right

    def result(self, *, markers: bool = True) -> str:
        """Return the text that is left."""
        return applied(self.text, self.edits(markers=markers))

    def edits(self, *, markers: bool = True) -> list[Edit]:
        """Return the edits that leave what is kept.

        Args:
            markers: show where something was left out.
        """
        if not self.units:
            return [Edit(0, len(self.text), "", RULE)] if self.text and not markers else []
        edits: list[Edit] = []
        at, number = 0, -1
        for start, end, unit in self._ranges():
            if unit > number + 1 or self._cut(number, at, start) or self._cut(unit, at, start):
                edits += self._gap(at, start, number + 1, unit, markers=markers)
            at, number = end, unit
        if number + 1 < len(self.units) or self._cut(number, at, len(self.text)):
            edits += self._gap(at, len(self.text), number + 1, len(self.units), markers=markers)
        return edits

    def _ranges(self) -> Iterator[tuple[int, int, int]]:
        """Yield start, end and unit of what is kept."""
        at = self.kept.find(1)
        while at >= 0:
            start, end = self.parts.get(at, (self.units[at].start, self.units[at].end))
            yield start, end, at
            at = self.kept.find(1, at + 1)

    def _cut(self, number: int, start: int, end: int) -> bool:
        """Whether a part of a unit lies between two offsets."""
        return number in self.parts and self.units[number].start < end and self.units[number].end > start

    def _gap(self, start: int, end: int, lost: int, after: int, *, markers: bool) -> list[Edit]:
        """Return the edit of what is left out between two offsets.

        Args:
            start: where it begins.
            end: where it ends.
            lost: number of the first unit that is left out whole.
            after: number of the next unit that is kept at least in part.
            markers: leave a sign.
        """
        first = self.units[lost] if lost < after else None
        if first is not None and first.within in _BRACKETS:
            return json_gap(self.text, start, end, first, markers=markers)
        if first is not None and first.within and self.units[after - 1].within == first.within:
            return gap(self.text, start, end, markers=markers, sign=QUOTED)
        return gap(self.text, start, end, markers=markers)
