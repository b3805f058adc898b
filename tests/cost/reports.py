"""Hand-built cost reports: a plain one, one with everything that can go wrong, an empty one."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from llmopt.core.counted import Counted
from llmopt.cost.result import (
    CostReport,
    Group,
    Hint,
    Period,
    PriceSource,
    Rejected,
    Resolved,
    Totals,
    Unpriced,
)

GUESSED = Counted(
    requests=4,
    estimated_requests=3,
    requests_without_output=1,
    input_tokens=8_000,
    input_low_tokens=7_200,
    input_high_tokens=9_600,
    output_tokens=400,
    output_low_tokens=300,
    output_high_tokens=500,
    exact_tokens=2_000,
    estimated_tokens=6_400,
)
PRICES = PriceSource("5f" * 32, date(2026, 1, 31))


def group(model: str | None, cost_usd: str, tokens: int = 1000, requests: int = 10) -> Group:
    """A group of one model; a fifth of its tokens is output."""
    written = tokens // 5
    totals = Totals(
        requests=requests,
        input_tokens=tokens - written,
        input_uncached_tokens=tokens - written,
        output_tokens=written,
        cost_usd=Decimal(cost_usd),
        cost_low_usd=Decimal(cost_usd),
        cost_high_usd=Decimal(cost_usd),
    )
    return Group({"model": model}, totals)


def report_of(*groups: Group) -> CostReport:
    """A month of traffic in which everything was priced."""

    def total(name: str) -> int:
        return sum(getattr(one.totals, name) for one in groups)

    requests = total("requests")
    return CostReport(
        by=("model",),
        total=Totals(
            requests=requests,
            input_tokens=total("input_tokens"),
            input_uncached_tokens=total("input_uncached_tokens"),
            output_tokens=total("output_tokens"),
            cost_usd=sum((one.totals.cost_usd for one in groups), Decimal(0)),
            cost_low_usd=sum((one.totals.cost_low_usd for one in groups), Decimal(0)),
            cost_high_usd=sum((one.totals.cost_high_usd for one in groups), Decimal(0)),
        ),
        groups=groups,
        resolved=(),
        unpriced=(),
        rejected=(),
        read=requests,
        priced=requests,
        free=0,
        duplicates=0,
        skipped=0,
        formats={"openai-chat": requests},
        period=Period(datetime(2025, 8, 1, tzinfo=UTC), datetime(2025, 8, 31, tzinfo=UTC)),
        monthly_usd=sum((one.totals.cost_usd for one in groups), Decimal(0)),
        prices=PRICES,
        files=("logs/a.jsonl",),
    )


def troubled() -> CostReport:
    """A log with cached tokens, an unknown model, rejects, duplicates, a hostile name, warnings and hints."""
    dear = Decimal("19.050007")
    sonnet = Totals(
        1200,
        9_400_000,
        1_400_000,
        7_000_000,
        1_000_000,
        600_000,
        50_000,
        dear,
        cost_low_usd=dear,
        cost_high_usd=dear,
    )
    nano = Totals(
        34,
        80_000,
        80_000,
        0,
        0,
        4_000,
        0,
        Decimal("0.0056"),
        Decimal("0.0057"),
        8_000,
        400,
        Decimal("0.0055"),
        Decimal("0.0058"),
        Decimal("0.0006"),
        GUESSED,
    )
    return CostReport(
        by=("model", "team"),
        total=Totals(
            1234,
            9_480_000,
            1_480_000,
            7_000_000,
            1_000_000,
            604_000,
            50_000,
            Decimal("19.055607"),
            None,
            8_000,
            400,
            Decimal("19.055507"),
            Decimal("19.055807"),
            Decimal("0.0006"),
            GUESSED,
        ),
        groups=(
            Group({"model": "claude-sonnet-4-5", "team": "search"}, sonnet),
            Group({"model": "@cf/[red]nano\x1b[31m|\u202e", "team": None}, nano),
        ),
        resolved=(
            Resolved(
                "claude-sonnet-4-5",
                "anthropic",
                "anthropic/claude-sonnet-4-5@2025-09-29",
                "default",
                date(2025, 9, 29),
                1200,
                "exact",
                "> 200,000 input tokens (cliff)",
            ),
            Resolved("@cf/[red]nano\x1b[31m|\u202e", "cf", "cf/nano@undated", "batch", None, 34, "deployment", ""),
        ),
        unpriced=(
            Unpriced("gtp-4o", 7, 700, 70, "gpt-4o", "unknown model"),
            Unpriced(None, 1, 10, 1, None, "no model in the record"),
        ),
        rejected=(
            Rejected("not JSON", 2, "logs/a.jsonl:17"),
            Rejected("prompt_tokens: 1.5 is not a whole number", 1, "logs/b.jsonl.gz:3"),
        ),
        read=1250,
        priced=1234,
        free=2,
        duplicates=3,
        skipped=41,
        formats={"anthropic-messages": 1203, "litellm-payload": 47},
        period=Period(datetime(2025, 10, 1, 8, 30, tzinfo=UTC), datetime(2025, 10, 11, 8, 30, tzinfo=UTC)),
        monthly_usd=Decimal("57.166821"),
        prices=PRICES,
        warnings=("34 records without a timestamp are priced at the newest rates",),
        hints=(
            Hint("send batchable hours to the batch tier", Decimal("9.52"), "llmopt cost logs --by hour"),
            Hint("cache repeated prefixes", Decimal("4.1"), "llmopt cost logs --by feature"),
            Hint("look at the dearest model", Decimal("3"), "llmopt prices show claude-sonnet-4-5"),
            Hint("a fourth that does not fit", Decimal("1"), "llmopt cost logs"),
        ),
        estimated_share=Decimal("0.000031"),
        dearest_request_usd=Decimal("0.51"),
        files=("logs/a.jsonl", "logs/b.jsonl.gz"),
    )


def empty() -> CostReport:
    """A log in which nothing was a request."""
    return CostReport(
        ("model",), Totals(), (), (), (), (), 0, 0, 0, 0, 5, {}, Period(None, None), None, PRICES, files=("a.jsonl",)
    )
