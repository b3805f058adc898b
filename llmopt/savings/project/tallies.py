"""Count the calls of a log by what levers see of them, and by what becomes of them; counts add up over its parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from llmopt.cost.call_columns import KEPT, CallColumns
from llmopt.savings.project.by_call import by_call, timed_calls
from llmopt.savings.project.cells import Cells
from llmopt.savings.project.levers.batch import tagged
from llmopt.savings.project.levers.swap import Shift
from llmopt.savings.project.plan import LEVERS, Plan
from llmopt.savings.project.prefixes.tree import ROOT
from llmopt.savings.project.replays import Gone
from llmopt.savings.project.requests import HASHED, NOT_LOGGED, UNDECIDED, Requests

_BLIND_FLAGS = {"routing": UNDECIDED, "compression": HASHED | NOT_LOGGED}
"""Lever -> the bit of requests that it cannot look into."""


@dataclass(slots=True)
class Tallies:
    """Calls by what levers see of them."""

    calls: int = 0
    untimed: int = 0
    unseen: Counter[str] = field(default_factory=Counter)
    """Lever -> calls that it could not look at."""
    by_flags: Counter[int] = field(default_factory=Counter)
    """Bits of the request -> its calls; `NOT_LOGGED` where there is no request."""
    not_kept: int = 0
    """Calls whose answer a cache does not keep."""
    unpriced_hits: int = 0
    """Calls without a price that the response cache answers."""
    sampled: int = 0
    """Calls that it answers although they sample, or may."""
    sizes_estimated: bool = False
    """Sizes of some answers are."""
    has_tenants: bool = False
    """Does any call name what the cache keeps apart?"""
    tags: frozenset[tuple[str, str]] = frozenset()
    """Those of the plan's tags that some call has."""

    def add(self, other: Tallies) -> None:
        """Add those of another part."""
        for name in ("calls", "untimed", "not_kept", "unpriced_hits", "sampled"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.unseen.update(other.unseen)
        self.by_flags.update(other.by_flags)
        self.sizes_estimated |= other.sizes_estimated
        self.has_tenants |= other.has_tenants
        self.tags |= other.tags


def tallies_of(columns: CallColumns, requests: Requests, cells: Cells, plan: Plan) -> Tallies:
    """Count the calls of a log.

    Args:
        columns: the calls.
        requests: what is known of their requests.
        cells: the calls, put together.
        plan: how the levers are set.
    """
    tenant = plan.cache.tenant if plan.cache is not None else ""
    wanted = [tag for lever in (plan.batch, plan.self_host) if lever is not None for tag in lever.tags]
    unpriced = (cell for cell in cells.cells if cell.hit and columns.kinds[cell.kind].price is None)
    return Tallies(
        calls=len(columns),
        untimed=len(columns) - timed_calls(columns),
        unseen=Counter({lever: _blind(lever, columns, requests, plan) for lever in LEVERS}),
        by_flags=Counter(by_call("B", requests.flags, NOT_LOGGED, columns)),
        not_kept=sum(calls for flags, calls in Counter(columns.flags).items() if not flags & KEPT),
        unpriced_hits=sum(map(len, unpriced)),
        sampled=sum(len(cell) for cell in cells.cells if cell.sampled),
        sizes_estimated=columns.sizes_estimated,
        has_tenants=bool(tenant) and any(label.get(tenant) for label in columns.labels),
        tags=frozenset(tag for tag in wanted if any(tagged(label, (tag,)) for label in columns.labels)),
    )


def _blind(lever: str, columns: CallColumns, requests: Requests, plan: Plan) -> int:
    """Return how many calls a lever could not look at."""
    calls, timed = len(columns), timed_calls(columns)
    if lever in _BLIND_FLAGS:
        by_flags = bytes(bool(flags & _BLIND_FLAGS[lever]) for flags in range(256))
        return by_call("B", requests.flags.tobytes().translate(by_flags), 1, columns).tobytes().count(1)
    if lever in ("cache", "prompt_cache"):
        known = map((0).__gt__, requests.canonical) if lever == "cache" else map(ROOT.__ge__, requests.chain)
        found = by_call("B", bytes(known), 1, columns).tobytes()
        return found[:timed].count(1) + calls - timed
    by_hour = lever == "batch" and plan.batch is not None and plan.batch.hours is not None
    return calls - timed if by_hour else 0


@dataclass(slots=True)
class Moves:
    """Calls by where they go with all levers on, as far as there is something to say about it."""

    shifted: Counter[tuple[str, str, str, Shift]] = field(default_factory=Counter)
    """(lever, old model, new model, ratio of their tokenizers) -> calls."""
    missed: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(lever, new model, tier that it lacks) -> calls."""
    not_batched: Counter[str] = field(default_factory=Counter)
    """Model without a batch price -> calls that could wait."""

    def add(self, other: Moves) -> None:
        """Add those of another part."""
        self.shifted.update(other.shifted)
        self.missed.update(other.missed)
        self.not_batched.update(other.not_batched)


def moves_of(gone: Iterable[Gone], columns: CallColumns, cells: Cells) -> Moves:
    """Count calls by where they went.

    Args:
        gone: what came of them.
        columns: the calls.
        cells: the same, put together.
    """
    moves = Moves()
    for each in gone:
        target, calls = each.way.target, sum(part.calls for part in each.sums)
        old, new = columns.kinds[cells.cells[each.cell].kind].model or "", target.kind.model or ""
        lever = "swap" if target.swapped else "routing"
        if target.swapped or target.routed:
            if target.shift.changes:
                moves.shifted[lever, old, new, target.shift] += calls
            if target.tier_missed:
                moves.missed[lever, new, target.tier_missed] += calls
        if target.batch_missed and not each.way.served:
            moves.not_batched[new] += calls
    return moves
