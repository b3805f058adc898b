"""A projection by brute force: one call at a time, plain dicts and fractions, every set of levers from the beginning.

It shares no code with what it judges. What lies outside of the replay (which tokens another tokenizer makes, what
compression takes away, how a provider caches) is handed in as `Facts`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations, pairwise
from math import ceil, factorial
from typing import Any

from llmopt.savings.project.plan import Plan
from tests.savings.project.made import BUCKETS, Made, prompt_hash
from tests.savings.project.made_prices import base_model, has_tier, price_usd

INPUT, TEXT = BUCKETS[:4], BUCKETS
HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
BLOCK = 64


@dataclass(frozen=True, slots=True)
class Rule:
    """How a provider caches prefixes."""

    id: str
    minimum: int
    increment: int
    ttl_us: int
    automatic: bool
    charged: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What the replay is told."""

    route: Callable[[Mapping[str, Any]], str]
    """Model for a body."""
    shift: Callable[[str, str], tuple[int, int]]
    """Old model, new model -> tokens of the new one over those of the old one."""
    compressed: Callable[[Made], tuple[int, int]]
    """Call -> (tokens saved, tokens counted)."""
    rule: Callable[[str], Rule | None]
    """Model -> rule."""
    parts: Callable[[Mapping[str, Any]], Sequence[bytes]]
    work_ps: Callable[[int, int], int]
    """Input tokens, output tokens -> picoseconds of a machine."""


@dataclass(slots=True)
class State:
    """One call under some levers."""

    made: Made
    form: str
    size_bytes: int
    model: str
    tier: str
    usage: dict[str, int]
    free: bool = False
    """Answered by the response cache."""
    hosted: bool = False
    blocks: list[bytes] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)

    @property
    def total(self) -> int:
        return sum(self.usage[name] for name in INPUT)


class Oracle:
    """All sets of levers on one log."""

    def __init__(self, calls: Sequence[tuple[Made, str, int]], plan: Plan, facts: Facts) -> None:
        """Sort the calls (with form and size of the answer), as a replay meets them."""
        self.calls = in_order(calls)
        self.plan, self.facts = plan, facts
        self._blocks = [self._blocks_of(made, form) for made, form, _ in self.calls]
        self._marks: dict[tuple[int, int, bool], int] = {}
        self._costs: dict[frozenset[str], Fraction] = {}

    def cost(self, on: Collection[str]) -> Fraction:
        """Return what the log costs with some levers on."""
        key = frozenset(on)
        if key not in self._costs:
            self._costs[key] = self._cost(self.replay(key), key)
        return self._costs[key]

    def shapley(self) -> dict[str, Fraction]:
        """Return the mean of what each lever adds to the others."""
        levers, found = self.plan.on, {}
        for lever in levers:
            rest = [other for other in levers if other != lever]
            total = Fraction(0)
            for size in range(len(rest) + 1):
                weight = Fraction(factorial(size) * factorial(len(rest) - size), factorial(len(levers)))
                total += weight * sum(self.cost(some) - self.cost({*some, lever}) for some in combinations(rest, size))
            found[lever] = total
        return found

    def replay(self, on: frozenset[str]) -> list[State]:
        """Return every call under some levers."""
        states = [
            State(made, form, size, made.model, made.tier, dict(made.usage), blocks=blocks)
            for (made, form, size), blocks in zip(self.calls, self._blocks, strict=True)
        ]
        if "cache" in on:
            self._cache(states)
        for state in states:
            if price_usd(state.model, state.tier, state.made.at_us, state.usage) is None:
                continue
            self._model(state, on)
            if "compression" in on and state.form != "hashed":
                self._compress(state)
            if "self_host" in on and not state.free:
                self._host(state)
        if "prompt_cache" in on:
            self._prompt_cache(states)
        if "batch" in on:
            self._batch(states)
        return states

    def _blocks_of(self, made: Made, form: str) -> list[bytes]:
        if form == "hashed":
            return []
        parts = self.facts.parts(made.body)
        return [part[at : at + BLOCK] for part in parts for at in range(0, len(part), BLOCK)]

    def _cache(self, states: list[State]) -> None:
        lever = self.plan.cache
        assert lever is not None
        store = Store(round(lever.ttl_s * 1e6), lever.size_bytes)
        for state in states:
            made = state.made
            if made.at_us is None or not self._may_answer(state):
                continue
            tenant = made.groups.get(lever.tenant) or ""
            key = (tenant, made.provider, canonical(made) if state.form != "hashed" else f"{made.model} {hashed(made)}")
            kept = made.finish == "stop" or state.form == "hashed"
            state.free = store.ask(key, made.at_us, made.took_us, state.size_bytes, kept=kept)
            if state.free:
                state.changed.add("cache")

    def _may_answer(self, state: State) -> bool:
        body, lever = state.made.body, self.plan.cache
        assert lever is not None
        if state.form == "hashed":
            return not lever.only_deterministic
        if any(tool["type"] == "web_search" for tool in body.get("tools", ())):
            return False
        return not lever.only_deterministic or body.get("temperature") == 0 or "seed" in body

    def _model(self, state: State, on: frozenset[str]) -> None:
        routing, swap, logged = self.plan.routing, self.plan.swap, state.model
        if "routing" in on and routing is not None and state.form != "hashed" and _names(logged, routing.models):
            state.model = instead(state.model, self.facts.route(state.made.body))
        if "swap" in on and swap is not None:
            for old, new in swap.swaps:
                if _names(state.model, (old,)):
                    state.model = instead(state.model, new)
                    break
        num, den = self.facts.shift(logged, state.model)
        state.usage = {name: (tokens * num + den // 2) // den for name, tokens in state.usage.items()}

    def _compress(self, state: State) -> None:
        saved, counted = self.facts.compressed(state.made)
        usage, total = state.usage, state.total
        if not counted:
            return
        gone = total * saved // counted
        if not gone:
            return
        taken = {name: usage[name] * saved // counted for name in INPUT[1:]}
        if not any(usage[name] for name in INPUT[1:]):
            usage["input_uncached"] -= gone
            return
        taken["input_uncached"] = min(usage["input_uncached"], gone - sum(taken.values()))
        for name in INPUT:
            usage[name] -= taken[name]
        rule, left = self.facts.rule(state.model), state.total
        if rule is not None and left < rule.minimum:
            usage.update(dict.fromkeys(INPUT, 0), input_uncached=left)

    def _host(self, state: State) -> None:
        lever = self.plan.self_host
        assert lever is not None
        state.hosted = _names(state.model, lever.models) and (
            not lever.tags or any(state.made.groups.get(name) == value for name, value in lever.tags)
        )

    def _prompt_cache(self, states: list[State]) -> None:
        lever = self.plan.prompt_cache
        assert lever is not None
        touched: list[tuple[State, Rule, int]] = []
        for own, state in enumerate(states):
            rule = self.facts.rule(state.model) if self._may_warm(state) else None
            if rule is None:
                continue
            ttl_us = rule.ttl_us if lever.ttl_s is None else round(lever.ttl_s * 1e6)
            ttl_us = min(ttl_us, rule.ttl_us) if rule.charged else ttl_us
            end = len(state.blocks) if rule.automatic else self._mark(own, ttl_us, charged=rule.charged)
            whole = tokens_of(rule, state, end)
            if not whole:
                continue
            shared = max((self._shared(state, rule, ttl_us, *other) for other in touched), default=0)
            # The provider looks for what is cached from the mark backwards, so nothing behind the mark is read.
            read = tokens_of(rule, state, min(shared, end))
            touched.append((state, rule, end))
            written = whole - read if rule.charged else 0
            if not keeps(state.usage, read, written):
                left = state.total - read - written
                state.usage.update(
                    input_cache_read=read, input_cache_write_5m=written, input_cache_write_1h=0, input_uncached=left
                )

    def _mark(self, own: int, ttl_us: int, *, charged: bool) -> int:
        """Return how many blocks of a prompt are worth marking, as far as the calls of the whole log say."""
        if (own, ttl_us, charged) not in self._marks:
            timed = [(made.at_us, n) for n, (made, _, _) in enumerate(self.calls) if made.at_us is not None]
            self._marks[own, ttl_us, charged] = worth_marking(timed, self._blocks, own, ttl_us, charged=charged)
        return self._marks[own, ttl_us, charged]

    def _may_warm(self, state: State) -> bool:
        priced = price_usd(state.made.model, state.made.tier, state.made.at_us, state.made.usage) is not None
        return bool(priced and state.made.at_us is not None and state.blocks and not state.free and not state.hosted)

    def _shared(self, state: State, rule: Rule, ttl_us: int, other: State, other_rule: Rule, end: int) -> int:
        """Return how many blocks an earlier call of the same stream left warm."""
        now, then = state.made.at_us, other.made.at_us
        assert now is not None
        assert then is not None
        if (rule.id, state.model) != (other_rule.id, other.model) or now - then > ttl_us:
            return 0
        return min(lcp(state.blocks, other.blocks), end)

    def _batch(self, states: Iterable[State]) -> None:
        lever = self.plan.batch
        assert lever is not None
        for state in states:
            at_us, groups = state.made.at_us, state.made.groups
            hit = any(groups.get(name) == value for name, value in lever.tags)
            if lever.hours is not None and at_us is not None:
                first, second = lever.hours
                hour = at_us // HOUR_US % 24
                hit |= first <= hour < second if first <= second else hour >= first or hour < second
            if hit and state.tier == "default" and has_tier(state.model, "batch"):
                state.tier = "batch"

    def _cost(self, states: list[State], on: frozenset[str]) -> Fraction:
        total, work_ps, served = Fraction(0), 0, False
        for state in states:
            if state.free:
                continue
            if state.hosted:
                served = True
                wrote = state.usage["output_text"] + state.usage["output_reasoning"]
                work_ps += self.facts.work_ps(state.total, wrote)
                continue
            total += price_usd(state.model, state.tier, state.made.at_us, state.usage) or 0
        if served:
            total += self._machines_usd(work_ps)
        return total + sum(self._own(lever, states, on) for lever in on)

    def _machines_usd(self, work_ps: int) -> Fraction:
        lever = self.plan.self_host
        assert lever is not None
        machines = max(1, ceil(Fraction(work_ps) / (self.span_us * 10**6 * Fraction(lever.utilization))))
        return machines * Fraction(self.span_us, HOUR_US) * Fraction(lever.usd_per_hour)

    def _own(self, lever: str, states: list[State], on: frozenset[str]) -> Fraction:
        own = getattr(self.plan, lever).own
        reach = len(states) if lever == "cache" else sum(not state.free for state in states)
        month = Fraction(self.span_us, 30 * DAY_US)
        return Fraction(own.usd_per_month) * month + Fraction(own.usd_per_call) * reach

    @property
    def span_us(self) -> int:
        times = [made.at_us for made, _, _ in self.calls if made.at_us is not None]
        return max(longest_us(times), HOUR_US)


def longest_us(times: Sequence[int]) -> int:
    """Return how long the calls last, ascending; of such as lie more than 31 days apart, those of most calls."""
    rows = [list(times[:1])]
    for before, now in pairwise(times):
        if now - before > 31 * DAY_US:
            rows.append([])
        rows[-1].append(now)
    most = next(row for row in rows if len(row) == max(map(len, rows)))
    return most[-1] - most[0] if most else 0


def in_order(calls: Sequence[tuple[Made, str, int]]) -> list[tuple[Made, str, int]]:
    """Return calls by time; those of one instant, and those without a time at the end, as in the log."""
    timed = sorted((call for call in calls if call[0].at_us is not None), key=lambda call: call[0].at_us or 0)
    return [*timed, *(call for call in calls if call[0].at_us is None)]


class Store:
    """A response cache, as simple as can be: every question looks at everything."""

    def __init__(self, ttl_us: int, size_bytes: int | None) -> None:
        self.ttl_us, self.size_bytes = ttl_us, size_bytes
        self.held: list[tuple[Any, int, int]] = []
        """(key, size, until), least recently used first."""
        self.flying: list[tuple[int, int, Any, int, bool]] = []
        self.asked = 0

    def ask(self, key: Any, now_us: int, took_us: int, size: int, *, kept: bool) -> bool:
        """Return whether a question costs nothing."""
        self.asked += 1
        for landed in sorted(one for one in self.flying if one[0] <= now_us):
            self.flying.remove(landed)
            self._put(landed[0], *landed[2:])
        for entry in self.held:
            if entry[0] == key and now_us < entry[2]:
                self.held.remove(entry)
                self.held.append(entry)
                return True
        if any(one[2] == key for one in self.flying):
            return True
        if took_us:
            self.flying.append((now_us + took_us, self.asked, key, size, kept))
        else:
            self._put(now_us, key, size, kept)
        return False

    def _put(self, now_us: int, key: Any, size: int, kept: bool) -> None:
        if not kept or (self.size_bytes is not None and size > self.size_bytes):
            return
        self.held = [entry for entry in self.held if entry[2] > now_us]
        self.held.append((key, size, now_us + self.ttl_us))
        while self.size_bytes is not None and sum(entry[1] for entry in self.held) > self.size_bytes:
            del self.held[0]


def canonical(made: Made) -> str:
    """Spell what was asked in one way only."""
    body = {name: value for name, value in made.body.items() if name not in ("stream", "metadata")}
    if body.get("temperature") == 0:
        body["temperature"] = 0
    return json.dumps(body, sort_keys=True)


def hashed(made: Made) -> str:
    """Return the hash of what was asked."""
    return prompt_hash(made)


def lcp(one: list[bytes], other: list[bytes]) -> int:
    """Return how many blocks two prompts share from the beginning."""
    count = 0
    for first, second in zip(one, other, strict=False):
        if first != second:
            break
        count += 1
    return count


def instead(old: str, new: str) -> str:
    """Return the new model; the old spelling where that is the same model."""
    return old if base_model(old).lower() == base_model(new).lower() else new


def keeps(usage: Mapping[str, int], read: int, written: int) -> bool:
    """Does a call keep its logged split? Where its cache did as well, but not where it was simply off."""
    used = usage["input_cache_read"] + usage["input_cache_write_5m"] + usage["input_cache_write_1h"]
    return usage["input_cache_read"] >= read and (used > 0 or read + written == 0)


def worth_marking(
    calls: Sequence[tuple[int, int]], blocks: Sequence[list[bytes]], own: int, ttl_us: int, *, charged: bool
) -> int:
    """Return the most first blocks of one prompt that are read often enough to be written.

    Args:
        calls: (when, number) by time.
        blocks: of the prompts by number.
        own: number of the prompt.
        ttl_us: how long a prefix is kept.
        charged: whether writes cost a quarter more than plain input; what is read always costs nine tenths less.
    """
    shared = {number: lcp(blocks[own], blocks[number]) for _, number in calls}
    for depth in sorted({*shared.values(), len(blocks[own])} - {0}, reverse=True):
        times = [at_us for at_us, number in calls if shared[number] >= depth]
        warm = sum(now - before <= ttl_us for before, now in pairwise(times))
        if 18 * warm > 5 * (len(times) - warm) if charged else warm:
            return depth
    return 0


def tokens_of(rule: Rule, state: State, blocks: int) -> int:
    """Return how many tokens of its first blocks a provider caches."""
    tokens = state.total * sum(map(len, state.blocks[:blocks])) // sum(map(len, state.blocks))
    if tokens < rule.minimum:
        return 0
    return rule.minimum + (tokens - rule.minimum) // rule.increment * rule.increment


def _names(model: str, names: Collection[str]) -> bool:
    """Is a model one of those that are named, as logged or as in the price table? No names are all."""
    known = {model.lower(), base_model(model).lower()}
    return not names or any(name.lower() in known for name in names)
