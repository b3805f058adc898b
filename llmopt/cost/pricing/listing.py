"""What the price table holds, as values to show: one line a model, or every row of one model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from llmopt.core.rate import Band, Price, Rates
from llmopt.core.usage import TIERS
from llmopt.cost.pricing.load import Model
from llmopt.cost.pricing.resolve import ResolvedModel
from llmopt.cost.pricing.schema import RowData
from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.pricing.timeline import row_price, rule_covers
from llmopt.errors import UsageError


@dataclass(frozen=True, slots=True)
class Listed:
    """One model and the price that holds today."""

    provider: str
    model: str
    rates: Rates
    """Default tier; every rate None where no token price is published."""
    bands: tuple[Band, ...]
    effective_from: date | None
    tiers: tuple[str, ...]
    """Tiers with rows or rules of their own, beside the default one."""
    rows: int
    deprecated: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One price row with all that is known of it."""

    price: Price
    hours: str
    """Daily window in UTC, such as `01:00-04:00`; empty for the whole day."""
    units: dict[str, str]
    """Prices of what is no token, by unit name of genai-prices."""
    checked: date
    note: str
    set_aside: bool
    """Whether hand-curated history takes the place of this generated row."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A tier that is priced as a share of the default row."""

    tier: str
    effective_from: date
    multiplier: str
    source: str
    note: str


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything that is known of one model."""

    resolved: ResolvedModel
    name: str
    aliases: tuple[str, ...]
    context_tokens: int | None
    note: str
    rows: tuple[Row, ...]
    """Default tier first, newest first."""
    rules: tuple[Rule, ...]


def list_models(
    table: PriceTable, provider: str | None = None, search: str | None = None, at: datetime | None = None
) -> tuple[Listed, ...]:
    """Return every model, one line each.

    Args:
        table: the prices.
        provider: only models of this provider, by its id.
        search: only models whose id holds this text, in any case.
        at: prices that held at this instant; None: the newest.

    Raises:
        UsageError: there is no such provider.
    """
    if provider is not None and provider not in table.providers():
        raise UsageError(f"no such provider: {provider!r}", f"one of {', '.join(table.providers())}")
    wanted = (search or "").lower()
    return tuple(_listed(table, model, at) for model in table.models(provider) if wanted in model.id.lower())


def _listed(table: PriceTable, model: Model, at: datetime | None) -> Listed:
    price = table.price_at(ResolvedModel(model.provider, model.id, "exact"), "default", at).price
    rules = [rule.tier for rule in table.provider_of(model).rules if rule_covers(rule, model.id)]
    own = {row.tier for row in model.rows} | set(rules)
    return Listed(
        provider=model.provider,
        model=model.id,
        rates=price.rates if price else Rates(),
        bands=price.bands if price else (),
        effective_from=price.effective_from if price else None,
        tiers=tuple(tier for tier in TIERS if tier in own and tier != "default"),
        rows=len(model.rows),
        deprecated=any(data.deprecated for data in model.data),
    )


def show_model(table: PriceTable, name: str, provider: str | None = None) -> Shown:
    """Return everything known of the model that `name` means.

    Raises:
        UsageError: no model is known by that name; the hint suggests one.
    """
    resolved = find_model(table, name, provider)
    model = table.model(resolved)
    owner = table.provider_of(model)
    rows = sorted(model.rows, key=lambda row: row.effective_from or date.min, reverse=True)
    rows.sort(key=lambda row: TIERS.index(row.tier))
    rules = sorted(owner.rules, key=lambda rule: (TIERS.index(rule.tier), rule.effective_from))
    notes = [text for data in model.data for text in (data.note, data.supersedes) if text]
    return Shown(
        resolved=resolved,
        name=next((data.name for data in model.data if data.name), ""),
        aliases=tuple(sorted({alias for data in model.data for alias in data.aliases})),
        context_tokens=next((data.context_tokens for data in model.data if data.context_tokens), None),
        note=" ".join(notes),
        rows=tuple(
            Row(
                row_price(owner, model, row),
                _hours(row),
                dict(row.units),
                owner.checked,
                row.note,
                model.history and row.tier == "default" and row.effective_from is None,
            )
            for row in rows
        ),
        rules=tuple(
            Rule(rule.tier, rule.effective_from, rule.multiplier, rule.source, rule.note)
            for rule in rules
            if rule_covers(rule, model.id)
        ),
    )


def find_model(table: PriceTable, name: str, provider: str | None = None) -> ResolvedModel:
    """Return the model that a user's `name` means.

    Raises:
        UsageError: no model is known by that name; the hint suggests one.
    """
    resolved = table.resolve(name, provider)
    if resolved is None:
        sold = [model.provider for model in table.models() if model.id.lower() == name.strip().lower()]
        if sold and provider is None:
            raise UsageError(f"{name!r} costs differ from seller to seller", f"add --provider {'|'.join(sold)}")
        close = table.suggest(name)
        hint = f"did you mean {close!r}?" if close else "llmopt prices list --search TEXT finds names"
        raise UsageError(f"no model is known as {name!r}", hint)
    return resolved


def midnight(day: date) -> datetime:
    """Return the first instant of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _hours(row: RowData) -> str:
    return f"{row.hours.start}-{row.hours.end}" if row.hours else ""
