"""Costs as FOCUS 1.2 rows: a charge for each UTC day, provider, model and tier, for tools that read cloud bills.

Source: https://focus.finops.org/focus-specification/v1-2/. A charge that the specification calls usage must have a
cost, a quantity and a period, so requests without a price are no rows (0 would say that they were free), and a record
without a time cannot be one. All four costs are equal: llmopt knows one price for a request, and no discount, credit
or commitment. Unit prices and SKU prices are left out: a row adds up tokens that have several.
"""

from __future__ import annotations

import json
from calendar import monthrange
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from operator import attrgetter

from llmopt.cost.regroup import regrouped
from llmopt.cost.result import CostReport, Group, Totals
from llmopt.errors import InputError
from llmopt.report.figures import plural
from llmopt.report.table import Cell, Column, Table

GROUPS = ("day", "provider", "model", "tier")
"""What a report has to be grouped by, at least."""
_TIMES = ("hour", "week", "month")
"""Groups that say no more of a charge than its day."""
_SUB_ACCOUNT = "project"


@dataclass(frozen=True, slots=True)
class _Charge:
    """What the cells of one row are made from."""

    day: date
    provider: str
    """Its name for people."""
    key: dict[str, str | None]
    tags: dict[str, str]
    totals: Totals

    @property
    def month(self) -> date:
        """Its first day."""
        return self.day.replace(day=1)

    @property
    def month_end(self) -> date:
        """The first day of the next one."""
        return self.month + timedelta(days=monthrange(self.day.year, self.day.month)[1])

    @property
    def tokens(self) -> int:
        """Read and written."""
        return self.totals.input_tokens + self.totals.output_tokens

    @property
    def quantity(self) -> int:
        """Tokens; requests where there are none."""
        return self.tokens or self.totals.requests

    @property
    def unit(self) -> str:
        """Of the quantity."""
        return "Tokens" if self.tokens else "Requests"

    @property
    def text(self) -> str:
        """What the charge is for."""
        return f"{self.key['model']}, {self.key['tier']} tier: {plural(self.totals.requests, 'request')}"


_COST = attrgetter("totals.cost_usd")
_CELLS: dict[str, Callable[[_Charge], Cell] | str | None] = {
    "BilledCost": _COST,
    "BillingAccountId": lambda one: one.key["provider"],
    "BillingAccountName": None,
    "BillingCurrency": "USD",
    "BillingPeriodEnd": lambda one: _midnight(one.month_end),
    "BillingPeriodStart": lambda one: _midnight(one.month),
    "ChargeCategory": "Usage",
    "ChargeClass": None,
    "ChargeDescription": attrgetter("text"),
    "ChargeFrequency": "Usage-Based",
    "ChargePeriodEnd": lambda one: _midnight(one.day + timedelta(days=1)),
    "ChargePeriodStart": lambda one: _midnight(one.day),
    "ConsumedQuantity": attrgetter("quantity"),
    "ConsumedUnit": attrgetter("unit"),
    "ContractedCost": _COST,
    "EffectiveCost": _COST,
    "InvoiceIssuerName": attrgetter("provider"),
    "ListCost": _COST,
    "PricingCategory": "Standard",
    "PricingQuantity": attrgetter("quantity"),
    "PricingUnit": attrgetter("unit"),
    "ProviderName": attrgetter("provider"),
    "PublisherName": attrgetter("provider"),
    "ServiceCategory": "AI and Machine Learning",
    "ServiceName": attrgetter("provider"),
    "ServiceSubcategory": "Generative AI",
    "SkuId": lambda one: f"{one.key['provider']}/{one.key['model']}/{one.key['tier']}",
    "SubAccountId": lambda one: one.key.get(_SUB_ACCOUNT),
    "SubAccountName": lambda one: one.key.get(_SUB_ACCOUNT),
    "Tags": lambda one: json.dumps(one.tags, ensure_ascii=False) if one.tags else None,
    "x_Model": lambda one: one.key["model"],
    "x_ServiceTier": lambda one: one.key["tier"],
    "x_Requests": attrgetter("totals.requests"),
    "x_InputTokens": attrgetter("totals.input_tokens"),
    "x_UncachedTokens": attrgetter("totals.input_uncached_tokens"),
    "x_CachedTokens": attrgetter("totals.cache_read_tokens"),
    "x_CacheWriteTokens": attrgetter("totals.cache_write_tokens"),
    "x_OutputTokens": attrgetter("totals.output_tokens"),
    "x_ReasoningTokens": attrgetter("totals.reasoning_tokens"),
    "x_CountedCost": attrgetter("totals.counted_usd"),
    "x_ReportedCost": attrgetter("totals.reported_usd"),
}
"""Column -> its cell, or how it is told; those of FOCUS first, in the order of their names, then our own."""
COLUMNS = tuple(Column(name, name, "money" if name.endswith("Cost") else "text") for name in _CELLS)


def focus_groups(by: Sequence[str]) -> tuple[str, ...]:
    """Return what to group a log by, so that both its report and its charges can be told."""
    return tuple(dict.fromkeys((*by, *GROUPS)))


def focus_table(report: CostReport, name_of: Callable[[str], str], undated: date | None = None) -> Table:
    """Return a priced log as charges, by day and then as the report has them; they add up to its total.

    Args:
        report: grouped by `GROUPS` at least; what else it is grouped by becomes tags.
        name_of: the name of a provider for people.
        undated: the day of records without a time; None: there may be none.

    Raises:
        InputError: there are records without a time, and no day for them.
    """
    tags = tuple(name for name in report.by if name not in (*GROUPS, *_TIMES))
    groups = regrouped(report, (*GROUPS, *tags)).groups
    lost = sum(group.totals.requests for group in groups if group.key["day"] is None)
    if lost and undated is None:
        raise InputError(
            f"{plural(lost, 'request')} without a timestamp: FOCUS has no charge without a period",
            "--as-of DATE says which day they are of",
        )
    charges = sorted(_charges(groups, tags, name_of, undated), key=_order)
    rows = tuple(tuple(cell(charge) if callable(cell) else cell for cell in _CELLS.values()) for charge in charges)
    return Table("focus", "FOCUS 1.2", COLUMNS, rows)


def focus_warning(report: CostReport) -> str:
    """Say which requests are no charges; empty where all are."""
    count = sum(row.requests for row in report.unpriced)
    if not count:
        return ""
    names = ", ".join(f"{row.model or '(none)'} {row.requests:,}" for row in report.unpriced)
    return f"{plural(count, 'request')} without a price not in the FOCUS rows: {names}"


def _charges(
    groups: Sequence[Group], tags: Sequence[str], name_of: Callable[[str], str], undated: date | None
) -> Iterator[_Charge]:
    for group in groups:
        key, told = group.key, group.key["day"]
        day = undated if told is None else date.fromisoformat(told)
        if day is not None:
            own = {name: value for name in tags if (value := key[name]) is not None}
            yield _Charge(day, name_of(key["provider"] or ""), key, own, group.totals)


def _order(charge: _Charge) -> tuple[date, Decimal, list[str]]:
    return charge.day, -charge.totals.cost_usd, [value or "" for value in charge.key.values()]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
