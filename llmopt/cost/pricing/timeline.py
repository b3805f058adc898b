"""Choose the price row of a model that holds on a tier at an instant.

The rule, in one place: of the rows of the tier with a first day at or before the instant, the latest day wins;
an undated row holds before every dated one, unless hand-curated history dates the model's past. Windows of the
day win within their day's rows. A tier without a row takes the provider's tier rule (half-price batches), else
the default rate with a warning. A date before everything known takes the first known row, with a warning.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase

from llmopt.core.money import EXACT
from llmopt.core.rate import Band, Price, Rates
from llmopt.core.usage import BUCKETS
from llmopt.cost.pricing.load import Model, Provider
from llmopt.cost.pricing.schema import BandData, RatesData, RowData, TierRule, minutes
from llmopt.errors import PricingError


@dataclass(frozen=True, slots=True)
class Choice:
    """The row that holds, and what to say about it."""

    price: Price | None
    """None when nothing is published for the model at all, or only units other than tokens."""
    warnings: tuple[str, ...] = ()
    """One line each; empty when the row was known to hold at the instant asked for."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A row, and the first known day when the instant asked for lies before it."""

    row: RowData
    too_early: date | None = None


def choose(provider: Provider, model: Model, tier: str, at: datetime | None, today: date) -> Choice:
    """Return the price of `model` on `tier` at `at`.

    Args:
        provider: whose tier rules and source pages apply.
        model: the model of that provider.
        tier: one of `llmopt.core.usage.TIERS`.
        at: an instant; without a time zone it is UTC. None: the newest row, that is the one of `today`.
        today: the day the price table was checked.
    """
    instant = _utc(at)
    day = instant.date() if instant else today
    clock = None if instant is None else instant.hour * 60 + instant.minute
    warnings: list[str] = []
    held = _held(model, tier, day, clock)
    if tier != "default" and (held is None or held.too_early):
        rule = _rule(provider, model.id, tier, day)
        if rule is not None:
            return _by_rule(provider, model, rule, day, clock)
        if held is None:
            warnings.append(f"{model.id}: no {tier} price; priced as default")
            tier, held = "default", _held(model, "default", day, clock)
    if held is None:
        return Choice(None, (f"{model.id}: no price known",))
    if held.too_early:
        warnings.append(_early(model, tier, held.too_early))
    if clock is None and _has_windows(model, held.row):
        warnings.append(f"{model.id}: the price depends on the hour; without a time it is the one outside all windows")
    price = row_price(provider, model, held.row)
    if price.rates == Rates() and price.usd_per_request is None:
        return Choice(None, (*warnings, f"{model.id}: no token price is published"))
    return Choice(price, tuple(warnings))


def _early(model: Model, tier: str, first: date) -> str:
    kind = "" if tier == "default" else f"{tier} "
    return f"{model.id}: no {kind}price known before {first}; earlier requests are priced with that one"


def _utc(at: datetime | None) -> datetime | None:
    if at is None or at.tzinfo is None:
        return at
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return at.replace(tzinfo=None)


def _held(model: Model, tier: str, day: date, clock: int | None) -> _Held | None:
    """Return the row of `tier` that holds on `day` at minute `clock` (None: outside every window)."""
    rows = [row for row in model.rows if row.tier == tier]
    dated = sorted({row.effective_from for row in rows if row.effective_from is not None})
    undated = any(row.effective_from is None for row in rows) and not (model.history and tier == "default" and dated)
    past = [one for one in dated if one <= day]
    too_early = None
    if past:
        start: date | None = past[-1]
    elif undated:
        start = None
    elif dated:
        start = too_early = dated[0]
    else:
        return None
    same_day = [row for row in rows if row.effective_from == start]
    inside = [row for row in same_day if row.hours is not None and clock is not None and _inside(row, clock)]
    outside = [row for row in same_day if row.hours is None]
    candidates = inside or outside or same_day
    if len(inside) > 1 or len(outside) > 1:
        what = f"{model.provider}/{model.id}: two {tier} rows from {start or 'undated'}"
        raise PricingError(what, "llmopt prices check names the files")
    return _Held(candidates[0], too_early)


def _inside(row: RowData, clock: int) -> bool:
    if row.hours is None:
        return False
    start, end = minutes(row.hours.start), minutes(row.hours.end)
    return start <= clock < end if start <= end else clock >= start or clock < end


def _has_windows(model: Model, held: RowData) -> bool:
    return any(
        row.hours is not None and row.tier == held.tier and row.effective_from == held.effective_from
        for row in model.rows
    )


def _rule(provider: Provider, model: str, tier: str, day: date) -> TierRule | None:
    """Return the newest rule of `tier` that holds for `model` on `day`, else the first one ever."""
    rules = [rule for rule in provider.rules if rule.tier == tier and rule_covers(rule, model)]
    held = [rule for rule in rules if rule.effective_from <= day]
    if held:
        return max(held, key=lambda rule: rule.effective_from)
    return min(rules, key=lambda rule: rule.effective_from, default=None)


def rule_covers(rule: TierRule, model: str) -> bool:
    """Return whether a tier rule speaks of `model`."""
    if any(fnmatchcase(model, pattern) for pattern in rule.except_models):
        return False
    return any(fnmatchcase(model, pattern) for pattern in rule.models)


def _by_rule(provider: Provider, model: Model, rule: TierRule, day: date, clock: int | None) -> Choice:
    """Price a tier as a share of the default row of the day."""
    held = _held(model, "default", day, clock)
    if held is None:
        return Choice(None, (f"{model.id}: no price known",))
    warnings = []
    if held.too_early:
        warnings.append(_early(model, "default", held.too_early))
    if rule.effective_from > day:
        warnings.append(_early(model, rule.tier, rule.effective_from))
    base = row_price(provider, model, held.row)
    if base.rates == Rates():
        return Choice(None, (*warnings, f"{model.id}: no token price is published"))
    starts = max(rule.effective_from, base.effective_from or rule.effective_from)
    price = Price(
        price_id=_price_id(model, rule.tier, starts, held.row),
        provider=base.provider,
        model=base.model,
        tier=rule.tier,
        effective_from=starts,
        rates=_discounted(base.rates, rule),
        bands=tuple(Band(band.above_input_tokens, band.rule, _discounted(band.rates, rule)) for band in base.bands),
        usd_per_request=base.usd_per_request,
        source=rule.source,
        confidence=rule.confidence,
    )
    return Choice(price, tuple(warnings))


def _discounted(rates: Rates, rule: TierRule) -> Rates:
    share = _decimal(rule.multiplier)
    values: dict[str, Decimal | None] = {}
    for bucket in BUCKETS:
        rate: Decimal | None = getattr(rates, bucket)
        covered = rate is not None and (not rule.buckets or bucket in rule.buckets)
        values[bucket] = EXACT.multiply(rate, share) if covered and rate is not None else rate
    return Rates(**values)


def row_price(provider: Provider, model: Model, row: RowData) -> Price:
    """Return a row of `model` as a price."""
    return Price(
        price_id=_price_id(model, row.tier, row.effective_from, row),
        provider=model.provider,
        model=model.id,
        tier=row.tier,
        effective_from=row.effective_from,
        rates=_rates(row.usd_per_mtok),
        bands=tuple(_band(band) for band in row.bands),
        usd_per_request=None if row.usd_per_request is None else _decimal(row.usd_per_request),
        source=row.source or provider.source,
        confidence=row.confidence,
    )


def _price_id(model: Model, tier: str, start: date | None, row: RowData) -> str:
    window = f"+{row.hours.start}-{row.hours.end}" if row.hours else ""
    suffix = "" if tier == "default" else f"+{tier}"
    return f"{model.provider}/{model.id}@{start or 'undated'}{window}{suffix}"


def _rates(data: RatesData) -> Rates:
    values = {name: getattr(data, name) for name in BUCKETS}
    return Rates(**{name: None if text is None else _decimal(text) for name, text in values.items()})


def _band(data: BandData) -> Band:
    return Band(data.above_input_tokens, data.rule, _rates(data.usd_per_mtok))


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise PricingError(f"{text!r} in a price file is no decimal number", "llmopt prices check names it") from error
