"""What the samples of gateways, tracing tools, coding agents and tables cost, figure by figure."""

from __future__ import annotations

import pytest

from tests.cost.formats.expected import Expected, check
from tests.cost.reading import usd

SAMPLES = {
    "litellm-spend": Expected(
        costs={
            # The second one's cache_hit is "None", which is no hit.
            "gpt-4o": usd((1200 - 1024, "2.50"), (1024, "1.25"), (80, "10"), (900, "2.50"), (40, "10")),
            # prompt_tokens 12,620 hold 10,000 read and 2,300 written, 2,000 of those for an hour.
            "claude-sonnet-4-5-20250929": usd(
                (12_620 - 10_000 - 2_300, "3"), (10_000, "0.30"), (300, "3.75"), (2_000, "6"), (410, "15")
            ),
            "gemini-2.5-flash": usd((4000, "0.30"), (350, "2.50")),
            "azure/gpt-4.1-mini": usd((2100, "0.40"), (160, "1.60")),
        },
        read=8,
        priced=5,
        free=2,
        duplicates=1,
    ),
    "litellm-payload": Expected(
        costs={
            "gpt-4o": usd((1500 - 1024, "2.50"), (1024, "1.25"), (120, "10")),
            "gpt-5-mini": usd((2200, "0.25"), (800, "2")),
            "claude-haiku-4-5-20251001": usd((5040 - 5000, "1"), (5000, "1.25"), (300, "5")),
            # LiteLLM puts the reasoning inside, unlike xAI itself.
            "grok-4-0709": usd((600, "3"), (950, "15")),
        },
        read=6,
        priced=4,
        free=2,
    ),
    "langfuse": Expected(
        costs={
            # Disjoint; then OpenAI's counts as they came (1200 include 1024); then an update that brought the usage.
            "gpt-4o": usd(
                (176, "2.50"),
                (1024, "1.25"),
                (80, "10"),
                (1200 - 1024, "2.50"),
                (1024, "1.25"),
                (80, "10"),
                (300, "2.50"),
                (20, "10"),
            ),
            "gpt-5": usd((900, "1.25"), (100 + 512, "10")),
            "claude-sonnet-4-5-20250929": usd((50, "3"), (9000, "0.30"), (1200, "3.75"), (400, "15")),
        },
        read=7,
        priced=5,
        free=1,
        duplicates=1,
        skipped=1,
    ),
    "helicone": Expected(
        costs={
            "gpt-4o-2024-08-06": usd((1200 - 1024, "2.50"), (1024, "1.25"), (80, "10")),
            # Anthropic: what was read and written stands beside the 30.
            "claude-sonnet-4-5-20250929": usd((30, "3"), (7000, "0.30"), (900, "3.75"), (220, "15")),
            "claude-haiku-4-5-20251001": usd((500, "1"), (2000, "0.10"), (60, "5")),
            "gemini-2.5-flash": usd((2000, "0.30"), (150, "2.50")),
            "gpt-4o-mini": usd((640, "0.15"), (64, "0.60")),
        },
        read=8,
        priced=5,
        free=3,
    ),
    "otel-genai": Expected(
        costs={
            # The agent's span repeats both of its calls and is left out.
            "gpt-4o-2024-08-06": usd(
                (1200 - 1024, "2.50"), (1024, "1.25"), (80, "10"), (2500 - 1152, "2.50"), (1152, "1.25"), (90, "10")
            ),
            "claude-sonnet-4-5-20250929": usd(
                (10_230 - 8_000 - 2_000, "3"), (8_000, "0.30"), (2_000, "3.75"), (300, "15")
            ),
            # Claude Code's own counts: the cache stands beside the 2; exported as span and as event.
            "claude-opus-4-5-20251101": usd((2, "5"), (84_562, "0.50"), (7_096, "6.25"), (1200, "25")),
            "claude-haiku-4-5-20251001": usd((340, "1"), (50, "5")),
        },
        read=9,
        priced=5,
        free=2,
        duplicates=2,
        skipped=4,
    ),
    "claude-code": Expected(
        costs={
            # msg_01CCa is logged three times: the last usage counts, once.
            "claude-opus-4-5-20251101": usd(
                (9, "5"), (14_210, "10"), (182, "25"), (4, "5"), (900, "6.25"), (14_210, "0.50"), (420, "25")
            ),
            "claude-haiku-4-5-20251001": usd(
                (2100, "1"), (3000, "1.25"), (95, "5"), (12, "1"), (5000, "0.10"), (310, "5")
            ),
        },
        read=8,
        priced=4,
        duplicates=4,
        skipped=6,
    ),
    "codex": Expected(
        costs={
            # The event that repeats the running total of 9,510 is the same request.
            "gpt-5-codex": usd((9200, "1.25"), (310, "10"), (9900 - 8960, "1.25"), (8960, "0.125"), (640, "10")),
            "gpt-5-mini": usd((4100 - 3072, "0.25"), (3072, "0.025"), (120, "2")),
        },
        read=4,
        priced=3,
        duplicates=1,
        skipped=7,
    ),
    "logged-text": Expected(
        costs={
            "gpt-4o-2024-08-06": usd((1200 - 1024, "2.50"), (1024, "1.25"), (80, "10")),
            "claude-sonnet-4-5-20250929": usd((40, "3"), (3000, "0.30"), (400, "3.75"), (100, "6"), (200, "15")),
            "gpt-5-2025-08-07": usd((2200 - 1536, "1.25"), (1536, "0.125"), (700, "10")),
        },
        read=3,
        priced=3,
    ),
    "vercel-ai": Expected(
        costs={
            # Two steps add up to totalUsage: 3000 in of which 1024 cached, 450 out.
            "gpt-5-2025-08-07": usd(
                (2200 - 1536, "1.25"), (1536, "0.125"), (700, "10"), (3000 - 1024, "1.25"), (1024, "0.125"), (450, "10")
            ),
            "claude-sonnet-4-5-20250929": usd(
                # Version 6: inside, all 1,000 written for an hour.
                (6100 - 5000 - 1000, "3"),
                (5000, "0.30"),
                (1000, "6"),
                (240, "15"),
                # Version 5: outside.
                (40, "3"),
                (3000, "0.30"),
                (500, "3.75"),
                (200, "15"),
            ),
            "gpt-4o-2024-08-06": usd((1200 - 1024, "2.50"), (1024, "1.25"), (80, "10")),
            # Version 5 of Google: 200 of reasoning beside the 50, as the total of 1,150 says.
            "gemini-2.5-flash": usd((900, "0.30"), (50 + 200, "2.50")),
        },
        read=8,
        priced=6,
        free=1,
        unpriced=1,
    ),
    "generic": Expected(
        costs={
            # Two lines of the CSV, two rows of the Parquet file.
            "gpt-4o": usd(
                (1200, "2.50"),
                (80, "10"),
                (640, "2.50"),
                (32, "10"),
                (5200, "2.50"),
                (610, "10"),
                (4800, "2.50"),
                (590, "10"),
            ),
            "gpt-4o-mini": usd((512, "0.15"), (203, "0.60")),
            "claude-haiku-4-5": usd((2048, "1"), (150, "5")),
            "gemini-2.5-flash": usd((900, "0.30"), (60, "2.50")),
            "gpt-4.1-mini": usd((3000, "0.40"), (410, "1.60")),
            "claude-sonnet-4-5": usd((9100, "3"), (720, "15")),
            "gpt-5-mini": usd((1500, "0.25"), (900, "2")),
            "gemini-2.5-pro": usd((30_000, "1.25"), (1200, "10")),
        },
        read=11,
        priced=11,
    ),
    "llmopt-gateway": Expected(
        costs={
            # The second one's client left: 19 and 14 were counted by the gateway.
            "gpt-4o-2024-08-06": usd((1200 - 1024, "2.50"), (1024, "1.25"), (80, "10"), (19, "2.50"), (14, "10")),
            "gpt-4o-mini-2024-07-18": usd((640, "0.15"), (64, "0.60")),
            "claude-sonnet-4-5-20250929": usd((30, "3"), (7000, "0.30"), (900, "3.75"), (220, "15")),
            "gpt-5-2025-08-07": usd((900, "1.25"), (100 + 512, "10")),
            "text-embedding-3-small": usd((640, "0.02")),
        },
        # Free: a hit, an overloaded upstream, a spent budget. A time-out may have been billed.
        read=10,
        priced=6,
        free=3,
        unpriced=1,
        skipped=1,
    ),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_sample_costs_what_its_figures_add_up_to(name: str) -> None:
    check(name, SAMPLES[name])
