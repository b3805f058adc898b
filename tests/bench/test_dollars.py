"""Dollars of a recommendation, worked out by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from llmopt.bench.dollars import Priced, priced
from llmopt.bench.result import Recommendation
from llmopt.serving.batching.settings import BatchSettings

BEST = Recommendation(BatchSettings(8), "", 100.0, 0.02, 0.08, 0.9)


def test_an_hour_is_shared_among_the_requests_of_an_hour() -> None:
    """$3.60 an hour at 100/s is $3.60 for 360,000 requests: $10 a million; with 50 tokens each, $0.20 a million."""
    found = priced(BEST, Priced(Decimal("3.60"), 50.0, None))
    assert found.usd_per_million == Decimal(10)
    assert found.usd_per_million_tokens == Decimal("0.2")
    assert found.usd_per_million_at_user_rate is None
    assert found.devices_at_user_rate is None


def test_an_idle_device_is_paid_too() -> None:
    found = priced(BEST, Priced(Decimal("3.60"), 50.0, 10.0))
    assert (found.usd_per_million_at_user_rate, found.devices_at_user_rate) == (Decimal(100), 1)
    assert found.user_rate_per_s == 10.0


@pytest.mark.parametrize(("rate", "devices"), [(100.0, 1), (100.0001, 2), (250.0, 3), (0.001, 1)])
def test_a_higher_rate_needs_more_devices(rate: float, devices: int) -> None:
    found = priced(BEST, Priced(None, 50.0, rate))
    assert found.devices_at_user_rate == devices
    assert found.usd_per_million is None


def test_250_a_second_pay_for_three_devices() -> None:
    """3 x $3.60 for 900,000 requests."""
    found = priced(BEST, Priced(Decimal("3.60"), 50.0, 250.0))
    assert found.usd_per_million_at_user_rate == Decimal(12)


def test_requests_without_tokens_have_no_price_of_tokens() -> None:
    assert priced(BEST, Priced(Decimal(1), 0.0, None)).usd_per_million_tokens is None


def test_a_free_device_costs_nothing() -> None:
    assert priced(BEST, Priced(Decimal(0), 50.0, 10.0)).usd_per_million == 0
