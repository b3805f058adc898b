"""Dollars at a speed-up are exact to the cent."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.ratio import Ratio
from llmopt.models.auto.impact import impact


def test_the_bill_of_the_tutorial() -> None:
    cost = impact(Decimal(1000), Ratio(2.4, 2.0, 2.5))
    assert (cost.at_speedup, cost.saved_per_month) == (Decimal("416.67"), Decimal("583.33"))
    assert (cost.at_speedup_low, cost.at_speedup_high) == (Decimal("400.00"), Decimal("500.00"))


def test_a_slower_variant_costs_more() -> None:
    assert impact(Decimal(100), Ratio(0.5, 0.5, 0.5)).saved_per_month == Decimal(-100)


@given(st.decimals(0, 10**9, places=2), st.floats(0.01, 100), st.floats(1, 2))
def test_the_interval_holds_the_bill_and_nothing_is_lost(price: Decimal, speed: float, width: float) -> None:
    cost = impact(price, Ratio(speed, speed / width, speed * width))
    assert cost.at_speedup_low <= cost.at_speedup <= cost.at_speedup_high
    assert cost.at_speedup + cost.saved_per_month == price
    assert abs(cost.at_speedup * Decimal(speed) - price) <= Decimal("0.006") * Decimal(speed)
