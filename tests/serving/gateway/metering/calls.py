"""Calls to be metered."""

from __future__ import annotations

from typing import Any

from llmopt.core.usage import Usage
from llmopt.cost.pricing.table import PriceTable
from llmopt.serving.gateway.values import Api, Metered

TABLE = PriceTable.load()
AT_S = 1_785_542_400.5
"""2026-08-01T00:00:00.5Z"""
USED = Usage(input_uncached=1000, input_cache_read=2000, output_text=100)
"""On gpt-4o, at $2.50, $1.25 and $10 a million: $0.006."""


def call(**changes: Any) -> Metered:
    """Return a call to gpt-4o that was answered, but not yet priced."""
    fields: dict[str, Any] = {
        "request_id": "r-1",
        "api": Api.CHAT,
        "began_s": AT_S,
        "asked_model": "gpt-4o",
        "model": "gpt-4o",
        "upstream": "default",
        "status": 200,
        "cache": "miss",
        "attempts": 1,
    }
    return Metered(**(fields | changes))
