"""Lines that share a template: their atoms in rows, and which of the columns differ.

Groups are made in two steps. Lines alike but for numbers and quoted strings come together first; of these groups, those
that differ in one word alone are then joined, as Drain does with its similarity threshold (see `atoms`). Whatever that
joins for no good is taken apart again in `templates`, where the tokens decide.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from llmopt.prompts.logs.atoms import varies

OPEN = "<*>"
"""Where a template leaves something open; the notation is Drain's."""
_ROUNDS = 2
_SHORTEST_PREFIX = 4
_MARK = re.compile(r"(?<=\w)[/.:_-](?![^A-Za-z])")
"""Where a value may be cut: numbers and their signs stay whole."""
_LITERAL = re.compile(r"://|[@\"'\[\]{}<>`]")
_MOST_WORDS = 24
"""Positions in which groups may differ and still be joined; bounds the work on long lines."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line taken apart."""

    number: int
    """Of the block, from 0."""
    gaps: tuple[str, ...]
    """What stands between the atoms; one more than there are atoms."""
    atoms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Lines whose gaps are equal."""

    lines: tuple[Line, ...]
    """At least one, in order."""
    fixed: tuple[str | None, ...]
    """The atom that all lines have in common, or None where they differ."""
    prefixes: tuple[str, ...] = ()
    """What all values of each open place begin with, if that is part of the template."""

    @property
    def gaps(self) -> tuple[str, ...]:
        """What stands between the atoms."""
        return self.lines[0].gaps

    def pieces(self) -> tuple[str, ...]:
        """Return the template's fixed text, cut where it is open; open atoms that touch are one."""
        pieces = [self.gaps[0]]
        for position, (atom, gap) in enumerate(zip(self.fixed, self.gaps[1:], strict=True)):
            if atom is not None:
                pieces[-1] += atom + gap
            elif position and self.fixed[position - 1] is None and not self.gaps[position]:
                pieces[-1] = gap
            else:
                pieces.append(gap)
        return tuple(map("".join, zip_longest(pieces, self.prefixes, fillvalue="")))

    def fields(self, line: Line) -> list[str]:
        """Return what fills the open places of the template for one of the lines."""
        fields: list[str] = []
        for position, atom in enumerate(line.atoms):
            if self.fixed[position] is not None:
                continue
            if position and self.fixed[position - 1] is None and not self.gaps[position]:
                fields[-1] += atom
            else:
                fields.append(atom)
        return [field.removeprefix(prefix) for field, prefix in zip_longest(fields, self.prefixes, fillvalue="")]


def group_of(lines: Sequence[Line]) -> Group:
    """Return lines of equal gaps as a group."""
    columns = zip(*(line.atoms for line in lines), strict=True)
    first = lines[0].atoms
    same = tuple(None if any(a != atom for a in column) else atom for column, atom in zip(columns, first, strict=True))
    return Group(tuple(lines), same)


def with_prefixes(group: Group) -> Group:
    """Return a group whose template has what the values of an open place all begin with, such as `/api/v1/`."""
    columns = zip(*(group.fields(line) for line in group.lines), strict=True)
    return replace(group, prefixes=tuple(map(_prefix, columns)))


def _prefix(values: Sequence[str]) -> str:
    """Return the longest beginning behind which all values go on with a letter; none of numbers and literals."""
    first, last = min(values), max(values)
    common = first[: next((at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), None)]
    if len(common) < _SHORTEST_PREFIX or any(_LITERAL.search(value) for value in set(values)):
        return ""
    nexts = {value[len(common) : len(common) + 1] for value in values}
    ends = [mark.end() for mark in _MARK.finditer(common)]
    if ends and ends[-1] == len(common) and not all(map(str.isalpha, nexts)):
        ends.pop()
    return common[: ends[-1]] if ends else ""


def alike(lines: Iterable[Line]) -> list[Group]:
    """Return lines in groups; a line of its own kind is a group of one."""
    shapes: dict[tuple[str, ...], dict[tuple[str | None, ...], list[Line]]] = defaultdict(lambda: defaultdict(list))
    open_atoms: dict[str, str | None] = {}
    for line in lines:
        for atom in line.atoms:
            if atom not in open_atoms:
                open_atoms[atom] = None if varies(atom) else atom
        shapes[line.gaps][tuple([open_atoms[atom] for atom in line.atoms])].append(line)
    found: list[Group] = []
    for kinds in shapes.values():
        for _ in range(_ROUNDS):
            kinds = _joined(kinds) if len(kinds) > 1 else kinds
        found += [group_of(sorted(rows, key=lambda line: line.number)) for rows in kinds.values()]
    return sorted(found, key=lambda group: group.lines[0].number)


def _joined(kinds: dict[tuple[str | None, ...], list[Line]]) -> dict[tuple[str | None, ...], list[Line]]:
    """Join kinds that are equal but for one word; each goes where most lines are."""
    weights: dict[tuple[str | None, ...], int] = defaultdict(int)
    members: dict[tuple[str | None, ...], int] = defaultdict(int)
    for words, rows in kinds.items():
        for key in _nearby(words):
            weights[key] += len(rows)
            members[key] += 1
    joined: dict[tuple[str | None, ...], list[Line]] = defaultdict(list)
    for words, rows in kinds.items():
        shared = [key for key in _nearby(words) if members[key] > 1]
        joined[max(shared, key=lambda key: weights[key], default=words)] += rows
    return joined


def _nearby(words: tuple[str | None, ...]) -> list[tuple[str | None, ...]]:
    """Return a kind with each of its words left open in turn."""
    positions = [position for position, word in enumerate(words) if word is not None][:_MOST_WORDS]
    return [(*words[:position], None, *words[position + 1 :]) for position in positions]
