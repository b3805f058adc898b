"""Replay cells with a set of levers on, and keep what came of each: nothing is worked out twice, or before it is asked.

Tokens of a cell after one change are added up once for all sets of levers that make that change. A stream of prompts is
put to its provider's cache once for all sets that send the same cells there, changed alike.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, replace

from llmopt.core.usage import INPUT_BUCKETS
from llmopt.cost.call_columns import CallColumns
from llmopt.savings.project.by_call import by_call
from llmopt.savings.project.cells import Cell, Cells, Piece
from llmopt.savings.project.changes import CACHED, TEXT, Change, Changed, Sums, added, changed, sums
from llmopt.savings.project.prefixes.rules import PrefixRule
from llmopt.savings.project.prefixes.tree import PrefixTree
from llmopt.savings.project.requests import Requests
from llmopt.savings.project.streams import Member, Prompts, serve
from llmopt.savings.project.ways import At, Way, Ways


@dataclass(frozen=True, slots=True)
class View:
    """One way to look at a log."""

    on: frozenset[str]
    """Levers."""
    at: At = "mid"
    daily: bool = False
    """Add up day by day."""
    lenient: bool = False
    """As if no prompt were too short for the provider's cache that was long enough before compression."""


@dataclass(frozen=True, slots=True)
class Gone:
    """What came of the calls of a cell."""

    cell: int
    way: Way
    sums: tuple[Sums, ...]
    """Of each of its pieces."""


_Member = tuple[int, Change]
_MOST_RECENT = 1_500_000
"""Calls whose changed tokens are kept, for the next set of levers; some 40 bytes each."""


class Replays:
    """Replays one log."""

    def __init__(
        self,
        columns: CallColumns,
        requests: Requests,
        cells: Cells,
        ways: Ways,
        *,
        tree: PrefixTree | None,
        ttl_us: int | None,
    ) -> None:
        """Begin with nothing.

        Args:
            columns: the calls.
            requests: what is known of their requests.
            cells: the calls, put together.
            ways: where they go.
            tree: of all prompts; None: no prompt is known.
            ttl_us: how long providers keep prefixes; None: as their rules say.
        """
        self._columns, self._requests, self._cells, self._ways = columns, requests, cells, ways
        self._tree, self._ttl_us = tree, ttl_us
        self._prompts: Prompts | None = None
        self._plain: dict[tuple[int, Change, bool], tuple[Sums, ...]] = {}
        self._streams: dict[tuple[object, ...], dict[int, tuple[Sums, ...]]] = {}
        self._ratios: dict[str, tuple[array[int], array[int]]] = {}
        self._longest: dict[int, int] = {}
        self._recent: dict[_Member, Changed] = {}
        self._kept_calls = 0

    def gone(self, view: View, prompts: Prompts | None = None) -> list[Gone]:
        """Return what comes of all calls that have a price and that the response cache does not answer.

        Args:
            view: levers that are on, and how to look.
            prompts: other prompts than those of the log.
        """
        found: list[Gone] = []
        streams: dict[tuple[str, str | None], list[Gone]] = {}
        rules: dict[tuple[str, str | None], PrefixRule] = {}
        changes: dict[int, Change] = {}
        for number, cell in enumerate(self._cells.cells):
            if self._columns.kinds[cell.kind].price is None or (cell.hit and "cache" in view.on):
                continue
            way = self._ways.of(cell, view.on)
            change = self._needed(number, self._ways.change(way, view.on, view.at, lenient=view.lenient))
            rule = way.rule if "prompt_cache" in view.on and cell.chained and not way.served else None
            if rule is not None and self._most(number, change) >= rule.minimum_tokens:
                name = (rule.id, way.target.kind.model)
                streams.setdefault(name, []).append(Gone(number, way, ()))
                rules[name], changes[number] = rule, change
            else:
                found.append(Gone(number, way, self._summed(number, change, daily=view.daily)))
        for name, members in streams.items():
            pairs = tuple((member.cell, changes[member.cell]) for member in members)
            came = self._streamed(rules[name], name, pairs, view, prompts)
            found += [replace(member, sums=came[member.cell]) for member in members]
        return found

    def pieces(self, number: int, *, daily: bool) -> tuple[Piece, ...]:
        """Return the parts of a cell that are added up by themselves."""
        cell = self._cells.cells[number]
        return self._cells.days(number) if daily else (Piece(None, cell.first, cell.last),)

    def with_chains(self, moved: Mapping[int, int], kinds: frozenset[int]) -> Prompts:
        """Return the prompts of the log with some in the place of others, for calls of some kinds."""
        prompts = self._known_prompts()
        chains = array("i", prompts.chains)
        for cell in self._cells.cells:
            if cell.kind in kinds:
                own = chains[cell.first : cell.last]
                chains[cell.first : cell.last] = array("i", map(moved.get, own, own))
        return Prompts(prompts.tree, chains, prompts.order, prompts.at_us, prompts.walks)

    def _known_prompts(self) -> Prompts:
        if self._prompts is None:
            by_request = by_call("i", self._requests.chain, -1, self._columns)
            chains = array("i", map(by_request.__getitem__, self._cells.order))
            self._prompts = Prompts(self._tree or PrefixTree(), chains, self._cells.order, self._cells.at_us)
        return self._prompts

    def _needed(self, number: int, change: Change) -> Change:
        """Leave out of a change what makes no difference to the calls of a cell, so that it is made less often."""
        cell, usage = self._cells.cells[number], self._cells.usage
        if change.minimum and not any(any(usage[name][cell.first : cell.last]) for name in CACHED if name in usage):
            change = replace(change, minimum=0)
        if change.steps and self._most(number, change) <= change.steps[0]:
            change = replace(change, steps=())
        return change

    def _most(self, number: int, change: Change) -> int:
        """Return a number of tokens that no input of a cell's calls exceeds after a change."""
        if number not in self._longest:
            cell = self._cells.cells[number]
            self._longest[number] = max(added(self._usage(cell), INPUT_BUCKETS), default=0)
        # Each bucket of text is rounded for itself, up by half a token at most.
        return self._longest[number] * change.num // change.den + len(TEXT)

    def _usage(self, cell: Cell) -> dict[str, array[int]]:
        return {name: column[cell.first : cell.last] for name, column in self._cells.usage.items()}

    def _changed(self, number: int, change: Change) -> Changed:
        """Change the tokens of a cell's calls; what was changed last is still there."""
        key = (number, replace(change, steps=()))
        found = self._recent.pop(key, None)
        if found is None:
            cell = self._cells.cells[number]
            found = changed(self._usage(cell), change, self._ratio(cell, change.ratio) if change.ratio else None)
            self._kept_calls += len(cell)
            while self._recent and self._kept_calls > _MOST_RECENT:
                oldest = next(iter(self._recent))
                del self._recent[oldest]
                self._kept_calls -= len(self._cells.cells[oldest[0]])
        self._recent[key] = found
        return found

    def _ratio(self, cell: Cell, name: str) -> tuple[array[int], array[int]]:
        """Return what compression does to each call's request."""
        if name not in self._ratios:
            counted, saved = self._requests.counted, getattr(self._requests, name)
            # Nothing is saved of what was not counted, nor where no request is known: the last place.
            self._ratios[name] = (
                array("q", [*(part if whole else 0 for part, whole in zip(saved, counted, strict=True)), 0]),
                array("q", [*(whole or 1 for whole in counted), 1]),
            )
        asked = self._cells.request[cell.first : cell.last]
        saved_of, counted_of = self._ratios[name]
        return array("q", map(saved_of.__getitem__, asked)), array("q", map(counted_of.__getitem__, asked))

    def _summed(self, number: int, change: Change, *, daily: bool) -> tuple[Sums, ...]:
        key = (number, change, daily)
        if key not in self._plain:
            self._plain[key] = self._added(number, self._changed(number, change), change, daily=daily)
        return self._plain[key]

    def _added(self, number: int, tokens: Changed, change: Change, *, daily: bool) -> tuple[Sums, ...]:
        start = self._cells.cells[number].first
        pieces = self.pieces(number, daily=daily)
        return tuple(sums(tokens, piece.first - start, piece.last - start, change.steps) for piece in pieces)

    def _streamed(
        self,
        rule: PrefixRule,
        name: tuple[str, str | None],
        members: tuple[_Member, ...],
        view: View,
        other: Prompts | None,
    ) -> dict[int, tuple[Sums, ...]]:
        """Replay one stream, unless that was done before."""
        lenient = view.lenient and "compression" in view.on
        key = (name, members, view.daily, lenient)
        if other is None and key in self._streams:
            return self._streams[key]
        cells = self._cells
        parts = [
            Member(cells.cells[number].first, cells.cells[number].last, self._changed(number, change))
            for number, change in members
        ]
        prompts = other or self._known_prompts()
        served = serve(prompts, rule, self._ttl_us, parts, lenient=lenient)
        found = {
            number: self._added(number, tokens, change, daily=view.daily)
            for (number, change), tokens in zip(members, served, strict=True)
        }
        if other is None:
            self._streams[key] = found
        return found
