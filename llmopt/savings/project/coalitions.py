"""What a log costs with any set of levers on: exactly, each call as it would have gone, without a look at its text.

Calls that every set of levers treats alike are put together once (`cells`); a set is then priced by the sums of their
tokens. Where tokens change (another tokenizer, compression) they change call by call, and each change is worked out
once for all sets that make it (`changes`, `replays`); so is each stream of prompts at a provider's cache (`streams`).
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from typing import TYPE_CHECKING

from llmopt.core.cost import UnpricedBucket, cost_usd
from llmopt.core.money import EXACT
from llmopt.cost.call_columns import CallColumns, Kind
from llmopt.errors import ConfigError
from llmopt.savings.project.by_call import timed_calls
from llmopt.savings.project.cells import Cells, put_together
from llmopt.savings.project.changes import Sums
from llmopt.savings.project.plan import Plan
from llmopt.savings.project.prefixes.notes import caching_notes
from llmopt.savings.project.prefixes.rules import PrefixRules
from llmopt.savings.project.replays import Gone, Replays, View
from llmopt.savings.project.requests import Requests
from llmopt.savings.project.running import Load, Machines, Running
from llmopt.savings.project.tallies import Moves, moves_of, tallies_of
from llmopt.savings.project.telling import Telling
from llmopt.savings.project.times import times_of
from llmopt.savings.project.ways import At, Ways

if TYPE_CHECKING:
    from llmopt.cost.pricing.table import PriceTable
    from llmopt.savings.project.prefixes.tree import PrefixTree

__all__ = ["At", "Coalitions"]

_DIGITS = 12
"""Decimal places of dollars that are no sum of tokens: shares of a month, of an hour."""


class Coalitions:
    """The cost of one log under sets of the levers of one plan; answers are kept."""

    def __init__(
        self,
        columns: CallColumns,
        requests: Requests,
        plan: Plan,
        table: PriceTable,
        *,
        tree: PrefixTree | None = None,
        as_of: datetime | None = None,
    ) -> None:
        """Prepare; nothing is worked out before it is asked for.

        Args:
            columns: the calls.
            requests: what is known of their requests.
            plan: how the levers are set; sets may hold any of those that are on.
            table: prices.
            tree: where `requests.chain` leads; needed for the provider's prompt cache.
            as_of: price calls without a time as of then; None: at the newest prices.
        """
        self._columns, self._requests, self._plan = columns, requests, plan
        self._cells: Cells = put_together(columns, requests, plan)
        self._ways = Ways(columns, requests, plan, table, as_of)
        lever = plan.prompt_cache
        ttl_us = round(lever.ttl_s * 1e6) if lever is not None and lever.ttl_s is not None else None
        self._replays = Replays(columns, requests, self._cells, self._ways, tree=tree, ttl_us=ttl_us)
        most = times_of(columns.at_us[: timed_calls(columns)]).most()
        self.load = Load.of(self._cells)
        """The calls that levers meet."""
        self.tallies = tallies_of(columns, requests, self._cells, plan)
        """The calls by what levers see of them."""
        self._running = Running(self.load, most, plan)
        self._machines = Machines(plan.self_host, self._running.span_us)
        self._telling = Telling(self.tallies, requests.shifts, plan)
        self._costs: dict[View, Decimal] = {}
        self._usd: dict[tuple[int, int], Decimal] = {}

    @property
    def asked(self) -> array[int] | None:
        """What each call of the log asks of the plan's response cache, as `hits.keys` says; None without a cache."""
        return self._cells.asked

    @property
    def too_many_prompts(self) -> bool:
        """Whether there are too many prompts for the provider's prompt cache to be tried unasked."""
        return self._requests.too_many_prompts

    def cost(self, on: frozenset[str], at: At = "mid") -> Decimal:
        """Return what the log costs with these levers on, their own costs included, in dollars.

        Raises:
            ConfigError: a model that calls would go to has no price.
        """
        return self._cost(View(on, at))

    def exact(self, on: frozenset[str]) -> bool:
        """Return whether nothing about these levers is estimated, so that `low` and `high` are the same."""
        return not self.estimates(on)

    def estimates(self, on: frozenset[str]) -> bool:
        """Return whether what some calls cost with these levers on is estimated."""
        return not all(self._ways.exact(gone.way, on) for gone in self._replays.gone(View(on)))

    def by_day(self, on: frozenset[str]) -> dict[date, Decimal]:
        """Return UTC day -> what its calls cost with these levers on, their own costs included.

        All days that the log covers are there, and those of calls far apart; calls without a time are in none.
        """
        days = self._running.by_day(on)
        for day, usd in self.tokens_by_day(on).items():
            days[day] += Fraction(usd)
        served = self._served_by_day(self._replays.gone(View(on, daily=True))) if "self_host" in on else {}
        for day, machines_usd in served.items():
            days[day] += machines_usd
        return {day: rounded(amount) for day, amount in sorted(days.items())}

    def tokens_by_day(self, on: frozenset[str]) -> dict[date, Decimal]:
        """Return UTC day -> what the tokens of its calls cost with these levers on; own machines left out."""
        days = defaultdict[date, Decimal](Decimal)
        for each in self._replays.gone(View(on, daily=True)):
            for piece, part in zip(self._replays.pieces(each.cell, daily=True), each.sums, strict=True):
                if piece.day is not None and not each.way.served:
                    days[piece.day] = EXACT.add(days[piece.day], self._price(part, each))
        return days

    def tokens_usd(self, view: View) -> Decimal:
        """Return what the tokens of all calls cost; own machines, and what running levers costs, left out."""
        gone = self._replays.gone(view)
        return _sum(self._price(part, each) for each in gone if not each.way.served for part in each.sums)

    def changed(self, lever: str, on: frozenset[str]) -> int:
        """Return how many calls a lever changes where `on` are on."""
        if lever == "cache":
            return sum(len(cell) for cell in self._cells.cells if cell.hit) if lever in on else 0
        return sum(_changes(lever, each) for each in self._replays.gone(View(on))) if lever in on else 0

    def own(self, lever: str, on: frozenset[str]) -> Decimal:
        """Return what running a lever costs over the log by itself where `on` are on."""
        return rounded(self._running.usd(lever, on))

    def unseen(self, lever: str) -> int:
        """Return how many calls a lever could not look at."""
        return self._telling.unseen(lever)

    def notes(self, lever: str, on: frozenset[str]) -> tuple[str, ...]:
        """Return what else one should know of a lever, in words."""
        gone = self._replays.gone(View(on))
        lines = self._telling.notes(lever, self.moves(on))
        if lever == "cache" and lever in on:
            lines += self._telling.sampled(self.sampled_usd())
        if lever == "prompt_cache" and self.unseen(lever) < len(self._columns):
            lines += caching_notes(self._columns, _answered_by(gone), PrefixRules.load())
        if lever == "self_host" and lever in on:
            lines += self._machines.notes(self._machines.work(each for each in gone if each.way.served))
        return (*lines, *self._requests.notes.get(lever, ()), *self._ways.idle(lever))

    def moves(self, on: frozenset[str]) -> Moves:
        """Count the calls by where they go with these levers on."""
        return moves_of(self._replays.gone(View(on)), self._columns, self._cells)

    def sampled_usd(self) -> Decimal:
        """Return what the calls cost in the log that the response cache answers although they sample, or may."""
        logged, cells = self._replays.gone(View(frozenset())), self._cells.cells
        return _sum(self._price(part, each) for each in logged if cells[each.cell].sampled for part in each.sums)

    def killed(self, on: frozenset[str]) -> tuple[int, Decimal]:
        """Return how many calls compression takes below the least prefix of the provider's cache, and what that costs.

        The cost is what would be saved if the least prefix were held against prompts as they were before compression.
        """
        if "compression" not in on:
            return 0, Decimal(0)
        lost = EXACT.subtract(self._cost(View(on)), self._cost(View(on, lenient=True)))
        calls = self.killed_calls(View(on)) + self.killed_calls(View(on, lenient=True))
        return calls, lost if lost else Decimal(0)

    def killed_calls(self, view: View) -> int:
        """Return how many calls fall below the least prefix in one view."""
        return sum(part.killed for each in self._replays.gone(view) for part in each.sums)

    def moved(self, model: str, moved: Mapping[int, int]) -> Decimal:
        """Return what the provider's cache saves more where the prompts of a model's calls are put in another order.

        Args:
            model: as logged.
            moved: number of a chain -> number of the chain instead.
        """
        view = View(frozenset({"prompt_cache"}))
        kinds = frozenset(number for number, kind in enumerate(self._columns.kinds) if kind.model == model)
        prompts = self._replays.with_chains(moved, kinds)
        before, after = self._replays.gone(view), self._replays.gone(view, prompts)
        return EXACT.subtract(
            *(_sum(_priced(part, each) for each in gone for part in each.sums) for gone in (before, after))
        )

    def _served_by_day(self, gone: Sequence[Gone]) -> dict[date, Fraction]:
        """Return what own machines cost, shared out by what they have to do."""
        own = [each for each in gone if each.way.served]
        work = self._machines.work(own)
        usd, days = self._machines.usd(work), defaultdict[date, Fraction](Fraction)
        for each in own:
            for piece, part in zip(self._replays.pieces(each.cell, daily=True), each.sums, strict=True):
                if piece.day is not None:
                    days[piece.day] += usd * self._machines.share(part, work)
        return days

    def _cost(self, view: View) -> Decimal:
        if view not in self._costs:
            total = self.tokens_usd(view)
            more = sum((self._running.usd(lever, view.on) for lever in view.on), Fraction(0))
            if "self_host" in view.on:
                gone = self._replays.gone(view)
                more += self._machines.usd(self._machines.work(each for each in gone if each.way.served))
            self._costs[view] = total if not more else rounded(Fraction(total) + more)
        return self._costs[view]

    def _price(self, part: Sums, each: Gone) -> Decimal:
        """Return what some calls cost."""
        # Both are kept as long as this is, so nothing else gets their identity; comparing them would take longer.
        key = (id(part), id(each.way))
        if key not in self._usd:
            self._usd[key] = _priced(part, each)
        return self._usd[key]


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return reduce(EXACT.add, amounts, Decimal(0))


def _priced(part: Sums, each: Gone) -> Decimal:
    total, price = Decimal(0), each.way.target.kind.price
    if price is None:
        return total
    try:
        for (calls, usage), above in zip(part.bands, (-1, *part.steps), strict=False):
            if calls:
                found = cost_usd(usage, price, requests=calls, max_input_tokens=above + 1)
                total = EXACT.add(total, found)
    except UnpricedBucket as error:
        bucket = error.bucket.replace("_", " ")
        raise ConfigError(
            f"the plan leads to {each.way.target.kind.model!r}, which has no price for {bucket} tokens",
            "add it with --prices",
        ) from error
    return total


def _changes(lever: str, each: Gone) -> int:
    """Return how many calls of a cell a lever changes."""
    target = each.way.target
    if lever == "compression":
        return sum(part.shorter for part in each.sums)
    if lever == "prompt_cache":
        return sum(part.split for part in each.sums)
    whole = {
        "routing": target.routed,
        "swap": target.swapped,
        "self_host": each.way.served,
        "batch": target.kind.tier == "batch" and not each.way.served,
    }
    return sum(part.calls for part in each.sums) if whole[lever] else 0


def _answered_by(gone: Iterable[Gone]) -> Counter[Kind]:
    """Count the calls by the kind that answers them; those of own machines left out."""
    counts: Counter[Kind] = Counter()
    for each in gone:
        if not each.way.served:
            counts[each.way.target.kind] += sum(part.calls for part in each.sums)
    return counts


def rounded(amount: Fraction) -> Decimal:
    """Return dollars that are no sum of tokens."""
    return Decimal(round(amount * 10**_DIGITS)).scaleb(-_DIGITS, context=EXACT) if amount else Decimal(0)
