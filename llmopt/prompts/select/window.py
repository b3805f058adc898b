"""Which part of a sentence to keep where the whole does not fit."""

from __future__ import annotations

import math
import re
from itertools import accumulate, islice

from llmopt.prompts.select.score import scores
from llmopt.prompts.select.sentences import clauses
from llmopt.prompts.select.unit import Unit

_WORD = re.compile(r"\s*+\S{1,24}")
_LAST_WORD = re.compile(r"\S{1,24}\s*+")
_SHORTEST = 24
"""Characters into which clauses that are too long are cut at least."""


def best_window(text: str, start: int, end: int, query: str, room: int) -> tuple[int, int]:
    """Return the run of clauses of `[start, end)` that has most to do with a query.

    Args:
        text: any text.
        start: where a unit begins.
        end: where it ends.
        query: what is asked.
        room: characters that the run may have, roughly.
    """
    parts = _pieces(text, start, end, room)
    unit = Unit(start, end, 0)
    found = scores([text[a:b] for a, b in parts], [unit] * len(parts), query)
    highest = max(found)
    values = [math.exp(score - highest) for score in found]
    sums = list(accumulate(values, initial=0.0))
    best, chosen, first = -1.0, parts[0], 0
    for last, (_, right) in enumerate(parts):
        while first < last and right - parts[first][0] > room:
            first += 1
        value = sums[last + 1] - sums[first]
        if value > best:
            best, chosen = value, (parts[first][0], right)
    return chosen


def word_ends(text: str, start: int, end: int, most: int) -> list[int]:
    """Return where the next words behind `start` end, `most` at the utmost; very long ones are cut."""
    return [match.end() for match in islice(_WORD.finditer(text, start, end), most)]


def word_starts(text: str, start: int, end: int, most: int) -> list[int]:
    """Return where the last words before `end` start, from the last one on."""
    first = max(start, end - 25 * most)
    return [match.start() for match in _LAST_WORD.finditer(text, first, end)][::-1][:most]


def _pieces(text: str, start: int, end: int, room: int) -> list[tuple[int, int]]:
    """Return clauses, and pieces of those that are too long."""
    longest = max(_SHORTEST, room // 3)
    found: list[tuple[int, int]] = []
    for left, right in clauses(text, start, end):
        while right - left > longest:
            cut = text.rfind(" ", left + longest // 2, left + longest) + 1 or left + longest
            found.append((left, cut))
            left = cut
        found.append((left, right))
    return [(a, b) for a, b in found if b > a]
