"""Results of the cache commands with figures that are known, for tests of their reports."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from llmopt.cost.result import Rejected
from llmopt.savings.caching_result import CacheSimulation, LeftOut, Part, Setting
from llmopt.serving.cache.semantic.audit import AtThreshold, Audit, Judged, Share
from llmopt.serving.cache.semantic.pairs import Pair
from llmopt.serving.cache.stores.store import StoreStats, TenantStats


def setting(ttl_s: float, size_bytes: int | None, hits: int, saved: str, *, evicted: int = 0) -> Setting:
    return Setting(ttl_s, size_bytes, hits, Decimal(saved), 3, 12, Decimal("0.18"), evicted, 0, 901_234, 412)


def part(name: str | None, simulated: int, usd: str, *hits: tuple[int, str]) -> Part:
    settings = tuple(
        Setting(ttl_s, None, count, Decimal(saved), 0, 0, Decimal(0), 0, 0, 0, 0)
        for ttl_s, (count, saved) in zip((3_600.0, 86_400.0), hits, strict=True)
    )
    return Part(name, simulated, Decimal(usd), settings)


SIMULATION = CacheSimulation(
    files=("logs/a.jsonl", "logs/b.jsonl.gz"),
    tenant="team",
    start=datetime(2026, 3, 2, 9, 15, tzinfo=UTC),
    end=datetime(2026, 3, 9, 18, 0, tzinfo=UTC),
    requests=2_000,
    cost_usd=Decimal("40"),
    unpriced=7,
    simulated=1_200,
    simulated_usd=Decimal("25.5"),
    distinct=412,
    settings=(
        setting(3_600.0, 64_000_000, 420, "7.25", evicted=31),
        setting(86_400.0, 64_000_000, 700, "13.5", evicted=48),
        setting(3_600.0, None, 431, "7.4"),
        setting(86_400.0, None, 731, "14.123456789"),
    ),
    tenants=(
        part("support", 800, "20", (300, "5.4"), (500, "10.123456789")),
        part("search", 300, "5", (131, "2"), (231, "4")),
        part(None, 100, "0.5", (0, "0"), (0, "0")),
    ),
    models=(part("gpt-4o", 1_200, "25.5", (431, "7.4"), (731, "14.123456789")),),
    left_out=(
        LeftOut("samples: no temperature 0, no seed", 500, Decimal("10"), 0, "logs/a.jsonl:3", known=True),
        LeftOut("the log does not hold what was asked", 300, Decimal("4.5"), 2, "logs/b.jsonl.gz:17", known=False),
    ),
    not_kept=9,
    settings_assumed=40,
    latency_known=1_100,
    size_estimated=25,
    aggregated=2,
    free=11,
    duplicates=5,
    skipped=1,
    rejected=(Rejected("not JSON", 3, "logs/a.jsonl:77"),),
    warnings=("gpt-5: no priority price known",),
)
"""`tenants` and `models` have the two unbounded settings only, so that they fit `UNBOUNDED`."""

HELD = StoreStats(
    "sqlite",
    1_204,
    5_678_901,
    1_000_000_000,
    expired=17,
    oldest_s=1_772_442_900.5,
    newest_s=1_773_079_200.0,
    usd=Decimal("12.75"),
    tenants=(
        TenantStats("acme", "gpt-4o", 1_000, 5_000_000, Decimal("12.5")),
        TenantStats("acme", "gpt-4o-mini", 200, 600_000, Decimal("0.25")),
        TenantStats("", "", 4, 78_901),
    ),
)

SAME = Pair("How do I reset my password?", "How can I reset my password?", True, "pairs.jsonl:1")
OTHER = Pair("Is it safe for cats?", "Is it safe for dogs?", False, "pairs.jsonl:2")
LONG = Pair(
    "What is the price of " + "a very long list of things, " * 8 + "in May?", "In June?", False, "pairs.jsonl:9"
)

AUDIT = Audit(
    same=40,
    different=60,
    unread=1,
    guarded=True,
    at=(
        AtThreshold(
            0.9,
            Share(30, 40, 0.598, 0.858),
            Share(21, 60, 0.242, 0.476),
            Share(20, 40, 0.352, 0.648),
            Share(2, 60, 0.009, 0.114),
        ),
        AtThreshold(
            0.95,
            Share(16, 40, 0.263, 0.554),
            Share(9, 60, 0.081, 0.261),
            Share(10, 40, 0.142, 0.402),
            Share(0, 60, 0.0, 0.06),
        ),
    ),
    false_hits=(Judged(OTHER, 0.93456789, ""), Judged(LONG, 0.91, "")),
    refused_false_hits=(Judged(OTHER, 0.97, "names"),),
    refused_true_hits=(Judged(SAME, 0.99, "question words"),),
)
