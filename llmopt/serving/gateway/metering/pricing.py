"""What calls cost and what was saved, by the same prices and rules as `llmopt cost`.

A price row is looked up by the first instant of the stretch of days (and part of the day) that a call lies in, as in a
bill: prices are the same at each instant of it, and what was found can be kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from llmopt.core.cost import UnpricedBucket, cost_usd
from llmopt.core.money import EXACT
from llmopt.core.rate import Price
from llmopt.core.usage import TIERS, Usage
from llmopt.cost.keying import Keying, instant
from llmopt.cost.pricing.resolve import LONGEST_NAME
from llmopt.cost.pricing.table import PriceTable
from llmopt.serving.gateway.metering.free import asks_no_model
from llmopt.serving.gateway.values import Metered

FREE = Decimal(0)
_MOST_ROWS = 4096
_MAY_BE_BILLED = frozenset({"timeout", "aborted"})
"""How calls end (`Metered.error`) of which nobody knows whether the upstream went on, and billed."""
_FROM_STORES = frozenset({"hit", "semantic", "shared"})
_Row = tuple[Price | None, str]
"""The price, and the provider's name for it."""


class Pricer:
    """Prices calls; keeps the price rows that it found.

    Args:
        table: the prices.
        providers: name of an upstream -> who bills there, as the price table names them (`hosts.provider_of`); an
            upstream that is not in it sells under the names of those who make the models.
    """

    def __init__(self, table: PriceTable, providers: Mapping[str, str] | None = None) -> None:
        self._table = table
        self._providers = dict(providers or {})
        hours = table.hour_cuts()
        self._keying = Keying(table.change_dates(), table.band_thresholds(), hours.minutes, hours.names)
        self._rows: dict[tuple[str, str, str, date | None, int], _Row] = {}

    def provider(self, upstream: str) -> str:
        """Return who bills at an upstream; empty where that is not known."""
        return self._providers.get(upstream, "")

    def price(self, metered: Metered) -> None:
        """Fill in what a call cost and saved: `provider`, `billed_model`, `cost_usd`, `saved_usd`; twice is as once."""
        if metered.usage is None or metered.cache in _FROM_STORES:
            metered.cost_usd = FREE if _is_free(metered) else None
            return
        for name in (metered.answered_model, metered.model, metered.asked_model):
            price, provider = self._row(name, metered.upstream, metered.tier, metered.began_s)
            if price is not None:
                metered.billed_model, metered.provider = name, provider
                metered.cost_usd = _charged(metered.usage, price)
                self._add_savings(metered, price)
                return
        metered.cost_usd, metered.provider = None, self.provider(metered.upstream)

    def cost_usd(
        self, model: str, usage: Usage, *, upstream: str = "", tier: str = "default", at_s: float | None = None
    ) -> Decimal | None:
        """Return what one call costs, in exact US dollars; None where there is no price.

        Args:
            model: in any spelling.
            usage: of one call.
            upstream: its name.
            tier: of the service.
            at_s: Unix time; None: at the newest prices.
        """
        price, _ = self._row(model, upstream, tier, at_s)
        return None if price is None else _charged(usage, price)

    def _add_savings(self, metered: Metered, price: Price) -> None:
        """Compare with what the call would have cost as it was asked."""
        usage, cost = metered.usage, metered.cost_usd
        if usage is None or cost is None:
            return
        if metered.compressed_tokens:
            whole = replace(usage, input_uncached=usage.input_uncached + metered.compressed_tokens)
            _save(metered, "compress", _charged(whole, price), cost)
        if metered.route and metered.asked_model not in ("", metered.model):
            asked, _ = self._row(metered.asked_model, metered.upstream, metered.tier, metered.began_s)
            if asked is None:
                asked, _ = self._row(metered.asked_model, "", metered.tier, metered.began_s)
            _save(metered, "route", None if asked is None else _charged(usage, asked), cost)

    def _row(self, model: str, upstream: str, tier: str, at_s: float | None) -> _Row:
        if not model or len(model) > LONGEST_NAME or tier not in TIERS:
            return None, ""
        stamp = None if at_s is None else datetime.fromtimestamp(at_s, UTC)
        hint = self._providers.get(upstream, "")
        key = (model, hint, tier, self._keying.epoch(stamp), self._keying.minute(model, stamp))
        row = self._rows.get(key)
        if row is None:
            if len(self._rows) >= _MOST_ROWS:
                self._rows.clear()
            row = self._rows[key] = self._look_up(*key)
        return row

    def _look_up(self, model: str, hint: str, tier: str, epoch: date | None, minute: int) -> _Row:
        resolved = self._table.resolve(model, hint or None)
        if resolved is None:
            return None, ""
        # The provider's own name, unless the model would not be found by it: a log with it must lead to this price.
        again = self._table.resolve(model, resolved.provider)
        same = again is not None and (again.provider, again.model) == (resolved.provider, resolved.model)
        price = self._table.price_at(resolved, tier, instant(epoch, minute)).price
        return price, resolved.provider if same else hint


def _charged(usage: Usage, price: Price) -> Decimal | None:
    try:
        return cost_usd(usage, price)
    except UnpricedBucket:
        return None


def _save(metered: Metered, by: str, without: Decimal | None, cost: Decimal) -> None:
    if without is not None:
        metered.saved_usd[by] = EXACT.subtract(without, cost)


def _is_free(metered: Metered) -> bool:
    """Return whether a call without usage cost nothing: a stored answer, a refusal, an upstream's error."""
    if metered.attempts == 0 or metered.cache in _FROM_STORES or asks_no_model(metered):
        return True
    return metered.status >= 300 and metered.error not in _MAY_BE_BILLED
