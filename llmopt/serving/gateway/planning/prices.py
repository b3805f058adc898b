"""The prices of the models that a gateway's settings name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from llmopt.cost.pricing.table import PriceTable
from llmopt.serving.gateway.config.settings import GatewayConfig
from llmopt.serving.gateway.metering.hosts import provider_of
from llmopt.serving.gateway.upstreams.choosing import fits
from llmopt.serving.routing.policy import Policy


@dataclass(frozen=True, slots=True)
class PlannedPrice:
    """What a model costs."""

    model: str
    named_by: str
    """Where the settings name it."""
    provider: str
    """Whose price it is; empty where there is none."""
    input_usd_per_mtok: Decimal | None
    """US dollars per million tokens; None: no price is known."""
    output_usd_per_mtok: Decimal | None
    """US dollars per million tokens; None: no price is known."""


def prices_of(config: GatewayConfig, policy: Policy | None, table: PriceTable | None) -> tuple[PlannedPrice, ...]:
    """Return the newest price of each model that the settings name.

    Args:
        config: all settings.
        policy: of routing; None: there is none.
        table: of prices; None: they cannot be read.
    """
    if table is None:
        return ()
    found: dict[str, PlannedPrice] = {}
    for model, named_by in _named(config, policy):
        if model not in found:
            found[model] = _priced(table, model, named_by, _provider(config, model))
    return tuple(found.values())


def _named(config: GatewayConfig, policy: Policy | None) -> Iterator[tuple[str, str]]:
    """Yield the models that the settings name, patterns left out, with the place where they do."""
    for upstream in config.upstreams:
        yield from ((model, f"upstream {upstream.name}") for model in upstream.models if not _is_pattern(model))
    for route in policy.routes.values() if policy is not None else ():
        yield route.model, f"route {route.name}"
    for model in config.route_models:
        if not _is_pattern(model):
            yield model, "route_models"
    for model in config.metric_models:
        yield model, "metric_models"


def _is_pattern(model: str) -> bool:
    return any(letter in model for letter in "*?[")


def _provider(config: GatewayConfig, model: str) -> str:
    """Return who bills for a model: at the upstream that answers it."""
    answers = [one for one in config.upstreams if fits(model, one.models)] or [
        one for one in config.upstreams if not one.models
    ]
    return provider_of(answers[0].url) if answers else ""


def _priced(table: PriceTable, model: str, named_by: str, provider: str) -> PlannedPrice:
    resolved = table.resolve(model, provider or None)
    price = table.price_at(resolved, "default", None).price if resolved is not None else None
    if price is None:
        return PlannedPrice(model, named_by, "", None, None)
    rates = price.rates
    return PlannedPrice(
        model, named_by, price.provider, rates.usd_per_mtok("input_uncached"), rates.usd_per_mtok("output_text")
    )
