"""Calls that have ended, for tests of what is made of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from llmopt.core.usage import Usage
from llmopt.serving.gateway.metrics.gateway_metrics import GatewayMetrics
from llmopt.serving.gateway.values import Api, Metered

Labels = dict[str, str]


def call(**more: Any) -> Metered:
    """Return a call that went well: 1,000 tokens in and 200 out, for 0.0045 dollars in 1.5 s."""
    given: dict[str, Any] = {
        "request_id": "r-1",
        "api": Api.CHAT,
        "began_s": 1_800_000_000.0,
        "asked_model": "gpt-4o",
        "model": "gpt-4o",
        "answered_model": "gpt-4o-2024-08-06",
        "provider": "openai",
        "upstream": "default",
        "status": 200,
        "cache": "miss",
        "usage": Usage(input_uncached=700, input_cache_read=300, output_text=200),
        "usage_from": "billed",
        "cost_usd": Decimal("0.0045"),
        "latency_s": 1.5,
        "first_s": 0.5,
        "attempts": 1,
    }
    return Metered(**{**given, **more})


def hit(**more: Any) -> Metered:
    """Return a call that the cache answered."""
    given: dict[str, Any] = {
        "cache": "hit",
        "attempts": 0,
        "usage": None,
        "usage_from": "none",
        "cost_usd": Decimal(0),
        "saved_usd": {"cache": Decimal("0.0045")},
        "upstream": "",
        "latency_s": 0.001,
        "first_s": 0.001,
    }
    return call(**{**given, **more})


class Told:
    """What metrics tell, by name and labels."""

    def __init__(self, metrics: GatewayMetrics, *, scraped: bool = False) -> None:
        self.text = metrics.text(scraped=scraped)[0].decode()
        self.samples = [
            (sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
        ]

    def total(self, name: str, **labels: str) -> float | None:
        """Return the sum of all series of a name with these labels among theirs; None where there is none."""
        found = [value for each, have, value in self.samples if each == name and labels.items() <= have.items()]
        return sum(found) if found else None

    def labels(self, name: str) -> list[Labels]:
        """Return the labels of all series of a name."""
        return [have for each, have, _ in self.samples if each == name]
