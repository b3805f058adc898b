"""Price a ledger: from totals by key to a report in exact dollars."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from llmopt.core.cost import UnpricedBucket, cost_usd
from llmopt.core.ledger import Entry, Key
from llmopt.core.money import EXACT
from llmopt.core.rate import Price
from llmopt.cost.groups import FROM_PRICE
from llmopt.cost.hints import Spent, hints
from llmopt.cost.keying import instant
from llmopt.cost.pricing.resolve import ResolvedModel
from llmopt.cost.pricing.table import PriceTable
from llmopt.cost.read import Reading
from llmopt.cost.result import CostReport, Group, Period, PriceSource, Resolved, Totals, Unpriced
from llmopt.cost.spec.load import Spec
from llmopt.cost.spec.row import Outcome

MONTH = timedelta(days=30)
MICRO = Decimal("0.000001")
SHORTEST_PERIOD = timedelta(hours=1)
"""Logs that cover less say nothing about a month."""


@dataclass(slots=True)
class _Sum:
    """A running total of priced entries."""

    entry: Entry = field(default_factory=Entry)
    cost_usd: Decimal = Decimal(0)

    def add(self, entry: Entry, cost: Decimal) -> None:
        self.entry += entry
        self.cost_usd = EXACT.add(self.cost_usd, cost)

    def totals(self) -> Totals:
        usage = self.entry.usage
        return Totals(
            requests=self.entry.requests,
            input_tokens=usage.input_tokens,
            input_uncached_tokens=usage.input_tokens - usage.input_cache_read - usage.cache_write_tokens,
            cache_read_tokens=usage.input_cache_read,
            cache_write_tokens=usage.cache_write_tokens,
            output_tokens=usage.output_tokens,
            reasoning_tokens=usage.output_reasoning,
            cost_usd=self.cost_usd,
            reported_usd=self.entry.reported_usd,
            estimated_input_tokens=self.entry.estimated_input,
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
        for key, entry in self.reading.ledger:
            if key.outcome == Outcome.NO_USAGE:
                self._leave(key.model, "no usage in the record", entry)
            elif key.outcome == Outcome.OK:
                self._price(key, entry, as_of)
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
            monthly_usd=monthly(self.total.cost_usd, first, last),
            prices=PriceSource(self.table.sha256, self.table.date),
            warnings=tuple(self._warnings(as_of)),
            hints=hints(self.spent, self.table),
            dearest_request_usd=reading.dearest_usd,
            files=tuple(reading.files),
        )

    def _price(self, key: Key, entry: Entry, as_of: datetime | None) -> None:
        if key.model is None:
            self._leave(None, "no model in the record", entry)
            return
        resolved = self.table.resolve(key.model, key.provider)
        if resolved is None:
            self._leave(key.model, "unknown model", entry)
            return
        at = instant(key.epoch, key.minute) or as_of
        choice = self.table.price_at(resolved, key.tier, at)
        if choice.price is None:
            self._leave(key.model, f"no price for the {key.tier} tier", entry)
            return
        for warning in choice.warnings:
            self.warnings[warning] = self.warnings.get(warning, 0) + entry.records
        try:
            longest = key.band + 1 if key.band else 0
            cost = cost_usd(entry.usage, choice.price, requests=entry.requests, max_input_tokens=longest)
        except UnpricedBucket as error:
            self._leave(key.model, f"no price for {error.bucket.replace('_', ' ')} tokens", entry)
            return
        self._book(key, entry, resolved, choice.price, cost)

    def _book(self, key: Key, entry: Entry, resolved: ResolvedModel, price: Price, cost: Decimal) -> None:
        self.priced += entry.records
        self.total.add(entry, cost)
        self.groups[self._group(key, resolved)].add(entry, cost)
        self.spent.append(Spent(key, entry, resolved, price, cost))
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
        ordered = sorted(self.groups.items(), key=lambda item: (-item[1].cost_usd, [part or "" for part in item[0]]))
        for values, found in ordered:
            yield Group(dict(zip(self.by, values, strict=True)), found.totals())

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

    def _warnings(self, as_of: datetime | None) -> Iterator[str]:
        entries = [entry for key, entry in self.reading.ledger if key.outcome == Outcome.OK]
        untimed = sum(entry.untimed for entry in entries)
        naive = sum(entry.naive for entry in entries)
        estimated = self.total.entry.estimated_input
        if self.reading.unaccounted:
            yield f"{_records(self.reading.unaccounted)} read but in no number of this report: a bug, please report it"
        if untimed and as_of is None:
            yield f"{_records(untimed)} without a readable timestamp, priced at the newest prices (set --as-of DATE)"
        if naive:
            yield f"{_records(naive)} without a time zone, taken as UTC"
        if estimated:
            yield f"{estimated:,} input tokens counted from the prompt text; answers without usage are not in the cost"
        for text, count in sorted(self.warnings.items()):
            yield f"{text} ({_records(count)})"


def monthly(cost: Decimal, first: datetime | None, last: datetime | None) -> Decimal | None:
    """Return `cost` scaled to 30 days, to the micro-dollar; None when the period is unknown or too short to say."""
    if first is None or last is None or last - first < SHORTEST_PERIOD:
        return None
    month, span = (Decimal(time // timedelta(microseconds=1)) for time in (MONTH, last - first))
    return EXACT.divide(EXACT.multiply(cost, month), span).quantize(MICRO, context=EXACT)


def _records(count: int) -> str:
    return f"{count:,} record{'' if count == 1 else 's'}"


def _band(key: Key, price: Price) -> str:
    held = [band for band in price.bands if key.band >= band.above_input_tokens]
    return f"> {held[-1].above_input_tokens:,} input tokens ({held[-1].rule})" if held else ""
