"""What the records of one ledger key cost: model found, row chosen, amount worked out, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from llmopt.core.cost import UnpricedBucket
from llmopt.core.ledger import Entry, Key
from llmopt.core.rate import Price
from llmopt.cost.interval import Amount, amount
from llmopt.cost.keying import instant
from llmopt.cost.pricing.resolve import ResolvedModel
from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.spec.row import Outcome


@dataclass(frozen=True, slots=True)
class Quote:
    """The price row of a ledger key."""

    resolved: ResolvedModel
    price: Price
    warnings: tuple[str, ...]


class Quotes:
    """Finds price rows, each once."""

    def __init__(self, table: PriceTable, as_of: datetime | None) -> None:
        """Keep the prices.

        Args:
            table: prices.
            as_of: price records without a timestamp as of then; None: at the newest prices.
        """
        self._table, self._as_of = table, as_of
        self._found: dict[tuple[str | None, str | None, str, date | None, int], Quote | str] = {}

    def of(self, key: Key) -> Quote | str:
        """Return the price row of a key, or why there is none."""
        name = (key.model, key.provider, key.tier, key.epoch, key.minute)
        if name not in self._found:
            self._found[name] = self._look_up(key)
        return self._found[name]

    def cost_usd(self, key: Key, entry: Entry) -> Decimal | None:
        """Return what the records of a key cost; None where there is no price, or no usage."""
        quote = self.of(key) if key.outcome == Outcome.OK else ""
        spent = "" if isinstance(quote, str) else charged(key, entry, quote.price)
        return None if isinstance(spent, str) else spent.cost_usd

    def _look_up(self, key: Key) -> Quote | str:
        if key.model is None:
            return "no model in the record"
        resolved = self._table.resolve(key.model, key.provider)
        if resolved is None:
            return "unknown model"
        choice = self._table.price_at(resolved, key.tier, instant(key.epoch, key.minute) or self._as_of)
        if choice.price is None:
            return f"no price for the {key.tier} tier"
        return Quote(resolved, choice.price, choice.warnings)


def charged(key: Key, entry: Entry, price: Price) -> Amount | str:
    """Return what the records of a key cost, or why nobody knows."""
    try:
        return amount(entry, price, key.band + 1 if key.band else 0)
    except UnpricedBucket as error:
        return f"no price for {error.bucket.replace('_', ' ')} tokens"
