"""The calls that curves of a cache are drawn from: all of a small log, of a large one those of some questions.

Questions are drawn apart from those that are asked often, seldom and once: a few that are asked all the time are not
left to chance. Whoever draws a question takes all of its calls.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from random import Random

from llmopt.cost.call_columns import KEPT, CallColumns
from llmopt.savings.project.each_cost import costs

ALL = 100_000
"""Calls up to which all are taken."""
SOME = 12_000
"""Of more, about so many of each part; a quarter of them of questions that are asked once, which are never answered."""
OFTEN = 200
"""Calls from which on a question is asked often."""
IN_ROOMS = 30_000
"""Calls up to which all are put into bounded rooms; of more, about half as many."""
_LEAST = 32
"""Questions of a part that are taken at least, however often they are asked."""
_ROOMS = 4
"""In a mark: to be put into bounded rooms. The lower bits say of which part it is taken, 0 for none."""


@dataclass(frozen=True, slots=True)
class Part:
    """Calls by time that stand for `weight` times as many."""

    weight: float
    """1: they are all that there are."""
    keys: list[int]
    at_us: list[int]
    took_us: list[int]
    kept: list[bool]
    sizes: list[int]
    """Of their answers, in bytes."""
    costs: list[int]
    """In whole numbers of 10**-digits dollars."""
    digits: int
    once: bool = False
    """No question of it is asked again."""

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Calls of a log that a cache may answer."""

    calls: int
    """All that there are."""
    parts: list[Part]
    """Together they stand for all; calls of one question are in one part."""
    in_rooms: Part
    """Calls to put into bounded rooms: of any questions alike."""


def chosen(columns: CallColumns, keys: Sequence[int], seed: int) -> Chosen | None:
    """Choose calls; None where a cache may answer none.

    Args:
        columns: the log.
        keys: call -> number of its question, -1 where a cache may not answer it.
        seed: of the choice.
    """
    counts = _counts(keys)
    groups, calls = _groups(counts), sum(counts)
    if not groups:
        return None
    rng = Random(seed)
    marks = bytearray(len(counts) + 1)  # the last place is that of -1
    for number, group in enumerate(groups, 1):
        target = SOME if counts[group[0]] > 1 else SOME // 4
        for key in group if calls <= ALL else _some(group, counts, target, rng):
            marks[key] = number
    asked = [key for group in groups for key in group]
    for key in asked if calls <= IN_ROOMS else _some(asked, counts, IN_ROOMS // 2, rng):
        marks[key] |= _ROOMS
    marked = bytes(map(marks.__getitem__, keys))
    parts = []
    for number, group in enumerate(groups, 1):
        taken = _with_mark(marked, {number, number | _ROOMS})
        weight = sum(map(counts.__getitem__, group)) / len(taken)
        parts.append(_part(columns, keys, taken, weight, once=counts[group[0]] == 1))
    in_rooms = _with_mark(marked, {_ROOMS | number for number in range(_ROOMS)})
    return Chosen(calls, parts, _part(columns, keys, in_rooms, 1.0))


def _counts(keys: Sequence[int]) -> list[int]:
    """Return question -> how many calls ask it."""
    counts = [0] * (max(keys, default=-1) + 2)
    for key in keys:
        counts[key] += 1
    counts.pop()  # where -1 was counted
    return counts


def _groups(counts: Sequence[int]) -> list[list[int]]:
    """Return the questions that are asked often, seldom and once; groups without any left out."""
    groups = (
        [key for key, count in enumerate(counts) if count >= OFTEN],
        [key for key, count in enumerate(counts) if 1 < count < OFTEN],
        [key for key, count in enumerate(counts) if count == 1],
    )
    return [group for group in groups if group]


def _with_mark(marked: bytes, marks: Collection[int]) -> list[int]:
    """Return the numbers of the calls that have one of some marks."""
    return list(compress(range(len(marked)), marked.translate(bytes(mark in marks for mark in range(256)))))


def _some(group: list[int], counts: Sequence[int], target: int, rng: Random) -> list[int]:
    """Draw questions of a group that have about so many calls."""
    calls = sum(map(counts.__getitem__, group))
    questions = max(_LEAST, round(len(group) * target / calls))
    return group if questions >= len(group) else rng.sample(group, questions)


def _part(
    columns: CallColumns, keys: Sequence[int], calls: Sequence[int], weight: float, *, once: bool = False
) -> Part:
    priced = costs(columns, calls)

    def of(column: Sequence[int]) -> Iterable[int]:
        return map(column.__getitem__, calls)

    return Part(
        weight=weight,
        keys=list(of(keys)),
        at_us=list(of(columns.at_us)),
        took_us=list(of(columns.took_us)),
        kept=[bool(flags & KEPT) for flags in of(columns.flags)],
        sizes=list(of(columns.answer_bytes)),
        costs=priced.counts,
        digits=priced.digits,
        once=once,
    )
