"""What a recommendation of `llmopt bench-batch` costs, in sentences."""

from __future__ import annotations

from decimal import Decimal

from llmopt.bench.result import Recommendation
from llmopt.bench.url_result import UrlRecommendation
from llmopt.core.money import dollars
from llmopt.core.quantity import requests_per_s
from llmopt.report.figures import plural


def money_lines(best: Recommendation | UrlRecommendation, unit: str, device: str = "device") -> list[str]:
    """Return a line for the dollars at the recommended rate, and one for the user's own.

    Args:
        best: what is recommended.
        unit: what the length of requests is counted in, such as `tokens`; empty where they have none.
        device: what the price is for.
    """
    lines = []
    if best.usd_per_million is not None:
        each = _tokens(best.usd_per_million_tokens, unit)
        lines.append(f"At {requests_per_s(best.rate_per_s)}: {dollars(best.usd_per_million)} a million requests{each}.")
    if best.user_rate_per_s is not None and best.devices_at_user_rate is not None:
        needs = plural(best.devices_at_user_rate, device)
        lines.append(f"Your {requests_per_s(best.user_rate_per_s)} take {needs}{_paid(best, unit)}.")
    return lines


def _paid(best: Recommendation | UrlRecommendation, unit: str) -> str:
    """Return what a million requests and tokens cost at the user's rate: as many tokens as at the other one."""
    cost = best.usd_per_million_at_user_rate
    if cost is None:
        return ""
    tokens = None
    if best.usd_per_million and best.usd_per_million_tokens is not None:
        tokens = cost * best.usd_per_million_tokens / best.usd_per_million
    return f": {dollars(cost)} a million requests{_tokens(tokens, unit)}, idle time included"


def _tokens(cost: Decimal | None, unit: str) -> str:
    return f", {dollars(cost)} a million {unit}" if cost is not None and unit else ""
