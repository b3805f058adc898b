"""What has to be known of a whole log before any part of it can be replayed: its time, and what was measured on texts.

The sample of prompts is that of a log that is read at once: those of the lowest ranks. What stands for all others
depends on how many tokens they have, by model and size; so the parts send sums of these, and single requests only
where they may be in the sample.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import NamedTuple

from llmopt.cost.call_columns import NO_TIME
from llmopt.savings.project.levers.compression import MOST_BYTES, Compressing, Pair, Standing, Stratum, standing
from llmopt.savings.project.levers.shifting import MOST as MOST_SHIFTED
from llmopt.savings.project.levers.shifting import measured_shifts
from llmopt.savings.project.levers.swap import Shifts
from llmopt.savings.project.looking import compression_notes
from llmopt.savings.project.parts.reading import Drawn
from llmopt.savings.project.parts.slices import NO_KEY, Asked, Slice
from llmopt.savings.project.plan import Plan
from llmopt.savings.project.request_facts import said_of
from llmopt.savings.project.requests import HASHED, NOT_LOGGED, UNDECIDED
from llmopt.savings.project.sample import Bounds, Sampled, rank_of, taken
from llmopt.savings.project.times import Stretch, Times, all_times, times_of


class Member(NamedTuple):
    """A request that may be in the sample."""

    first: int
    """Place of its first call."""
    stratum: Stratum
    tokens: int


@dataclass(slots=True)
class Survey:
    """What a bucket of requests adds to that."""

    times: Times = field(default_factory=Times)
    calls: int = 0
    with_request: int = 0
    """Calls whose prompt, or a hash of it, is logged."""
    strata: dict[Stratum, tuple[int, int]] = field(default_factory=dict)
    """(Model, size class) -> place of the first call, and tokens of all requests."""
    members: dict[bytes, list[Member]] = field(default_factory=dict)
    """Key of the lowest ranks -> the requests that have it."""
    distinct: int = 0
    """Keys of requests that can be compressed."""
    keyless: bool = False
    """Is there one without a key?"""
    hashed: int = 0
    """Requests of which only a hash is known."""
    undecided: int = 0
    """Requests that the routing policy cannot decide about without their text."""
    unspelled: int = 0
    """Requests that JSON cannot spell."""

    def add(self, other: Survey) -> None:
        """Add what another bucket says."""
        self.times = all_times((self.times, other.times))
        for name in ("calls", "with_request", "distinct", "hashed", "undecided", "unspelled"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for stratum, (first, tokens) in other.strata.items():
            known = self.strata.get(stratum, (first, 0))
            self.strata[stratum] = min(known[0], first), known[1] + tokens
        self.members |= other.members
        self.keyless |= other.keyless


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured on the texts of a log."""

    pairs: Mapping[bytes, Pair]
    """Key -> tokens counted, and saved of them."""
    standing: Standing
    """For all other requests."""
    shifts: Shifts
    routes: tuple[str, ...]
    """Models that the routing policy leads to."""
    notes: Mapping[str, tuple[str, ...]]
    """As in `Requests`."""
    most: Stretch | None
    """The days that the log covers."""


def surveyed(part: Slice, plan: Plan) -> Survey:
    """Return what a bucket says, in which all requests of each key are.

    Args:
        part: its calls.
        plan: how the levers are set.
    """
    asked = part.asked
    found = Survey(
        times=times_of(sorted(at_us for at_us in part.at_us if at_us != NO_TIME)),
        calls=len(part),
        with_request=len(part) - part.request.count(-1),
        hashed=sum(flags & (HASHED | NOT_LOGGED) == HASHED for flags in asked.flags),
        undecided=sum(bool(flags & UNDECIDED) for flags in asked.flags),
        unspelled=asked.key.count(NO_KEY),
    )
    members: defaultdict[bytes, list[Member]] = defaultdict(list)
    for key, member in _members(asked):
        first, tokens = found.strata.get(member.stratum, (member.first, 0))
        found.strata[member.stratum] = min(first, member.first), tokens + max(member.tokens, 1)
        members[key].append(member)
    found.keyless = members.pop(NO_KEY, None) is not None
    found.distinct = len(members)
    lowest = nsmallest(_most(plan), members, key=lambda key: rank_of(key, plan.seed))
    found.members = {key: members[key] for key in lowest}
    return found


def lowest_ranks(drawn: Iterable[Drawn], plan: Plan) -> list[Drawn]:
    """Return the sample of a log, lowest rank first.

    Args:
        drawn: what its parts have drawn, or lowest ranks of some of them.
        plan: how large it is.
    """
    by_rank: dict[int, Drawn] = {}
    for one in sorted(drawn, key=lambda one: (one.rank, one.part)):
        by_rank.setdefault(one.rank, one)
    return taken(list(by_rank.values()), Bounds(_most(plan), MOST_BYTES))


def measured(found: Survey, drawn: Sequence[Drawn], plan: Plan, routes: tuple[str, ...]) -> Measured:
    """Measure the sample, and say what stands for all other requests.

    Args:
        found: what all buckets say.
        drawn: the sample.
        plan: how the levers are set.
        routes: models that the routing policy leads to.
    """
    sampled = [Sampled(one.rank, number, one.model, one.text) for number, one in enumerate(drawn)]
    shifts = Shifts()
    if plan.routing is not None or plan.swap is not None:
        swaps = [model for _, model in plan.swap.swaps] if plan.swap else []
        shifts = measured_shifts(sampled[:MOST_SHIFTED], {*routes, *swaps})
    notes = {
        "routing": said_of(found.undecided, "known by a hash only: without the text no rule decides"),
        "cache": said_of(found.unspelled, "that JSON cannot spell: no key in a cache"),
    }
    pairs: dict[bytes, Pair] = {}
    if plan.compression is not None:
        compressing = Compressing(plan.compression.level)
        chosen = sampled[: plan.compression.sample]
        pairs = {drawn[item.number].key: compressing.measure(item) for item in chosen}
        notes["compression"] = compression_notes(found.distinct + found.keyless, found.hashed, list(pairs.values()))
    return Measured(pairs, _standing(found, pairs, plan), shifts, routes, notes, found.times.most())


def _standing(found: Survey, pairs: Mapping[bytes, Pair], plan: Plan) -> Standing:
    """Return what stands for what is not in the sample, as `compression.fill` finds it in a whole log."""
    names = sorted(found.strata, key=lambda stratum: found.strata[stratum][0])
    number = {stratum: n for n, stratum in enumerate(names)}
    left = {n: found.strata[stratum][1] for n, stratum in enumerate(names)}
    there: list[tuple[Member, Pair]] = []
    for key, pair in pairs.items():
        members = found.members.get(key, [])
        for member in members:
            left[number[member.stratum]] -= max(member.tokens, 1)
        if pair[0] and members:
            there.append((min(members, key=_first), pair))
    by_stratum: defaultdict[int, list[Pair]] = defaultdict(list)
    for member, pair in sorted(there, key=lambda item: item[0].first):
        by_stratum[number[member.stratum]].append(pair)
    return standing(names, by_stratum, {n: tokens for n, tokens in left.items() if tokens}, plan.seed)


def _members(asked: Asked) -> Iterable[tuple[bytes, Member]]:
    columns = zip(asked.key, asked.first, asked.stratum, asked.tokens, strict=True)
    for key, first, stratum, tokens in columns:
        if stratum is not None:
            yield key, Member(first, stratum, tokens)


def _first(member: Member) -> int:
    return member.first


def _most(plan: Plan) -> int:
    """Return how many requests the sample may have."""
    return max(plan.compression.sample if plan.compression is not None else 0, MOST_SHIFTED)
