"""Look at each distinct request of a log once: its key, its route, what compression takes away, its prefixes.

Nothing of a request is kept but numbers, and the texts of a small sample until compression is measured on them.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from llmopt.cost.call import Call
from llmopt.cost.call_columns import CallColumns, Kind
from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.spec.load import GROUP_FIELDS
from llmopt.errors import InputError
from llmopt.savings.candidates import endpoint_of
from llmopt.savings.project.levers.batch import columns_of
from llmopt.savings.project.levers.compression import MOST_BYTES, Compressing, Pair, Strata, fill
from llmopt.savings.project.levers.models import ModelNames
from llmopt.savings.project.levers.routed import UNDECIDED as STAYS
from llmopt.savings.project.levers.routed import routes_of
from llmopt.savings.project.levers.shifting import MOST as MOST_SHIFTED
from llmopt.savings.project.levers.shifting import measured_shifts
from llmopt.savings.project.plan import CacheLever, Plan
from llmopt.savings.project.prefixes.chains import Chains
from llmopt.savings.project.prefixes.tree import PrefixTree
from llmopt.savings.project.request_facts import flags_of, label_of, said_of, tokens_of, without_request
from llmopt.savings.project.requests import HASHED, NOT_LOGGED, UNDECIDED, UNKNOWN_SETTINGS, Requests
from llmopt.savings.project.sample import Bounds, Sample, Sampled
from llmopt.serving.cache.key import CHAT, request_key

HASH = "prompt_hash"
"""Field of a request of which nothing else is known."""
_KEY_BYTES = 16


@dataclass(frozen=True, slots=True)
class Seen:
    """What a looker has found in the requests that it saw."""

    requests: Requests
    strata: Strata
    """Of these requests; empty where compression is off."""
    keys: Mapping[int, bytes]
    """Canonical number -> its key; empty for that of no key."""
    sampled: list[Sampled]
    """Lowest rank first."""


class Looker:
    """Gives each request a number, and keeps what the levers of a plan need to know of it."""

    def __init__(
        self, plan: Plan, table: PriceTable, *, tree: PrefixTree | None = None, most_prompts: int | None = None
    ) -> None:
        """Prepare.

        Args:
            plan: levers that are off look at nothing.
            table: tells which models are meant where a lever is for some models only.
            tree: where chains of prefixes go; None: a new one, if the provider's prompt cache is on.
            most_prompts: for the provider's prompt cache; with more that differ, it sees none. None: no bound.

        Raises:
            ConfigError: the routing policy cannot be read.
            UsageError: there is no such level of compression.
        """
        self._plan, self._names = plan, ModelNames(table)
        self._routes = routes_of(plan)
        self._compressing = Compressing(plan.compression.level) if plan.compression is not None else None
        if tree is None and plan.prompt_cache is not None:
            tree = PrefixTree()
        self._chains = Chains(tree, most_prompts) if tree is not None else None
        self._found = Requests(routes=self._routes.models if self._routes else ())
        self._numbers: dict[bytes, int] = {}
        self._canonical = 0
        self._strata = Strata.empty()
        self._sample = self._new_sample()
        self._unspelled = 0
        self.by_label = self._routes is not None and self._routes.by_label
        """Whether the routing policy looks at tenant, tags or headers: then `see` is asked for each label."""
        self.columns = self._columns()
        """Further columns that the levers need in the labels."""
        self.groups = self._groups()
        """The groups that they need there."""

    def see(self, call: Call) -> int:
        """Return the number of a request, which may be a hash (`{"prompt_hash": text}`); -1: there is none."""
        request = call.request
        if request is None:
            return -1
        if HASH in request and len(request) == 1:
            return self._see_hash(call, request)
        endpoint, number = endpoint_of(call), len(self._found)
        body = request if "model" in request else {**request, "model": call.model}
        key = self._key(body, endpoint, call)
        new = key not in self._numbers
        self._found.canonical.append(self._number(key))
        self._found.flags.append(flags_of(body, endpoint, whole=call.whole))
        self._route(call, body, endpoint)
        if self._chains is not None:
            self._chains.add(call, body)
        if self._compressing is not None:
            self._strata.add(call.model, tokens_of(call, body)) if endpoint == CHAT else self._strata.add_nothing()
        if self._sample is not None and new and key and endpoint == CHAT:
            self._sample.see(key, self._found.canonical[number], call.model, body)
        return number

    def see_hashed(self, call: Call, count: int) -> int:
        """Return the first of so many numbers in a row, for hashes of prompts that were not seen before.

        Args:
            call: has the model and the provider of all of them.
            count: how many they are.
        """
        found, first = self._found, len(self._found)
        found.canonical.extend(range(self._canonical, self._canonical + count))
        self._canonical += count
        self._add_hashed(call, count)
        return first

    def place(self, columns: CallColumns) -> CallColumns:
        """Return the log with a number also for calls without a request, where rules can route them all the same.

        Args:
            columns: with the numbers that `see` gave.
        """
        if self._routes is None or -1 not in columns.request:
            return columns
        numbers: dict[tuple[int, int], int] = {}
        request = array("i", columns.request)
        for at, (kind, label) in enumerate(zip(columns.kind, columns.label, strict=True)):
            if request[at] < 0:
                if (kind, label) not in numbers:
                    numbers[kind, label] = self._see_nothing(columns.kinds[kind], columns.labels[label])
                request[at] = numbers[kind, label]
        return replace(columns, request=request)

    @property
    def routes(self) -> tuple[str, ...]:
        """Models that the routing policy leads to."""
        return self._found.routes

    def seen(self) -> Seen:
        """Return what was found so far, nothing measured yet."""
        keys = dict.fromkeys([-1], b"") | {number: key for key, number in self._numbers.items()}
        sampled = self._sample.by_rank() if self._sample is not None else []
        return Seen(self._found, self._strata, keys, sampled)

    def resume(self, seen: Requests, strata: Strata) -> None:
        """Go on where other lookers have been, each with a part of the log.

        Args:
            seen: what they found, put together; changed.
            strata: of these requests; changed.
        """
        seen.routes = self.routes
        self._found, self._strata = seen, strata
        self._canonical = 1 + max(seen.canonical, default=-1)

    def finish(self) -> Requests:
        """Return the columns; compression is measured now."""
        found, plan = self._found, self._plan
        sampled = self._sample.by_rank() if self._sample is not None else []
        if self._routes is not None or plan.swap is not None:
            swaps = [model for _, model in plan.swap.swaps] if plan.swap else []
            found.shifts = measured_shifts(sampled[:MOST_SHIFTED], {*found.routes, *swaps})
        if self._compressing is not None and plan.compression is not None:
            chosen = sampled[: plan.compression.sample]
            measured = {item.number: self._compressing.measure(item) for item in chosen}
            fill(found, self._strata, measured, plan.seed)
            self._note("compression", self._compression_notes(measured))
        if self._chains is not None:
            found.chain, found.templates = self._chains.of, self._chains.templates()
            found.too_many_prompts = self._chains.given_up
        if self._routes is not None:
            undecided = sum(bool(flags & UNDECIDED) for flags in found.flags)
            self._note("routing", said_of(undecided, "known by a hash only: without the text no rule decides"))
        self._note("cache", said_of(self._unspelled, "that JSON cannot spell: no key in a cache"))
        self._numbers.clear()
        return found

    def _note(self, lever: str, said: tuple[str, ...]) -> None:
        if said:
            self._found.notes[lever] = said

    def _columns(self) -> tuple[str, ...]:
        plan = self._plan
        tenant = plan.cache.tenant if plan.cache is not None else ""
        names = [tenant] if tenant and tenant not in GROUP_FIELDS else []
        for lever in (plan.batch, plan.self_host):
            names += columns_of(lever.tags) if lever is not None else ()
        return tuple(dict.fromkeys([*names, *(self._routes.columns if self._routes else ())]))

    def _groups(self) -> tuple[str, ...]:
        plan, usual = self._plan, CacheLever()
        names = {(plan.cache or usual).tenant or usual.tenant if self._routes is not None else ""}
        names |= {plan.cache.tenant} if plan.cache is not None else set()
        for lever in (plan.batch, plan.self_host):
            names |= {name for name, _ in lever.tags} if lever is not None else set()
        return tuple(name for name in GROUP_FIELDS if name in names)

    def _new_sample(self) -> Sample | None:
        """Return an empty sample, as large as is needed; None where nothing is measured on texts."""
        plan = self._plan
        if plan.compression is None and self._routes is None and plan.swap is None:
            return None
        most = plan.compression.sample if plan.compression is not None else 0
        return Sample(Bounds(max(most, MOST_SHIFTED), MOST_BYTES), plan.seed)

    def _key(self, body: Mapping[str, Any], endpoint: str, call: Call) -> bytes:
        """Return the key of a request for a cache without tenants; empty where JSON cannot spell it."""
        try:
            return bytes.fromhex(request_key(body, endpoint=endpoint, upstream=call.provider or ""))[:_KEY_BYTES]
        except InputError:
            self._unspelled += 1
            return b""

    def _number(self, key: bytes) -> int:
        if not key:
            return -1
        number = self._numbers.setdefault(key, self._canonical)
        self._canonical += number == self._canonical
        return number

    def _see_hash(self, call: Call, request: Mapping[str, Any]) -> int:
        number = len(self._found)
        self._found.canonical.append(self._number(self._key({**request, "model": call.model}, CHAT, call)))
        self._add_hashed(call, 1)
        return number

    def _see_nothing(self, kind: Kind, label: Mapping[str, str]) -> int:
        """Return a number for calls of which no request is logged; -1 where no rule routes them."""
        call = without_request(kind, label)
        if self._routes is None or not self._is_routable(call) or endpoint_of(call) != CHAT:
            return -1
        if self._routes.decide_blind(kind.model, label) == STAYS:
            return -1
        self._found.canonical.append(-1)
        self._add_hashed(call, 1)
        self._found.flags[-1] |= NOT_LOGGED
        return len(self._found) - 1

    def _add_hashed(self, call: Call, count: int) -> None:
        """Fill in what is known of requests of which only a hash is."""
        found, flags = self._found, HASHED if endpoint_of(call) != CHAT else HASHED | UNKNOWN_SETTINGS
        if self._routes is not None:
            route = self._routes.decide_blind(call.model, label_of(call)) if self._is_routable(call) else STAYS
            undecided = route == STAYS and self._is_routable(call) and endpoint_of(call) == CHAT
            flags |= UNDECIDED if undecided else 0
            found.route.extend([route if endpoint_of(call) == CHAT else STAYS] * count)
        found.flags.extend([flags] * count)
        if self._compressing is not None:
            self._strata.add_nothing(count)
        if self._chains is not None:
            self._chains.add_nothing(count)

    def _is_routable(self, call: Call) -> bool:
        lever = self._plan.routing
        return lever is not None and self._names.among(call.model, call.provider, lever.models)

    def _route(self, call: Call, body: Mapping[str, Any], endpoint: str) -> None:
        """Decide where a request goes; what writes no text goes nowhere else."""
        if self._routes is not None:
            free = endpoint == CHAT and self._is_routable(call)
            self._found.route.append(self._routes.decide(body, label_of(call)) if free else STAYS)

    def _compression_notes(self, measured: Mapping[int, Pair]) -> tuple[str, ...]:
        found = self._found
        distinct = len({one for one, stratum in zip(found.canonical, self._strata.of, strict=True) if stratum >= 0})
        hashed = sum(flags & (HASHED | NOT_LOGGED) == HASHED for flags in found.flags)
        return compression_notes(distinct, hashed, list(measured.values()))


def compression_notes(distinct: int, hashed: int, measured: Sequence[Pair]) -> tuple[str, ...]:
    """Return what one should know of how compression was measured.

    Args:
        distinct: requests that can be compressed.
        hashed: requests of which only a hash is known.
        measured: what was found in the sample.
    """
    none = "nothing to compress"
    empty = sum(not counted for counted, _ in measured)
    notes = (
        *said_of(hashed, f"known by a hash only: {none}"),
        *said_of(empty, f"without a text that can be found: {none}"),
    )
    if distinct <= len(measured):
        return notes
    said = f"measured on {len(measured):,} of {distinct:,} distinct requests; those of the same model and size"
    return (*notes, f"{said} stand for the others")
