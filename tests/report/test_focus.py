"""FOCUS rows: what the specification asks of a charge, and not a dollar more or less than the log cost."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.money import EXACT
from llmopt.cost.result import CostReport, Group, Totals, Unpriced
from llmopt.errors import InputError
from llmopt.report import as_csv
from llmopt.report.focus import COLUMNS, GROUPS, focus_groups, focus_table, focus_warning
from llmopt.report.table import Report
from tests.cost.reports import empty

MANDATORY = (
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd"),
    *("BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd"),
    *("ChargePeriodStart", "ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity"),
    *("PricingUnit", "ProviderName", "PublisherName", "ServiceCategory", "ServiceName"),
)
"""Of FOCUS 1.2, the columns of feature level "Mandatory"."""
NULLABLE = {"BillingAccountName", "ChargeClass", "SubAccountId", "SubAccountName", "Tags", "x_ReportedCost"}
"""Ours that may be null; a charge class is null for all that is no correction."""
DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31)).map(str)
TOTALS = st.builds(
    Totals,
    requests=st.integers(1, 10**6),
    input_tokens=st.integers(0, 10**9),
    output_tokens=st.integers(0, 10**9),
    cost_usd=st.decimals(0, 10**6, places=12, allow_nan=False),
)
KEYS = st.tuples(DAYS, st.sampled_from(["openai", "aws"]), st.sampled_from(["gpt-4o", "=1+1"]), st.just("default"))


def report_of(groups: dict[tuple[str | None, ...], Totals], by: tuple[str, ...] = GROUPS) -> CostReport:
    found = tuple(Group(dict(zip(by, key, strict=True)), totals) for key, totals in groups.items())
    total = Totals(cost_usd=reduce(EXACT.add, (one.cost_usd for one in groups.values()), Decimal(0)))
    return replace(empty(), by=by, groups=found, total=total)


def rows_of(report: CostReport, undated: date | None = None) -> list[dict[str, str]]:
    table = focus_table(report, {"openai": "OpenAI", "aws": "AWS Bedrock"}.get, undated)  # type: ignore[arg-type]  # all are there
    return list(csv.DictReader(io.StringIO(as_csv.render(Report("", "", (), csv=table)))))


def instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


@given(st.dictionaries(KEYS, TOTALS, max_size=6))
def test_charges_add_up_to_what_the_log_cost(groups: dict[tuple[str | None, ...], Totals]) -> None:
    report = report_of(groups)
    rows = rows_of(report)
    for name in ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost"):
        assert reduce(EXACT.add, (Decimal(row[name]) for row in rows), Decimal(0)) == report.total.cost_usd
    assert sum(int(row["x_Requests"]) for row in rows) == sum(one.requests for one in groups.values())


@given(st.dictionaries(KEYS, TOTALS, min_size=1, max_size=6))
def test_every_row_is_a_charge_of_one_day_in_its_month(groups: dict[tuple[str | None, ...], Totals]) -> None:
    for row in rows_of(report_of(groups)):
        start, end = instant(row["ChargePeriodStart"]), instant(row["ChargePeriodEnd"])
        first, last = instant(row["BillingPeriodStart"]), instant(row["BillingPeriodEnd"])
        assert end - start == timedelta(days=1)
        assert first <= start < end <= last
        assert (first.day, last.day) == (1, 1)
        assert (last - first).days in (28, 29, 30, 31)
        assert {name for name, value in row.items() if not value} <= NULLABLE
        assert Decimal(row["PricingQuantity"]) == Decimal(row["ConsumedQuantity"]) > 0


@given(st.lists(st.sampled_from(["model", "team", "hour", "day", "user"]), unique=True))
def test_what_is_grouped_by_holds_both(by: Sequence[str]) -> None:
    assert set(focus_groups(by)) == {*by, *GROUPS}


def test_columns_are_those_of_the_specification_in_its_order() -> None:
    names = [column.name for column in COLUMNS]
    own = [name for name in names if name.startswith("x_")]
    of_focus = names[: -len(own)]
    assert names[-len(own) :] == own
    assert of_focus == sorted(of_focus)
    assert set(MANDATORY) <= set(of_focus)


def test_one_row() -> None:
    key = ("2026-02-28", "openai", "gpt-4o", "batch", "search", None, "p1", "2026-02")
    by = (*GROUPS, "team", "user", "project", "month")
    totals = Totals(3, 90, 50, 30, 10, 10, 4, Decimal("0.033"), Decimal("0.04"), counted_usd=Decimal("0.001"))
    (row,) = rows_of(report_of({key: totals}, by))
    assert row == {
        "BilledCost": "0.033",
        "BillingAccountId": "openai",
        "BillingAccountName": "",
        "BillingCurrency": "USD",
        "BillingPeriodEnd": "2026-03-01T00:00:00Z",
        "BillingPeriodStart": "2026-02-01T00:00:00Z",
        "ChargeCategory": "Usage",
        "ChargeClass": "",
        "ChargeDescription": "gpt-4o, batch tier: 3 requests",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodEnd": "2026-03-01T00:00:00Z",
        "ChargePeriodStart": "2026-02-28T00:00:00Z",
        "ConsumedQuantity": "100",
        "ConsumedUnit": "Tokens",
        "ContractedCost": "0.033",
        "EffectiveCost": "0.033",
        "InvoiceIssuerName": "OpenAI",
        "ListCost": "0.033",
        "PricingCategory": "Standard",
        "PricingQuantity": "100",
        "PricingUnit": "Tokens",
        "ProviderName": "OpenAI",
        "PublisherName": "OpenAI",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "OpenAI",
        "ServiceSubcategory": "Generative AI",
        "SkuId": "openai/gpt-4o/batch",
        "SubAccountId": "p1",
        "SubAccountName": "p1",
        "Tags": '{"team": "search", "project": "p1"}',
        "x_Model": "gpt-4o",
        "x_ServiceTier": "batch",
        "x_Requests": "3",
        "x_InputTokens": "90",
        "x_UncachedTokens": "50",
        "x_CachedTokens": "30",
        "x_CacheWriteTokens": "10",
        "x_OutputTokens": "10",
        "x_ReasoningTokens": "4",
        "x_CountedCost": "0.001",
        "x_ReportedCost": "0.04",
    }
    assert json.loads(row["Tags"]) == {"team": "search", "project": "p1"}


def test_requests_without_tokens_are_what_is_counted() -> None:
    (row,) = rows_of(report_of({("2026-02-28", "aws", "m", "default"): Totals(7, cost_usd=Decimal(1))}))
    assert (row["PricingQuantity"], row["PricingUnit"], row["ConsumedUnit"]) == ("7", "Requests", "Requests")


def test_a_record_without_a_time_is_no_charge_unless_its_day_is_said() -> None:
    report = report_of({(None, "aws", "m", "default"): Totals(7, cost_usd=Decimal(1))})
    with pytest.raises(InputError, match="7 requests without a timestamp") as caught:
        rows_of(report)
    assert "--as-of" in caught.value.hint
    (row,) = rows_of(report, date(2024, 5, 1))
    assert row["ChargePeriodStart"] == "2024-05-01T00:00:00Z"


def test_requests_without_a_price_are_named_and_never_free() -> None:
    unpriced = (Unpriced("gpt-x", 3, 1, 1, None, "unknown model"), Unpriced(None, 1, 1, 1, None, "no model"))
    report = replace(report_of({}), unpriced=unpriced)
    assert rows_of(report) == []
    assert focus_warning(report) == "4 requests without a price not in the FOCUS rows: gpt-x 3, (none) 1"
    assert focus_warning(replace(report, unpriced=())) == ""
