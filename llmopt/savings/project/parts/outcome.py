"""Replay a bucket of requests with every set of levers that will be asked for; what comes of it adds up."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import combinations
from typing import get_args

from llmopt.core.money import EXACT
from llmopt.cost.call_columns import CallColumns
from llmopt.cost.column_book import NAIVE
from llmopt.cost.pricing.table import PriceTable
from llmopt.savings.project.by_call import timed_calls
from llmopt.savings.project.coalitions import Coalitions
from llmopt.savings.project.levers.compression import Strata, fill_by
from llmopt.savings.project.log import unpriced_of
from llmopt.savings.project.looking import Looker
from llmopt.savings.project.parts.slices import NO_KEY, Slice
from llmopt.savings.project.parts.survey import Measured
from llmopt.savings.project.plan import Plan
from llmopt.savings.project.replays import View
from llmopt.savings.project.requests import Requests
from llmopt.savings.project.running import Load
from llmopt.savings.project.tallies import Moves, Tallies
from llmopt.savings.project.times import at_edges
from llmopt.savings.project.ways import At

_SHOWN = bytes(flags & ~NAIVE for flags in range(256))
On = frozenset[str]
"""Levers that are on."""


@dataclass(slots=True)
class Outcome:
    """What came of the calls of some buckets."""

    usd: dict[View, Decimal] = field(default_factory=dict)
    """What their tokens cost; what running levers costs depends on the whole log."""
    days: dict[On, dict[date, Decimal]] = field(default_factory=dict)
    """The same by UTC day."""
    killed: dict[View, int] = field(default_factory=dict)
    """Calls that compression takes below the least prefix of their provider's cache."""
    changed: Counter[tuple[str, On]] = field(default_factory=Counter)
    """(lever, levers that are on) -> calls that it changes."""
    estimated: frozenset[On] = frozenset()
    """Sets of levers with which some calls' cost is estimated."""
    moves: Moves = field(default_factory=Moves)
    """With all levers of the plan on."""
    sampled_usd: Decimal = Decimal(0)
    """What calls cost that the response cache answers although they sample, or may."""
    load: Load = field(default_factory=Load)
    tallies: Tallies = field(default_factory=Tallies)
    unpriced: Counter[str] = field(default_factory=Counter)
    """Why calls have no price -> their number."""
    models: frozenset[tuple[str | None, str | None]] = frozenset()
    """(model, provider) of all calls, as logged."""
    at_edges: tuple[int, int] = (0, 0)
    """As `times.at_edges` counts."""

    def add(self, other: Outcome) -> None:
        """Add what came of other buckets."""
        for view, usd in other.usd.items():
            self.usd[view] = EXACT.add(self.usd.get(view, Decimal(0)), usd)
        for on, days in other.days.items():
            own = self.days.setdefault(on, {})
            for day, usd in days.items():
                own[day] = EXACT.add(own.get(day, Decimal(0)), usd)
        for view, calls in other.killed.items():
            self.killed[view] = self.killed.get(view, 0) + calls
        self.changed.update(other.changed)
        self.estimated |= other.estimated
        self.moves.add(other.moves)
        self.sampled_usd = EXACT.add(self.sampled_usd, other.sampled_usd)
        self.load.add(other.load)
        self.tallies.add(other.tallies)
        self.unpriced.update(other.unpriced)
        self.models |= other.models
        self.at_edges = self.at_edges[0] + other.at_edges[0], self.at_edges[1] + other.at_edges[1]


def outcome_of(
    part: Slice, plan: Plan, asked: Plan, found: Measured, table: PriceTable, as_of: datetime | None
) -> Outcome:
    """Replay the calls of a bucket, in which all calls of each question are.

    Args:
        part: its calls.
        plan: as the user has it.
        asked: with further levers, of which each is measured alone.
        found: in the whole log.
        table: prices.
        as_of: price calls without a time as of then; None: at the newest prices.

    Raises:
        ConfigError: a model that calls would go to has no price.
    """
    columns, requests = _columns(part, asked, found, table)
    coalitions = Coalitions(columns, requests, asked, table, as_of=as_of)
    on, none = frozenset(plan.on), On()
    outcome = Outcome(
        changed=Counter({(lever, on): coalitions.changed(lever, on) for lever in plan.on}),
        moves=coalitions.moves(on),
        sampled_usd=coalitions.sampled_usd(),
        load=coalitions.load,
        tallies=coalitions.tallies,
        unpriced=unpriced_of(columns),
        models=frozenset((kind.model, kind.provider) for kind in columns.kinds),
        at_edges=at_edges(columns.at_us[: timed_calls(columns)], found.most),
    )
    for view in _views(plan, asked):
        outcome.usd[view] = coalitions.tokens_usd(view)
        if "compression" in view.on and view.on == on and view.at == "mid":
            outcome.killed[view] = coalitions.killed_calls(view)
    for some in {none, on}:
        outcome.days[some] = dict(coalitions.tokens_by_day(some))
    outcome.estimated = frozenset(some for some in {none, on} if coalitions.estimates(some))
    return outcome


def _views(plan: Plan, asked: Plan) -> Iterator[View]:
    """Yield all ways to look at the log that a projection takes."""
    for size in range(len(plan.on) + 1):
        for some in combinations(plan.on, size):
            for at in get_args(At):
                yield View(frozenset(some), at)
    for lever in asked.on:
        if lever not in plan.on:
            yield View(frozenset({lever}))
    if plan.compression is not None:
        yield View(frozenset(plan.on), lenient=True)


def _columns(part: Slice, asked: Plan, found: Measured, table: PriceTable) -> tuple[CallColumns, Requests]:
    """Return calls and requests as a log that was read at once has them."""
    listed = part.picked(part.by_time())
    columns = CallColumns(
        at_us=listed.at_us,
        kind=listed.kind,
        request=listed.request,
        usage={bucket: column for bucket, column in listed.usage.items() if any(column)},
        took_us=listed.took_us,
        answer_bytes=array("q", bytes(8 * len(listed))),
        flags=array("B", listed.flags.tobytes().translate(_SHOWN)),
        label=listed.label,
        kinds=listed.kinds,
        labels=listed.labels,
    )
    requests, strata = _requests(listed, asked)
    looker = Looker(asked, table)
    looker.resume(requests, strata)
    columns = looker.place(columns)
    requests.shifts = found.shifts
    if asked.compression is not None:
        keys = [*listed.asked.key, *[NO_KEY] * (len(requests) - len(listed.asked))]
        fill_by(requests, strata, [found.pairs.get(key) for key in keys], found.standing)
    return columns, requests


def _requests(listed: Slice, asked: Plan) -> tuple[Requests, Strata]:
    """Return what is known of the requests, before anything is measured."""
    known, strata = listed.asked, Strata.empty()
    numbers: defaultdict[bytes, int] = defaultdict(lambda: len(numbers))
    requests = Requests(
        canonical=array("i", [-1 if key == NO_KEY else numbers[key] for key in known.key]),
        flags=array("B", known.flags),
    )
    if asked.routing is not None:
        requests.route = array("i", known.route)
    if asked.compression is not None:
        for stratum, tokens in zip(known.stratum, known.tokens, strict=True):
            strata.add_nothing() if stratum is None else strata.add_to(stratum, tokens)
    return requests, strata
