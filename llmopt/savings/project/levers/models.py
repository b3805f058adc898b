"""Which model answers in the end, and at what price: as logged, as routed, as swapped, at the batch rate."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches

from llmopt.cost.call_columns import Kind
from llmopt.cost.keying import instant
from llmopt.cost.pricing.names import undated
from llmopt.cost.pricing.resolve import ResolvedModel
from llmopt.cost.pricing.table import PriceTable
from llmopt.errors import ConfigError
from llmopt.savings.project.levers.swap import SAME, Shift, Shifts
from llmopt.savings.project.plan import Plan

BATCH, DEFAULT = "batch", "default"
_SHORT_DATE = re.compile(r"(.+)-(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])$")
"""`gpt-4-0613`: month and day."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call goes."""

    kind: Kind
    """With its price; the tier is `batch` where that was asked for and has a price."""
    shift: Shift
    """From the tokens of the model as logged."""
    routed: bool
    """Whether another model was chosen by the route."""
    swapped: bool
    """Whether another model was put in its place."""
    tier_missed: str = ""
    """Tier that the new model has no price for, so that the default one is used (a note says so); empty: none."""
    batch_missed: bool = False
    """Batch was asked for, and the model has no batch price: it stays on its tier."""


class ModelNames:
    """Tells whether a model is meant by a name: as in the log, as in the price table, or either without its date."""

    def __init__(self, table: PriceTable) -> None:
        """Keep the prices."""
        self._table = table
        self._known: dict[tuple[str | None, str | None], tuple[str, ...]] = {}

    def own(self, model: str | None, provider: str | None) -> tuple[str, ...]:
        """Return the names of just this model in lower case: as logged, its id in the price table, `provider/id`."""
        if model is None:
            return ()
        found = self._table.resolve(model, provider)
        ids = () if found is None else (found.model.lower(), f"{found.provider}/{found.model}".lower())
        return tuple(dict.fromkeys((model.strip().lower(), *ids)))

    def of(self, model: str | None, provider: str | None) -> tuple[str, ...]:
        """Return all of its names: its own, then those without a date (`gpt-4o` of `gpt-4o-2024-08-06`)."""
        if (model, provider) not in self._known:
            own = self.own(model, provider)
            loose = [shorter for name in own for shorter in (*undated(name), *_SHORT_DATE.findall(name))]
            self._known[model, provider] = tuple(dict.fromkeys((*own, *loose)))
        return self._known[model, provider]

    def among(self, model: str | None, provider: str | None, names: Collection[str]) -> bool:
        """Return whether a model is one of some (empty: all are)."""
        return not names or not {name.strip().lower() for name in names}.isdisjoint(self.of(model, provider))


class Targets:
    """Works out where calls go; answers are kept."""

    def __init__(
        self, table: PriceTable, plan: Plan, shifts: Shifts | None = None, *, as_of: datetime | None = None
    ) -> None:
        """Prepare.

        Args:
            table: prices.
            plan: its routing, swaps and models.
            shifts: ratios of tokenizers as measured on the log (`Requests.shifts`); None: typical ones.
            as_of: price calls without a time as of then; None: at the newest prices.
        """
        self._table, self._plan, self._as_of = table, plan, as_of
        self._shifts = shifts or Shifts()
        self._names = ModelNames(table)
        self._swaps = {old.strip().lower(): new for old, new in reversed(plan.swap.swaps if plan.swap else ())}
        self._found: dict[tuple[Kind, str | None, bool, bool], Target] = {}

    def target(self, kind: Kind, route: str | None, *, swap: bool, batch: bool) -> Target:
        """Return where calls of a kind go.

        Args:
            kind: as logged; calls without a price stay as they are.
            route: model that routing leads to; None where routing is off or has no route.
            swap: whether swaps are on.
            batch: whether the call can wait (`levers.batch.chosen`); only those of the default tier go.

        Raises:
            ConfigError: the new model has no price.
        """
        asked = (kind, route, swap, batch)
        if asked not in self._found:
            self._found[asked] = self._work_out(*asked)
        return self._found[asked]

    def self_hosted(self, kind: Kind) -> bool:
        """Return whether the model of a kind (as logged, or as routed and swapped) is one that own machines serve."""
        lever = self._plan.self_host
        return lever is not None and self._names.among(kind.model, kind.provider, lever.models)

    def routable(self, kind: Kind) -> bool:
        """Return whether the routing lever is for calls of this model."""
        lever = self._plan.routing
        return lever is not None and self._names.among(kind.model, kind.provider, lever.models)

    def idle(self, lever: str, kinds: Iterable[Kind], routes: Iterable[str] = ()) -> tuple[str, ...]:
        """Return a sentence for each model that a lever names and that no call asks for.

        Args:
            lever: `routing`, `swap` or `self_host`; others name no models.
            kinds: of the log.
            routes: models that routing leads to, which swaps and own machines may take over.
        """
        asked = {(kind.model, kind.provider) for kind in kinds}
        asked |= {(route, None) for route in routes} if lever != "routing" else set()
        known = {name for model, provider in asked for name in self._names.of(model, provider)}
        logged = sorted({model for model, _ in asked if model})
        found = []
        for name in dict.fromkeys(self._named(lever)):
            if name.strip().lower() not in known:
                close = get_close_matches(name, logged, n=1, cutoff=0.5)
                found.append(f"no call asks for {name!r}" + (f"; did you mean {close[0]!r}?" if close else ""))
        return tuple(found)

    def _named(self, lever: str) -> tuple[str, ...]:
        plan = self._plan
        if lever == "swap" and plan.swap is not None:
            return tuple(old for old, _ in plan.swap.swaps)
        setting = {"routing": plan.routing, "self_host": plan.self_host}.get(lever)
        return setting.models if setting is not None else ()

    def _work_out(self, kind: Kind, route: str | None, swap: bool, batch: bool) -> Target:
        if kind.price is None:
            return Target(kind, SAME, routed=False, swapped=False)
        now = kind
        if route is not None and self.routable(kind):
            now = self._with_model(now, route, "routes to")
        routed = now is not kind
        if swap:
            now = self._swapped(now)
        swapped = now is not kind and (now.model != route if routed else True)
        shift = self._shifts.between(kind.model, now.model) if now is not kind else SAME
        missed = "" if now.price is None or now.price.tier == now.tier or now is kind else now.tier
        if not batch or kind.tier != DEFAULT:
            return Target(now, shift, routed, swapped, missed)
        waiting = self._batched(now)
        return Target(waiting or now, shift, routed, swapped, missed, waiting is None)

    def _swapped(self, kind: Kind) -> Kind:
        names = self._names.of(kind.model, kind.provider)
        target = next((self._swaps[name] for name in names if name in self._swaps), None)
        return kind if target is None else self._with_model(kind, target, "swaps to")

    def _with_model(self, kind: Kind, model: str, does: str) -> Kind:
        """Return a kind with another model; the same one where the name means the model that it has."""
        if model.strip().lower() in self._names.own(kind.model, kind.provider):
            return kind
        resolved = self._table.resolve(model)
        choice = None if resolved is None else self._table.price_at(resolved, kind.tier, self._instant(kind))
        if choice is None or choice.price is None:
            close = self._table.suggest(model)
            hint = "add it with --prices" + (f", or did you mean {close!r}?" if close else "")
            raise ConfigError(f"the plan {does} {model!r}, which has no price", hint)
        return replace(kind, model=model, provider=None, price=choice.price, unpriced="")

    def _batched(self, kind: Kind) -> Kind | None:
        """Return a kind on the batch tier; None where its model has no price there."""
        resolved = self._resolved(kind)
        price = None if resolved is None else self._table.price_at(resolved, BATCH, self._instant(kind)).price
        return replace(kind, tier=BATCH, price=price) if price is not None and price.tier == BATCH else None

    def _resolved(self, kind: Kind) -> ResolvedModel | None:
        return None if kind.model is None else self._table.resolve(kind.model, kind.provider)

    def _instant(self, kind: Kind) -> datetime | None:
        return instant(kind.epoch, kind.minute) or self._as_of
