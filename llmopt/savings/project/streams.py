"""Put the prompts of a log to the providers' caches: each stream of one rule and one model by itself, by time.

A stream is made of cells. What is in a provider's cache depends on every prompt before, so a stream is replayed anew
for each set of cells that reach it, and for each change of their tokens; its owner keeps what came of it as sums.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from operator import add, mul, sub

from llmopt.cost.call_columns import NO_TIME
from llmopt.savings.project.changes import CACHED, READ, UNCACHED, WRITE_1H, WRITE_5M, Changed, Columns, added
from llmopt.savings.project.prefixes.rules import PrefixRule
from llmopt.savings.project.prefixes.tree import PrefixTree
from llmopt.savings.project.prefixes.warm import Walks, breakpoints, warm

_MOST_KEPT = 5_000_000
"""Calls in rows that are kept, 16 bytes each."""


@dataclass(frozen=True, slots=True)
class Row:
    """The calls of some cells in the order of the log."""

    turns: array[int]
    """Which call it is, counted cell by cell."""
    at_us: array[int]
    chains: array[int]


@dataclass(frozen=True, slots=True)
class Prompts:
    """The prompts of all calls of a log, cell by cell."""

    tree: PrefixTree
    chains: array[int]
    """Of each call; -1 for none."""
    order: array[int]
    """Number of each call in the log."""
    at_us: array[int]
    """When, or `NO_TIME`."""
    walks: Walks = field(default_factory=Walks)
    """Of streams of these prompts, and of others of the same tree."""
    _marks: dict[tuple[int, bool], array[int]] = field(default_factory=dict)
    _rows: OrderedDict[tuple[tuple[int, int], ...], Row] = field(default_factory=OrderedDict)

    def row(self, places: tuple[tuple[int, int], ...]) -> Row:
        """Return the calls of some cells as one row; rows that were asked for last are kept.

        Args:
            places: first place of each cell in the columns, and the one behind its last.
        """
        if places not in self._rows:
            calls = [number for first, last in places for number in range(first, last)]
            turns = array("i", range(len(calls)))
            if len(places) > 1:
                log = array("i", map(self.order.__getitem__, calls))
                turns = array("i", sorted(turns, key=log.__getitem__))
                calls = list(map(calls.__getitem__, turns))
            at_us, chains = (map(column.__getitem__, calls) for column in (self.at_us, self.chains))
            self._rows[places] = Row(turns, array("q", at_us), array("i", chains))
            while len(self._rows) > 1 and sum(len(row.turns) for row in self._rows.values()) > _MOST_KEPT:
                self._rows.popitem(last=False)
        self._rows.move_to_end(places)
        return self._rows[places]

    def marks(self, ttl_us: int, *, charged: bool) -> array[int]:
        """Return the breakpoints of prompts, as `breakpoints` says; kept.

        Args:
            ttl_us: how long a prefix is kept.
            charged: whether writes cost more than plain input.
        """
        if (ttl_us, charged) not in self._marks:
            none = array("q", [NO_TIME])
            at_us, chains = none * len(self.order), array("i", [-1]) * len(self.order)
            for number, now, prompt in zip(self.order, self.at_us, self.chains, strict=True):
                if now != NO_TIME:
                    at_us[number], chains[number] = now, prompt
            self._marks[ttl_us, charged] = breakpoints(self.tree, at_us, chains, ttl_us, charged=charged)
        return self._marks[ttl_us, charged]


@dataclass(frozen=True, slots=True)
class Member:
    """The calls of one cell in a stream."""

    first: int
    last: int
    """Places in the columns of `Cells`."""
    tokens: Changed


def serve(
    prompts: Prompts,
    rule: PrefixRule,
    ttl_us: int | None,
    members: Sequence[Member],
    *,
    lenient: bool = False,
) -> list[Changed]:
    """Replay one stream, and return the tokens of each cell's calls after it.

    Args:
        prompts: of the log.
        rule: of the stream.
        ttl_us: how long a prefix is kept; None: as the rule says.
        members: cells of the stream.
        lenient: hold the rule's least prefix against the prompts as they were before compression.
    """
    totals = array("q")
    for member in members:
        totals += member.tokens.before if lenient else member.tokens.total
    row = prompts.row(tuple((member.first, member.last) for member in members))
    sizes = array("q", map(totals.__getitem__, row.turns))
    ttl_us = rule.kept_us(ttl_us)
    marks = None if rule.automatic else prompts.marks(ttl_us, charged=rule.writes_charged)
    found = warm(prompts.tree, rule, row.at_us, row.chains, sizes, marks, ttl_us, prompts.walks)
    reads, writes = (_put_back(column, row.turns, len(totals)) for column in found)
    served, first = [], 0
    for member in members:
        last = first + member.last - member.first
        served.append(_served(member.tokens, reads[first:last], writes[first:last], rule, lenient=lenient))
        first = last
    return served


def _put_back(column: array[int], turns: Sequence[int], size: int) -> array[int]:
    """Return what came of calls in the order of the log, cell by cell."""
    back = array("q", bytes(8 * size))
    for turn, tokens in zip(compress(turns, column), compress(column, column), strict=True):
        back[turn] = tokens
    return back


def _served(tokens: Changed, reads: array[int], writes: array[int], rule: PrefixRule, *, lenient: bool) -> Changed:
    """Split the input of a cell's calls anew."""
    present = [bucket for bucket in CACHED if bucket in tokens.columns]
    cached = added(tokens.columns, present) if present else array("q", bytes(8 * len(reads)))
    killed = tokens.killed
    if lenient:
        # What would be read, were it not for compression; what the log reads already is counted where it is changed.
        lost = map(mul, map(bool, reads), map(rule.minimum_tokens.__gt__, tokens.total))
        shorter = tokens.shorter or bytes(len(reads))
        killed = bytes(map(mul, map(mul, lost, shorter), map((0).__eq__, cached)))
        reads, writes = (_scaled(column, tokens) for column in (reads, writes))
    if any(cached):
        columns, split = _where_better(tokens, cached, reads, writes)
    else:
        given = array("q", map(add, reads, writes))
        columns = {**tokens.columns, READ: reads, WRITE_5M: writes, UNCACHED: array("q", map(sub, tokens.total, given))}
        split = bytes(map(bool, given))
    return replace(tokens, columns=columns, killed=killed, split=split)


def _scaled(column: array[int], tokens: Changed) -> array[int]:
    """Return tokens of prompts before compression as tokens of those after it."""
    calls = zip(column, tokens.total, tokens.before, strict=True)
    return array("q", [part * after // before if before else 0 for part, after, before in calls])


def _where_better(tokens: Changed, cached: array[int], reads: array[int], writes: array[int]) -> tuple[Columns, bytes]:
    """Split the input where the log does not show as much use of the provider's cache already.

    A call that reads as much as it would here keeps its split; so does one that writes, where nothing is to be read.
    """
    none = array("q", bytes(8 * len(cached)))
    new = {bucket: array("q", tokens.columns.get(bucket, none)) for bucket in (UNCACHED, READ, WRITE_5M, WRITE_1H)}
    touched = bytearray(len(cached))
    logged = array("q", new[READ])
    for number in compress(range(len(cached)), map(add, reads, writes)):
        read, write = reads[number], writes[number]
        if read > logged[number] or not cached[number]:
            new[READ][number], new[WRITE_5M][number], new[WRITE_1H][number] = read, write, 0
            new[UNCACHED][number] = tokens.total[number] - read - write
            touched[number] = 1
    return {**tokens.columns, **new}, bytes(touched)
