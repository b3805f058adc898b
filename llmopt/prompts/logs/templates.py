"""Choose the templates that save most: split groups by values that come often, leave alone what does not pay.

Tokens are estimated here, cheaply and per piece; the pass counts the whole with the real tokenizer before.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache

from llmopt.prompts.logs.groups import Group, Line, alike, group_of, with_prefixes

_PIECE = re.compile(r"\d{1,3}| ?[^\W\d_]{1,7}|\s+|[^\w\s]{1,2}|_")
_SPLITS = 400
"""Splits tried for a group at most; bounds the work on logs of few kinds and very many values."""
OPEN_TOKENS = 2
TEMPLATE_TOKENS = 3
"""A label, an equals sign and a line break."""


@lru_cache(maxsize=4096)
def tokens(text: str) -> int:
    """Return about how many tokens a text has."""
    return len(_PIECE.findall(text))


def _fixed_tokens(group: Group) -> int:
    return sum(map(tokens, group.pieces()))


def gain(group: Group) -> int:
    """Return how many tokens a template of a group saves, itself paid for."""
    pieces = group.pieces()
    fixed, places = sum(map(tokens, pieces)), len(pieces) - 1
    return len(group.lines) * (fixed - 1 - places) - fixed - OPEN_TOKENS * places - TEMPLATE_TOKENS


def templates(lines: Iterable[Line], more: Mapping[int, int] | None = None) -> list[Group]:
    """Return the groups of lines that are worth a template, in order of their first lines; other lines are in none.

    Args:
        lines: taken apart.
        more: tokens that a template of the line with a number saves besides its own.
    """
    found: list[Group] = []
    for group in alike(lines):
        found += _settled(group, more or {})
    return sorted(found, key=lambda group: group.lines[0].number)


def saved_by_line(groups: Iterable[Group]) -> dict[int, int]:
    """Return by the number of each line how many tokens it has fewer by its template."""
    found: dict[int, int] = {}
    for group in groups:
        pieces = group.pieces()
        found |= dict.fromkeys((line.number for line in group.lines), sum(map(tokens, pieces)) - len(pieces))
    return found


def _settled(group: Group, more: Mapping[int, int]) -> list[Group]:
    """Return what of a group is worth a template, after splitting it as far as that saves."""
    found: list[Group] = []
    todo = [group]
    for _ in range(_SPLITS):
        if not todo:
            break
        parts = _split(todo.pop())
        if len(parts) > 1:
            todo += parts
        elif gain(parts[0]) + sum(more.get(line.number, 0) for line in parts[0].lines) > 0:
            found.append(with_prefixes(parts[0]))
    return found


def _split(group: Group) -> list[Group]:
    """Return a group taken apart by the column whose frequent values save most as part of templates of their own."""
    if len(group.lines) < 4:
        return [group]
    base = _fixed_tokens(group) + OPEN_TOKENS * group.fixed.count(None) + TEMPLATE_TOKENS
    best, most, frequent = 0, 0, set[str]()
    for position, atom in enumerate(group.fixed):
        if atom is not None:
            continue
        counts = Counter(line.atoms[position] for line in group.lines)
        gains = {v: n * (tokens(v) + 1) - base - tokens(v) for v, n in counts.items() if n > 2}
        worth = {value for value, gain in gains.items() if gain > 0}
        total = sum(gains[value] for value in worth)
        if total > most:
            best, most, frequent = position, total, worth
    if not most:
        return [group]
    parts: dict[str | None, list[Line]] = defaultdict(list)
    for line in group.lines:
        parts[line.atoms[best] if line.atoms[best] in frequent else None].append(line)
    return [group_of(part) for part in parts.values()]
