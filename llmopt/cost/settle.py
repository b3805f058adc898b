"""Price a ledger: from totals by key to a report in exact dollars."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from llmopt.core.counted import Counted
from llmopt.core.ledger import Entry, Key
from llmopt.core.money import EXACT, MICRO, monthly
from llmopt.core.rate import Price
from llmopt.cost.groups import FROM_PRICE
from llmopt.cost.hints import Spent, hints
from llmopt.cost.interval import Amount
from llmopt.cost.pricing.resolve import ResolvedModel
from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.quote import Quotes, charged
from llmopt.cost.read import Reading
from llmopt.cost.regroup import in_order
from llmopt.cost.remarks import remarks
from llmopt.cost.result import CostReport, Group, Period, PriceSource, Resolved, Totals, Unpriced
from llmopt.cost.spec.load import Spec
from llmopt.cost.spec.row import Outcome


@dataclass(slots=True)
class _Sum:
    """A running total of priced entries."""

    entry: Entry = field(default_factory=Entry)
    amount: Amount = field(default_factory=Amount)

    def add(self, entry: Entry, amount: Amount) -> None:
        self.entry += entry
        self.amount += amount

    def totals(self) -> Totals:
        usage, counted = self.entry.usage, self.entry.counted or Counted()
        return Totals(
            requests=self.entry.requests,
            input_tokens=usage.input_tokens,
            input_uncached_tokens=usage.input_tokens - usage.input_cache_read - usage.cache_write_tokens,
            cache_read_tokens=usage.input_cache_read,
            cache_write_tokens=usage.cache_write_tokens,
            output_tokens=usage.output_tokens,
            reasoning_tokens=usage.output_reasoning,
            cost_usd=self.amount.cost_usd,
            reported_usd=self.entry.reported_usd,
            estimated_input_tokens=counted.input_tokens,
            estimated_output_tokens=counted.output_tokens,
            cost_low_usd=self.amount.low_usd,
            cost_high_usd=self.amount.high_usd,
            counted_usd=self.amount.counted_usd,
            counted=counted,
        )


class Settlement:
    """Prices the entries of one reading."""

    def __init__(self, reading: Reading, table: PriceTable, specs: tuple[Spec, ...], by: tuple[str, ...]) -> None:
        """Keep what to price and with which prices."""
        self.reading, self.table, self.by = reading, table, by
        self.aggregates = {spec.name for spec in specs if spec.aggregate}
        self.total = _Sum()
        self.groups: dict[tuple[str | None, ...], _Sum] = defaultdict(_Sum)
        self.resolved: dict[tuple[str, str, str, str, str], int] = {}
        self.rows: dict[str, Price] = {}
        self.unpriced: dict[tuple[str | None, str], Entry] = {}
        self.warnings: dict[str, int] = {}
        self.spent: list[Spent] = []
        self.priced = 0

    def report(self, as_of: datetime | None) -> CostReport:
        """Price everything.

        Args:
            as_of: price records without a timestamp as of then; None: at the newest prices, with a warning.
        """
        quotes = Quotes(self.table, as_of)
        for key, entry in self.reading.ledger:
            if key.outcome == Outcome.NO_USAGE:
                self._leave(key.model, "no usage in the record", entry)
            elif key.outcome == Outcome.OK:
                self._price(key, entry, quotes)
        reading = self.reading
        unpriced_records = sum(entry.records for entry in self.unpriced.values())
        first, last = self.total.entry.first, self.total.entry.last
        return CostReport(
            by=self.by,
            total=self.total.totals(),
            groups=tuple(self._groups()),
            resolved=tuple(self._resolved()),
            unpriced=tuple(self._unpriced()),
            rejected=reading.rejects.listed(),
            read=self.priced + reading.free + unpriced_records + reading.duplicates + reading.rejects.count,
            priced=self.priced,
            free=reading.free,
            duplicates=reading.duplicates,
            skipped=reading.skipped,
            formats=self._formats(),
            period=Period(first, last),
            monthly_usd=monthly(self.total.amount.cost_usd, first, last),
            prices=PriceSource(self.table.sha256, self.table.date),
            warnings=tuple(self._warnings(as_of)),
            hints=hints(self.spent, self.table),
            estimated_share=_share(self.total.amount),
            dearest_request_usd=reading.dearest_usd,
            files=tuple(reading.files),
        )

    def _price(self, key: Key, entry: Entry, quotes: Quotes) -> None:
        quote = quotes.of(key)
        if isinstance(quote, str):
            self._leave(key.model, quote, entry)
            return
        for warning in quote.warnings:
            self.warnings[warning] = self.warnings.get(warning, 0) + entry.records
        spent = charged(key, entry, quote.price)
        if isinstance(spent, str):
            self._leave(key.model, spent, entry)
            return
        self._book(key, entry, quote.resolved, quote.price, spent)

    def _book(self, key: Key, entry: Entry, resolved: ResolvedModel, price: Price, spent: Amount) -> None:
        self.priced += entry.records
        self.total.add(entry, spent)
        self.groups[self._group(key, resolved)].add(entry, spent)
        self.spent.append(Spent(key, entry, resolved, price, spent.cost_usd))
        if price.bands and key.format in self.aggregates:
            threshold = price.bands[0].above_input_tokens
            text = f"{resolved.model}: sums of many requests are priced below {threshold:,} input tokens"
            self.warnings[text] = self.warnings.get(text, 0) + entry.records
        named = (key.model or "", price.price_id, key.tier, _band(key, price), resolved.rule)
        self.resolved[named] = self.resolved.get(named, 0) + entry.requests
        self.rows[price.price_id] = price

    def _leave(self, model: str | None, reason: str, entry: Entry) -> None:
        known = self.unpriced.get((model, reason))
        self.unpriced[model, reason] = entry if known is None else known + entry

    def _group(self, key: Key, resolved: ResolvedModel) -> tuple[str | None, ...]:
        own = {"model": key.model, "provider": resolved.provider, "tier": key.tier, "format": key.format}
        recorded = iter(key.groups)
        return tuple(own[name] if name in FROM_PRICE else next(recorded) for name in self.by)

    def _groups(self) -> Iterator[Group]:
        yield from in_order(
            Group(dict(zip(self.by, values, strict=True)), found.totals()) for values, found in self.groups.items()
        )

    def _resolved(self) -> Iterator[Resolved]:
        for (model, price_id, tier, band, rule), requests in sorted(self.resolved.items()):
            row = self.rows[price_id]
            yield Resolved(model, row.provider, price_id, tier, row.effective_from, requests, rule, band)

    def _unpriced(self) -> Iterator[Unpriced]:
        for (model, reason), entry in sorted(self.unpriced.items(), key=lambda item: (-item[1].requests, str(item[0]))):
            suggestion = self.table.suggest(model) if model and reason == "unknown model" else None
            yield Unpriced(
                model, entry.requests, entry.usage.input_tokens, entry.usage.output_tokens, suggestion, reason
            )

    def _formats(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for key, entry in self.reading.ledger:
            found[key.format] = found.get(key.format, 0) + entry.records
        return dict(sorted(found.items()))

    def _counted(self) -> dict[str, Counted]:
        """What was counted from text, by model as logged."""
        found: dict[str, Counted] = {}
        for item in self.spent:
            if item.entry.counted is not None and item.key.model is not None:
                found[item.key.model] = found.get(item.key.model, Counted()) + item.entry.counted
        return found

    def _warnings(self, as_of: datetime | None) -> Iterator[str]:
        entries = [entry for key, entry in self.reading.ledger if key.outcome == Outcome.OK]
        untimed = sum(entry.untimed for entry in entries)
        naive = sum(entry.naive for entry in entries)
        if self.reading.unaccounted:
            yield f"{_records(self.reading.unaccounted)} read but in no number of this report: a bug, please report it"
        if untimed and as_of is None:
            yield f"{_records(untimed)} without a readable timestamp, priced at the newest prices (set --as-of DATE)"
        if naive:
            yield f"{_records(naive)} without a time zone, taken as UTC"
        yield from remarks(self._counted())
        for text, count in sorted(self.warnings.items()):
            yield f"{text} ({_records(count)})"


def _share(amount: Amount) -> Decimal:
    """The part of the dollars that was counted from text, to the millionth."""
    if not amount.cost_usd:
        return Decimal(0)
    return EXACT.divide(amount.counted_usd, amount.cost_usd).quantize(MICRO, context=EXACT)


def _records(count: int) -> str:
    return f"{count:,} record{'' if count == 1 else 's'}"


def _band(key: Key, price: Price) -> str:
    held = [band for band in price.bands if key.band >= band.above_input_tokens]
    return f"> {held[-1].above_input_tokens:,} input tokens ({held[-1].rule})" if held else ""
