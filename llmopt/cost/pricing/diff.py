"""What changed between two price tables, two days, or two models, rate by rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from llmopt.core.rate import Price
from llmopt.core.usage import BUCKETS, TIERS
from llmopt.cost.pricing.load import Model
from llmopt.cost.pricing.resolve import ResolvedModel
from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.pricing.timeline import rule_covers


@dataclass(frozen=True, slots=True)
class Change:
    """One rate on the two sides of a comparison."""

    provider: str
    model: str
    tier: str
    rate: str
    """Bucket, with ` above N` for a long-context band; `request` for a fee a request."""
    before: Decimal | None
    """US dollars per million tokens (per request for a fee); None where this side has no such rate."""
    after: Decimal | None

    @property
    def factor(self) -> Decimal | None:
        """`after` as a share of `before`; None where either is missing or `before` is zero."""
        if self.before is None or self.after is None or self.before == 0:
            return None
        return self.after / self.before


@dataclass(frozen=True, slots=True)
class Side:
    """A price table at an instant (None: its newest rows)."""

    table: PriceTable
    at: datetime | None = None


def diff_tables(before: Side, after: Side) -> tuple[Change, ...]:
    """Return every rate of every model that differs between two sides; a price not yet known counts as none."""
    sides = [(side, {(model.provider, model.id): model for model in side.table.models()}) for side in (before, after)]
    changes: list[Change] = []
    for provider, model_id in sorted(set(sides[0][1]) | set(sides[1][1])):
        for tier in TIERS:
            ours, theirs = (_rates(_known(side, models.get((provider, model_id)), tier)) for side, models in sides)
            changes += _changes(provider, model_id, tier, ours, theirs)
    return tuple(changes)


def diff_models(
    table: PriceTable, before: ResolvedModel, after: ResolvedModel, at: datetime | None
) -> tuple[Change, ...]:
    """Return every rate of two models side by side on the default tier, equal ones too."""
    ours, theirs = (_rates(table.price_at(one, "default", at).price) for one in (before, after))
    named = f"{before.model} -> {after.model}"
    provider = before.provider if before.provider == after.provider else f"{before.provider} -> {after.provider}"
    return tuple(
        Change(provider, named, "default", rate, ours.get(rate), theirs.get(rate)) for rate in {**ours, **theirs}
    )


def _changes(
    provider: str, model: str, tier: str, before: dict[str, Decimal], after: dict[str, Decimal]
) -> Iterator[Change]:
    for rate in {**before, **after}:
        if before.get(rate) != after.get(rate):
            yield Change(provider, model, tier, rate, before.get(rate), after.get(rate))


def _known(side: Side, model: Model | None, tier: str) -> Price | None:
    """Return the price that held; None where the tier has none of its own, or none was known yet."""
    if model is None or not _has_tier(side.table, model, tier):
        return None
    resolved = ResolvedModel(model.provider, model.id, "exact")
    price = side.table.price_at(resolved, tier, side.at).price
    if price is None or price.tier != tier:
        return None
    standard = side.table.price_at(resolved, "default", side.at).price
    by_rule = not any(row.tier == tier and row.effective_from == price.effective_from for row in model.rows)
    if by_rule and standard is not None and standard.effective_from is None:
        return price  # nobody knows when the model came out, so the start of a rule is no news of it
    early = side.at is not None and price.effective_from is not None and price.effective_from > side.at.date()
    return None if early else price


def _has_tier(table: PriceTable, model: Model, tier: str) -> bool:
    if any(row.tier == tier for row in model.rows):
        return True
    return any(rule.tier == tier and rule_covers(rule, model.id) for rule in table.provider_of(model).rules)


def _rates(price: Price | None) -> dict[str, Decimal]:
    """Return the rates of a price by name, published ones only."""
    if price is None:
        return {}
    named = {bucket: getattr(price.rates, bucket) for bucket in BUCKETS}
    for band in price.bands:
        named |= {f"{bucket} above {band.above_input_tokens:,}": getattr(band.rates, bucket) for bucket in BUCKETS}
    named["request"] = price.usd_per_request
    return {name: rate for name, rate in named.items() if rate is not None}
