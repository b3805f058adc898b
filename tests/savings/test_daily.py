"""The arithmetic of a day, with the figures that the tutorial gives."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import UsageError
from llmopt.savings.daily import Share, cached, routed, scaled


def test_a_million_calls_at_two_tenths_of_a_cent_and_seven_hits_in_ten() -> None:
    day = cached(1_000_000, Decimal("0.002"), Decimal("0.7"))
    assert day.before_usd == 2000
    assert day.saved_usd == 1400
    assert day.saved_month_usd == 42_000
    assert day.saved_year_usd == 511_000
    assert day.saved_share == Decimal("0.7")


def test_seven_of_ten_calls_sent_to_a_model_at_a_thirtieth() -> None:
    strong, cheap = Decimal("0.06"), Decimal("0.002")
    mix = [Share(Decimal("0.7"), cheap), Share(Decimal("0.3"), strong)]
    day = routed(100_000, [Share(Decimal(1), strong)], mix)
    assert day.before_usd == 6000
    assert day.after_usd == 1940
    assert round(day.saved_share, 2) == Decimal("0.68")
    assert day.saved_usd == 4060


def test_a_log_scaled_to_a_day() -> None:
    day = scaled(1000, 180, Decimal("0.2364504"), Decimal("0.05"))
    assert day.before_usd == Decimal("1.313613333333")
    assert day.saved_usd == Decimal("0.277777777778")
    assert day.after_usd == day.before_usd - day.saved_usd


def test_a_day_that_costs_nothing_saves_no_share() -> None:
    assert cached(0, Decimal(1), Decimal(1)).saved_share == 0


def test_a_dearer_mix_saves_less_than_nothing() -> None:
    day = routed(10, [Share(Decimal(1), Decimal(1))], [Share(Decimal(1), Decimal(3))])
    assert day.saved_usd == -20


@pytest.mark.parametrize("share", ["-0.1", "1.1", "NaN", "Infinity"])
def test_a_share_is_between_nothing_and_all(share: str) -> None:
    with pytest.raises(UsageError, match="share between 0 and 1"):
        cached(1, Decimal(1), Decimal(share))


@pytest.mark.parametrize("usd", ["-1", "NaN"])
def test_a_price_is_a_number(usd: str) -> None:
    with pytest.raises(UsageError, match="number from 0"):
        cached(1, Decimal(usd), Decimal(1))
    with pytest.raises(UsageError, match="number from 0"):
        cached(-1, Decimal(1), Decimal(1))


def test_shares_are_of_all_calls() -> None:
    with pytest.raises(UsageError, match=r"add up to 0\.9"):
        routed(1, [Share(Decimal("0.9"), Decimal(1))], [Share(Decimal(1), Decimal(1))])


def test_a_log_without_requests_is_no_day() -> None:
    with pytest.raises(UsageError, match="says nothing"):
        scaled(1, 0, Decimal(0), Decimal(0))


@pytest.mark.parametrize(
    ("calls", "cost", "saved"), [(1, "-1", "0"), (1, "1", "-1"), (1, "1", "2"), (10**16, "1", "0")]
)
def test_a_log_saves_no_more_than_it_cost(calls: int, cost: str, saved: str) -> None:
    with pytest.raises(UsageError, match=r"number from 0|cannot save"):
        scaled(calls, 1, Decimal(cost), Decimal(saved))


@given(st.integers(0, 10**9), st.decimals(0, 10, places=9), st.decimals(0, 1, places=4))
def test_before_is_after_and_what_was_saved(calls: int, usd: Decimal, rate: Decimal) -> None:
    day = cached(calls, usd, rate)
    assert day.after_usd + day.saved_usd == day.before_usd
    assert day.saved_usd == Decimal(calls) * usd * rate
    assert 0 <= day.after_usd <= day.before_usd
