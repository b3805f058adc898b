"""Projections with figures that are known, for tests of their reports."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from llmopt.cost.result import Rejected
from llmopt.savings.project.plan import (
    CacheLever,
    CompressionLever,
    OwnCost,
    Plan,
    PromptCacheLever,
    RoutingLever,
    SwapLever,
)
from llmopt.savings.project.result import (
    Arithmetic,
    BreakEven,
    Brochure,
    Check,
    CurvePoint,
    Divergence,
    Hurt,
    Lever,
    Monthly,
    Projection,
    Replay,
    Step,
    Unseen,
)

FIRST = datetime(2026, 3, 2, 8, 0, 0, 250_000, tzinfo=UTC)
LAST = datetime(2026, 3, 15, 21, 30, tzinfo=UTC)


def lever(
    name: str,
    saved: str,
    alone: str,
    last_in: str,
    calls: int,
    *,
    own: str = "0",
    ends: tuple[str, str] | None = None,
    unseen: int = 0,
    notes: tuple[str, ...] = (),
) -> Lever:
    low, high = (Decimal(end) for end in ends) if ends else (None, None)
    amounts = Decimal(saved), Decimal(alone), Decimal(last_in)
    return Lever(name, *amounts, calls, Decimal(own), low, high, unseen, notes)


LEVERS = (
    lever("cache", "210.5", "250.25", "180", 4_120, own="4.5", notes=("1,204 answers come from requests that sample",)),
    lever("routing", "180.123456789", "300", "90.75", 5_001, unseen=120),
    lever("swap", "95", "130", "70", 812, ends=("80.5", "110"), notes=("o1 to o3-mini: same tokenizer",)),
    lever("compression", "-3.25", "12", "-20", 2_000, ends=("-5", "-1")),
    lever("prompt_cache", "40.000001", "80", "31", 1_733),
)
SAVED = sum((one.saved_usd for one in LEVERS), Decimal(0))
REPLAY = Replay(
    baseline_usd=Decimal(1000),
    optimized_usd=Decimal(1000) - SAVED,
    savings_usd=SAVED,
    savings_ratio=Decimal("0.522373"),
    low_usd=Decimal("462.5"),
    high_usd=Decimal("494.126543211"),
    calls=12_345,
    levers=LEVERS,
    hurts=(
        Hurt("compression", "prompt_cache", Decimal(20), "41 calls fall under the provider's minimum of 1,024 tokens"),
    ),
)
MONTHLY = Monthly(
    days=12,
    baseline_usd=Decimal("2400"),
    optimized_usd=Decimal("1146.3"),
    savings_usd=Decimal("1253.7"),
    low=Decimal("1100.25"),
    high=Decimal("1399"),
    growth_per_month=Decimal("0.1"),
    months=tuple(Decimal("1253.7") + 125 * at for at in range(12)),
    notes=("one weekend is all that the log has",),
)


def point(ttl_s: float, size_bytes: int | None, hits: int, saved: str) -> CurvePoint:
    return CurvePoint(ttl_s, size_bytes, hits, Decimal(saved), 400 * hits)


CURVES = BreakEven(
    by_ttl=tuple(
        point(hours * 3_600.0, None, hits, saved)
        for hours, hits, saved in ((1, 900, "80"), (6, 2_000, "170.5"), (24, 4_120, "250.25"), (168, 4_400, "261"))
    ),
    by_size=(point(86_400.0, 10**6, 2_500, "160"), point(86_400.0, None, 4_120, "250.25")),
    recommended_ttl_s=86_400.0,
    least_usd_per_month=Decimal("556.11"),
)
CHECKS = (
    *(Check(one.name, True, one.saved_usd, "in the plan") for one in LEVERS),
    Check("batch", False, Decimal("61.5"), "at most: --batch tag=NAME or night=22-6 for calls that can wait"),
    Check("self_host", False, None, "needs a result of llmopt bench-batch: --self-host FILE --price-per-hour USD"),
)
PLAN = Plan(
    cache=CacheLever(own=OwnCost(usd_per_month=Decimal("4.5"))),
    routing=RoutingLever(policy=Path("rules.toml")),
    swap=SwapLever(swaps=(("o1", "o3-mini"),)),
    compression=CompressionLever(),
    prompt_cache=PromptCacheLever(),
    growth_per_month=Decimal("0.1"),
    seed=7,
    prices=(Path("prices.json"),),
)
PROJECTION = Projection(
    name="plan",
    files=("logs/a.jsonl", "logs/b.jsonl.gz"),
    first=FIRST,
    last=LAST,
    days=tuple((date(2026, 3, 2) + timedelta(days=at), Decimal(70), Decimal("33.4")) for at in range(2)),
    replay=REPLAY,
    monthly=MONTHLY,
    monthly_note="",
    brochure=Brochure(Decimal("301.2"), Decimal("0.6988"), Decimal(1000) - SAVED - Decimal("301.2")),
    break_even=CURVES,
    divergences=(
        Divergence("gpt-4o", 212, 1_024, 310, "Today is [2026-03-0]2. You are", Decimal("14.2"), "logs/a.jsonl:7"),
    ),
    checklist=CHECKS,
    left_out=(Unseen("no price: acme-1", 14, None), Unseen("sums of many requests", 3, Decimal("12.5"))),
    rejected=(Rejected("not JSON", 2, "logs/a.jsonl:9"),),
    warnings=("gpt-4o: no batch price",),
    seed=7,
    min_savings=None,
    plan=PLAN,
)
ARITHMETIC = Arithmetic(
    Decimal(1_000_000),
    Decimal(48_000),
    Decimal(952_000),
    Decimal("0.952"),
    (
        Step("compression", Decimal("0.5"), Decimal(1_000_000), Decimal(500_000)),
        Step("caching", Decimal("0.7"), Decimal(500_000), Decimal(150_000)),
        Step("routing", Decimal("0.68"), Decimal(150_000), Decimal(48_000)),
    ),
)
