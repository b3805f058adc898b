"""What the samples of the providers' own formats cost, figure by figure.

Each number of tokens below stands in the sample; each rate is the provider's list price in dollars per million.
"""

from __future__ import annotations

import pytest

from tests.cost.formats.expected import Expected, check
from tests.cost.reading import usd

SAMPLES = {
    "openai-chat": Expected(
        costs={
            # prompt 1200 of which 1024 cached, 80 out; prompt 1342 of which 1024 cached, 46 out.
            "gpt-4o-2024-08-06": usd(
                (1200 - 1024, "2.50"), (1024, "1.25"), (80, "10"), (1342 - 1024, "2.50"), (1024, "1.25"), (46, "10")
            ),
            # A whole answer, the last chunk of a stream, and one behind a wrapper with 1664 of 1801 cached.
            "gpt-4o-mini-2024-07-18": usd(
                (512, "0.15"),
                (203, "0.60"),
                (24, "0.15"),
                (3, "0.60"),
                (1801 - 1664, "0.15"),
                (1664, "0.075"),
                (129, "0.60"),
            ),
            # 1420 out include 1152 of reasoning; then a priority request at 2x input and 2x output.
            "gpt-5-2025-08-07": usd((3150 - 2048, "1.25"), (2048, "0.125"), (1420, "10"), (640, "2.50"), (95, "20")),
            # Flex: half of 0.25 and 2.00.
            "gpt-5-mini-2025-08-07": usd((820, "0.125"), (310, "1")),
            # 300 of 420 in and 200 of 260 out are audio.
            "gpt-audio-2025-08-28": usd((420 - 300, "2.50"), (300, "32"), (260 - 200, "10"), (200, "64")),
        },
        read=11,
        priced=9,
        unpriced=1,
        duplicates=1,
        skipped=2,
    ),
    "openai-responses": Expected(
        costs={
            # 256 of the 300 out are reasoning, at the same rate; cached 1024 of 1200.
            "o3-2025-04-16": usd((1200 - 1024, "2"), (1024, "0.50"), (300, "8")),
            "gpt-5-2025-08-07": usd((9216 - 8192, "1.25"), (8192, "0.125"), (2048, "10")),
            "gpt-4.1-2025-04-14": usd((700, "2"), (150, "8"), (333, "2"), (77, "8")),
            "gpt-5-mini-2025-08-07": usd((4096 - 3072, "0.25"), (3072, "0.025"), (512, "2")),
        },
        read=7,
        priced=5,
        free=1,
        unpriced=1,
        skipped=2,
    ),
    "openai-batch": Expected(
        costs={
            # Half of 0.25, 0.025 and 2.00.
            "gpt-5-mini-2025-08-07": usd(
                (1480 - 1024, "0.125"),
                (1024, "0.0125"),
                (220, "1"),
                (1512 - 1024, "0.125"),
                (1024, "0.0125"),
                (310, "1"),
                (990, "0.125"),
                (84, "1"),
            ),
            # Half of 1.25 and 10.
            "gpt-5-2025-08-07": usd((2000, "0.625"), (600, "5")),
            # An embedding: half of 0.02, no output.
            "text-embedding-3-small": usd((640, "0.01")),
        },
        read=7,
        priced=5,
        free=2,
    ),
    "openai-usage": Expected(
        costs={
            "gpt-4o-2024-08-06": usd(
                (1_840_210 - 901_120, "2.50"),
                (901_120, "1.25"),
                (120_450, "10"),
                (2_210_500 - 1_310_720, "2.50"),
                (1_310_720, "1.25"),
                (140_020, "10"),
            ),
            "gpt-5-mini-2025-08-07": usd((640_000, "0.125"), (88_000, "1")),
            # Audio is counted apart from the text.
            "gpt-audio-2025-08-28": usd((12_000, "2.50"), (30_000, "32"), (4_000, "10"), (21_000, "64")),
            "gpt-4.1-2025-04-14": usd((95_000, "2"), (12_000, "8")),
        },
        read=5,
        priced=5,
        requests=812 + 1600 + 9 + 960 + 40,
    ),
    "azure-apim": Expected(
        costs={
            # Three parts of one message, counted once; a body of Azure's with 2176 of 2400 cached.
            "gpt-4o-2024-08-06": usd((1250, "2.50"), (90, "10"), (2400 - 2176, "2.50"), (2176, "1.25"), (120, "10")),
            "gpt-4.1-mini-2025-04-14": usd((300, "0.40"), (20, "1.60")),
            # No model in the record: the deployment bears the model's name.
            "gpt-4o-mini": usd((5000, "0.15"), (700, "0.60")),
        },
        read=6,
        priced=4,
        duplicates=2,
    ),
    "anthropic-messages": Expected(
        costs={
            "claude-sonnet-4-5-20250929": usd(
                (3, "3"),
                (12_304, "3.75"),
                (550, "15"),
                (27, "3"),
                (12_304, "0.30"),
                (210, "15"),
                # 20,480 written for an hour at 2x, 1,024 for five minutes at 1.25x.
                (812, "3"),
                (20_480, "6"),
                (1_024, "3.75"),
                (95, "15"),
            )
            # Above 200,000 input tokens all of the request costs the long-context rates: $1.5225.
            + usd((250_000, "6"), (1_000, "22.50")),
            # No split of the 2,048 written: five minutes.
            "claude-haiku-4-5-20251001": usd((1450, "1"), (12, "5"), (900, "1"), (2048, "1.25"), (40, "5")),
            # No wrapper, so no time; 30,000 read from the cache stand beside the 1,200.
            "claude-opus-4-5-20251101": usd((1200, "5"), (30_000, "0.50"), (640, "25")),
        },
        read=9,
        priced=7,
        free=1,
        unpriced=1,
    ),
    "anthropic-batch": Expected(
        costs={
            "claude-sonnet-4-5-20250929": usd(
                (5200, "1.50"), (310, "7.50"), (18, "1.50"), (5120, "0.15"), (290, "7.50")
            ),
            "claude-haiku-4-5-20251001": usd(
                (2048, "0.50"), (4096, "0.625"), (77, "2.50"), (40, "0.50"), (4096, "1"), (55, "2.50")
            ),
        },
        read=7,
        priced=4,
        free=3,
    ),
    "gemini": Expected(
        costs={
            # 1000 + 30 for tools, 600 of them cached; 50 + 200 thoughts out.
            "gemini-2.5-pro": usd((1000 + 30 - 600, "1.25"), (600, "0.125"), (50 + 200, "10"))
            # Above 200,000: 2.50 in, 15 out.
            + usd((210_000, "2.50"), (900 + 1500, "15")),
            "gemini-2.5-flash": usd(
                # 1,200 of 1,450 are audio.
                (1450 - 1200, "0.30"),
                (1200, "1"),
                (220, "2.50"),
                (5000 - 4096, "0.30"),
                (4096, "0.03"),
                (90 + 64, "2.50"),
                # A blocked prompt: billed, no answer.
                (77, "0.30"),
                (320, "0.30"),
                (15, "2.50"),
            ),
        },
        read=7,
        priced=6,
        unpriced=1,
    ),
    "bedrock": Expected(
        costs={
            "anthropic.claude-3-haiku-20240307-v1:0": usd((35, "0.25"), (446, "1.25")),
            # Regional inference profiles cost a tenth more than Anthropic's own prices.
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0": usd(
                (120, "1.10"), (6000, "0.11"), (340, "5.50")
            ),
            # 8,000 of the 9,000 written live for an hour.
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0": usd(
                (60, "3.30"), (9000 - 8000, "4.125"), (8000, "6.60"), (210, "16.50")
            ),
            "amazon.nova-lite-v1:0": usd((2200, "0.06"), (130, "0.24")),
            "amazon.nova-pro-v1:0": usd((1800, "0.80"), (1024, "0.20"), (95, "3.20")),
            "amazon.titan-embed-text-v2:0": usd((512, "0.02")),
        },
        read=8,
        priced=6,
        free=1,
        duplicates=1,
    ),
    "vllm": Expected(
        costs={
            "llama-3.3-70b-versatile": usd(
                (812, "0.59"), (64, "0.79"), (2050, "0.59"), (410, "0.79"), (9, "0.59"), (3, "0.79")
            ),
            "mistral-large-latest": usd((700, "2"), (90, "6"), (100, "2"), (20, "6")),
            # No price for cached input is published: it costs what other input costs.
            "meta-llama/Llama-3.3-70B-Instruct-Turbo": usd((1536 - 1024, "0.88"), (1024, "0.88"), (200, "0.88")),
        },
        read=7,
        priced=6,
        unpriced=1,
        unknown=("Qwen/Qwen3-32B-AWQ",),
    ),
    "xai": Expected(
        costs={
            # 640 and 1,024 of reasoning stand beside the 120 and 90 of the answers.
            "grok-4-0709": usd((800 - 256, "3"), (256, "0.75"), (120 + 640, "15"), (1500, "3"), (90 + 1024, "15")),
            # The second one's total says that its 310 of reasoning are inside the 350.
            "grok-3-mini": usd((600, "0.30"), (40 + 310, "0.50"), (600, "0.30"), (350, "0.50")),
            "grok-code-fast-1": usd((4200 - 4096, "0.20"), (4096, "0.02"), (260, "1.50")),
        },
        read=6,
        priced=5,
        free=1,
    ),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_sample_costs_what_its_figures_add_up_to(name: str) -> None:
    check(name, SAMPLES[name])
