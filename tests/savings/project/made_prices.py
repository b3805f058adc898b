"""Prices that the oracle knows by heart, and the price file that tells them to llmopt."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from tests.savings.project.made import CHANGE

FALLBACK = {
    "input_cache_read": "input_uncached",
    "input_cache_write_5m": "input_uncached",
    "input_cache_write_1h": "input_cache_write_5m",
    "output_reasoning": "output_text",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALIASES = {"acme-one": "acme-1"}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of prices, in dollars a million tokens."""

    rates: dict[str, str]
    tier: str = "default"
    since: str = "2025-01-01"
    bands: tuple[tuple[int, str, dict[str, str]], ...] = ()
    fee: str = "0"


def _rates(uncached: str, output: str, read: str = "", write: str = "", hour: str = "") -> dict[str, str]:
    named = {"input_uncached": uncached, "output_text": output, "input_cache_read": read}
    named |= {"input_cache_write_5m": write, "input_cache_write_1h": hour}
    return {name: rate for name, rate in named.items() if rate}


ROWS: dict[str, tuple[Row, ...]] = {
    "gpt-4o": (
        Row(_rates("2.5", "10", "1.25"), bands=((4000, "cliff", _rates("5", "15", "2.5")),)),
        Row(_rates("1.25", "5", "1.25"), "batch"),
    ),
    "gpt-4o-mini": (
        Row(_rates("0.15", "0.6", "0.075"), fee="0.0001"),
        Row(_rates("0.11", "0.47", "0.033"), since=CHANGE),
        Row(_rates("0.07", "0.3"), "batch"),
        Row(_rates("0.08", "0.31", "0.04"), "flex"),
    ),
    "gpt-4": (Row(_rates("30", "60")), Row(_rates("15", "30"), "batch")),
    "acme-1": (Row(_rates("0.777", "1.013")), Row(_rates("0.5", "1.013"), since=CHANGE)),
    "claude-sonnet-4-5": (
        Row(
            _rates("3", "15", "0.3", "3.75", "6"),
            bands=((3000, "marginal", _rates("4", "15", "0.3", "3.75", "6")), (8000, "cliff", _rates("6", "22.5"))),
        ),
        Row(_rates("1.5", "7.5", "0.15", "1.875", "3"), "batch"),
    ),
}


def base_model(model: str) -> str:
    """Return the model of the price table that a logged name means."""
    return ALIASES.get(model.lower(), model)


def has_tier(model: str, tier: str) -> bool:
    """Return whether a model has a price of its own on a tier."""
    return any(row.tier == tier for row in ROWS.get(base_model(model).lower(), ()))


def price_usd(model: str, tier: str, at_us: int | None, usage: dict[str, int]) -> Fraction | None:
    """Return what one call costs; None where the model is not known."""
    rows = ROWS.get(base_model(model).lower())
    if rows is None:
        return None
    there = [row for row in rows if row.tier == tier] or [row for row in rows if row.tier == "default"]
    day = "9999" if at_us is None else (_EPOCH + timedelta(microseconds=at_us)).date().isoformat()
    row = max((row for row in there if row.since <= day), key=lambda row: row.since)
    return _priced(row, usage)


def _priced(row: Row, usage: dict[str, int]) -> Fraction:
    read = sum(tokens for name, tokens in usage.items() if name.startswith("input"))
    rates, extra, below = row.rates, Fraction(0), row.rates
    for above, rule, higher in row.bands:
        if read <= above:
            break
        if rule == "cliff":
            rates, extra = higher, Fraction(0)
        else:
            step = Fraction(higher["input_uncached"]) - Fraction(below["input_uncached"])
            extra += step * (read - above)
        below = higher
    tokens_usd = sum((Fraction(_rate(rates, name)) * tokens for name, tokens in usage.items()), extra)
    return tokens_usd / 1_000_000 + Fraction(row.fee)


def _rate(rates: dict[str, str], bucket: str) -> str:
    return rates[bucket] if bucket in rates else _rate(rates, FALLBACK[bucket])


def write_prices(folder: Path) -> tuple[Path, ...]:
    """Write the price files and return where they are."""
    files = []
    for provider in ("openai", "anthropic"):
        own = {model: rows for model, rows in ROWS.items() if model.startswith("claude") == (provider == "anthropic")}
        shape = {
            "schema": 1,
            "provider": provider,
            "checked": "2026-11-22",
            "models": {model: _model(model, rows) for model, rows in own.items()},
        }
        path = folder / f"{provider}.json"
        path.write_text(json.dumps(shape), encoding="utf-8")
        files.append(path)
    return tuple(files)


def _model(model: str, rows: tuple[Row, ...]) -> dict[str, Any]:
    return {
        "aliases": [alias for alias, known in ALIASES.items() if known == model],
        "rows": [
            {
                "tier": row.tier,
                "from": row.since,
                "usd_per_mtok": row.rates,
                "bands": [
                    {"above_input_tokens": above, "rule": rule, "usd_per_mtok": rates}
                    for above, rule, rates in row.bands
                ],
                "source": "https://example.com/prices",
                **({"usd_per_request": row.fee} if row.fee != "0" else {}),
            }
            for row in rows
        ],
    }
