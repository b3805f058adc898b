"""Turn the data of the installed `genai-prices` package into price files.

Source: https://github.com/pydantic/genai-prices (MIT; notice in pricing/LICENSE-genai-prices). Its long-context
prices are cliffs: a request with strictly more input tokens than a tier's start pays that tier's rate for all of
its tokens. Its variants (batch, flex, priority, fast) override single rates of the standard price; here each
becomes a complete row, one for each day on which any of its rates changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from importlib import import_module
from importlib.metadata import version
from typing import Any

from llmopt.core.money import exact_text
from llmopt.cost.pricing.schema import BandData, HoursData, ModelData, PriceFile, RatesData, RowData, Tier
from llmopt.errors import MissingExtraError

RATES = {
    "input_mtok": "input_uncached",
    "output_mtok": "output_text",
    "cache_read_mtok": "input_cache_read",
    "cache_write_mtok": "input_cache_write_5m",
    "cache_write_1h_mtok": "input_cache_write_1h",
    "input_audio_mtok": "input_audio",
    "input_image_mtok": "input_image",
    "output_audio_mtok": "output_audio",
    "output_image_mtok": "output_image",
    "output_reasoning_mtok": "output_reasoning",
}
"""Price key of genai-prices -> bucket. Every other key is kept under `units`."""

TIERS: dict[tuple[str, str], Tier] = {
    ("processing", "batch"): "batch",
    ("service_tier", "batch"): "batch",
    ("service_tier", "flex"): "flex",
    ("service_tier", "priority"): "priority",
    ("service_tier", "fast"): "fast",
    ("speed", "fast"): "fast",
}
"""Condition of a variant -> tier. A condition that is none (a route, a kind of search) is named in the note."""

FREE = ("included in the subscription", "free of charge")

Rates = Mapping[str, Any]
"""Price key -> Decimal, or genai-prices' TieredPrices."""


@dataclass(slots=True)
class _Timeline:
    """The rates of one model on one tier: by first day (None: undated), and by window of the newest day."""

    days: dict[date | None, Rates] = field(default_factory=dict)
    windows: list[tuple[HoursData, Rates]] = field(default_factory=list)


def generator() -> str:
    """Return name and version of the package that the data comes from."""
    _providers()
    return f"genai-prices {version('genai-prices')}"


def price_files(checked: date) -> list[PriceFile]:
    """Return one price file a provider, in the order of their ids.

    Raises:
        MissingExtraError: genai-prices is not installed.
    """
    made_by = generator()
    return [_file(provider, checked, made_by) for provider in sorted(_providers(), key=lambda one: str(one.id))]


def _providers() -> list[Any]:
    """Import the data; its types come from pydantic models that carry no annotations for us."""
    try:
        return list(import_module("genai_prices.data").providers)
    except ModuleNotFoundError as error:
        raise MissingExtraError("genai-prices", "dev") from error


def _file(provider: Any, checked: date, made_by: str) -> PriceFile:
    models = sorted(provider.models, key=lambda one: str(one.id))
    return PriceFile(
        schema=1,
        provider=provider.id,
        checked=checked,
        name=provider.name,
        generator=made_by,
        sources=tuple(provider.pricing_urls or ()),
        resells=tuple(provider.fallback_model_providers or ()),
        models={model.id: _model(model) for model in models},
    )


def _model(model: Any) -> ModelData:
    clauses: dict[str, list[str]] = {"equals": [], "starts_with": [], "contains": [], "ends_with": [], "regex": []}
    _collect(model.match, clauses)
    standard = _standard(model)
    rows = _rows("default", standard, free=_is_free(model))
    notes = [" ".join((model.price_comments or "").split())]
    skipped: set[str] = set()
    tiers: dict[Tier, list[Any]] = {}
    for variant in model.price_variants or ():
        tier = _tier(variant.when)
        if tier is not None:
            tiers.setdefault(tier, []).append(variant)
        elif variant.prices.__dict__:
            skipped.update(f"{key}={value}" for key, value in variant.when.items())
    for tier in sorted(tiers):
        rows += _rows(tier, _Timeline(_variant_days(standard, tiers[tier])))
    if skipped:
        notes.append(f"Not represented here: other prices for {', '.join(sorted(skipped))}.")
    return ModelData(
        name=model.name or "",
        aliases=tuple(sorted({alias for alias in clauses["equals"] if alias != model.id})),
        starts_with=tuple(sorted(clauses["starts_with"])),
        contains=tuple(sorted(clauses["contains"])),
        ends_with=tuple(sorted(clauses["ends_with"])),
        regex=tuple(sorted(clauses["regex"])),
        context_tokens=model.context_window,
        deprecated=bool(model.deprecated),
        note=" ".join(note for note in notes if note),
        rows=tuple(rows),
    )


def _collect(clause: Any, into: dict[str, list[str]]) -> None:
    """Sort the literals of a match clause by kind.

    Inside an `and` only the literal that narrows most is kept (`starts_with` before the rest): the resolver asks
    for more than genai-prices does anyway, see `llmopt.cost.pricing.resolve`.
    """
    for kind in into:
        literal = getattr(clause, kind, None)
        if literal is not None:
            into[kind].append(literal)
    for part in getattr(clause, "or_", ()):
        _collect(part, into)
    parts = getattr(clause, "and_", ())
    for part in [one for one in parts if hasattr(one, "starts_with")] or parts:
        _collect(part, into)


def _standard(model: Any) -> _Timeline:
    """Return the default tier. Windows of the day belong to the newest rates, which genai-prices cannot say."""
    timeline = _Timeline()
    prices = model.prices if isinstance(model.prices, list) else None
    if prices is None:
        timeline.days[None] = model.prices.__dict__
        return timeline
    for priced in prices:
        start = getattr(priced.constraint, "start_time", None)
        if start is not None:
            window = HoursData(f"{start:%H:%M}", f"{priced.constraint.end_time:%H:%M}")
            timeline.windows.append((window, priced.prices.__dict__))
        else:
            timeline.days[getattr(priced.constraint, "start_date", None)] = priced.prices.__dict__
    return timeline


def _tier(when: Mapping[str, str]) -> Tier | None:
    return TIERS.get(next(iter(when.items()))) if len(when) == 1 else None


def _variant_days(standard: _Timeline, variants: list[Any]) -> dict[date | None, Rates]:
    """Lay variants over the standard price; where several hold, the first listed wins, rate by rate."""
    starts = [getattr(variant.constraint, "start_date", None) for variant in variants]
    first = min((start or date.min for start in starts), default=date.min)
    days = {day or date.min for day in [*starts, *standard.days] if (day or date.min) >= first}
    result: dict[date | None, Rates] = {}
    for day in sorted(days):
        rates: dict[str, Any] = {}
        for variant, start in zip(variants, starts, strict=True):
            if (start or date.min) <= day:
                rates = {**variant.prices.__dict__, **rates}
        held = max((one or date.min for one in standard.days if (one or date.min) <= day), default=date.min)
        base = standard.days.get(held if held != date.min else None, {})
        result[None if day == date.min else day] = {**base, **rates}
    return result


def _rows(tier: Tier, timeline: _Timeline, *, free: bool = False) -> list[RowData]:
    rows: list[RowData] = []
    newest = max((day for day in timeline.days if day), default=None)
    ordered = sorted(timeline.days.items(), key=lambda item: item[0] or date.min)
    previous: RowData | None = None
    for day, rates in ordered:
        row = _row(tier, day, None, rates, free)
        if previous is None or _differs(previous, row):
            rows.append(row)
            previous = row
    rows += [_row(tier, newest, hours, rates, free) for hours, rates in timeline.windows]
    return rows


def _differs(old: RowData, new: RowData) -> bool:
    return (old.usd_per_mtok, old.bands, old.usd_per_request, old.units) != (
        new.usd_per_mtok,
        new.bands,
        new.usd_per_request,
        new.units,
    )


def _row(tier: Tier, day: date | None, hours: HoursData | None, rates: Rates, free: bool) -> RowData:
    known = {key: value for key, value in rates.items() if value is not None}
    if not known and free:
        known = {"input_mtok": Decimal(0), "output_mtok": Decimal(0)}
    requests = known.get("requests_kcount")
    starts = sorted({tier_.start for value in known.values() for tier_ in getattr(value, "tiers", ())})
    return RowData(
        effective_from=day,
        tier=tier,
        hours=hours,
        usd_per_mtok=_rates(known, None),
        bands=tuple(BandData(start, "cliff", _rates(known, start)) for start in starts),
        usd_per_request=None if requests is None else exact_text(Decimal(requests) / 1000),
        units={key: exact_text(_at(value, None)) for key, value in sorted(known.items()) if key not in RATES},
    )


def _rates(known: Rates, above: int | None) -> RatesData:
    return RatesData(**{RATES[key]: exact_text(_at(value, above)) for key, value in known.items() if key in RATES})


def _at(value: Any, above: int | None) -> Decimal:
    """Return a rate for requests longer than `above` input tokens (None: the base rate)."""
    tiers: Iterable[Any] = getattr(value, "tiers", ())
    held = [tier for tier in tiers if above is not None and tier.start <= above]
    if held:
        return Decimal(max(held, key=lambda tier: int(tier.start)).price)
    return Decimal(getattr(value, "base", value))


def _is_free(model: Any) -> bool:
    comment = (model.price_comments or "").lower()
    return str(model.id).endswith(":free") or any(word in comment for word in FREE)
