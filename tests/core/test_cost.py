"""Prices of requests, with the arithmetic spelled out, and of groups against the sum of their requests."""

from datetime import date
from decimal import Decimal
from functools import reduce
from operator import add

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.cost import UnpricedBucket, cost_usd
from llmopt.core.rate import Band, Price, Rates
from llmopt.core.usage import Usage

RATES = Rates(
    input_uncached=Decimal(3),
    input_cache_read=Decimal("0.30"),
    input_cache_write_5m=Decimal("3.75"),
    input_cache_write_1h=Decimal(6),
    output_text=Decimal(15),
)
DOUBLE = Rates(input_uncached=Decimal(6), input_cache_read=Decimal("0.60"), output_text=Decimal("22.50"))


def price(*bands: Band, rates: Rates = RATES, fee: Decimal | None = None) -> Price:
    return Price("p/m@2024-01-01", "p", "m", "default", date(2024, 1, 1), rates, bands, fee)


def test_the_tutorials_call_costs_three_cents_and_three_tenths() -> None:
    gpt_4 = price(rates=Rates(input_uncached=Decimal(30), output_text=Decimal(60)))
    # 500 x $30/M + 300 x $60/M = $0.015 + $0.018
    assert cost_usd(Usage(input_uncached=500, output_text=300), gpt_4) == Decimal("0.033")


def test_every_bucket_has_its_rate() -> None:
    usage = Usage(
        input_uncached=1_000_000,
        input_cache_read=1_000_000,
        input_cache_write_5m=1_000_000,
        input_cache_write_1h=1_000_000,
        output_text=1_000_000,
        output_reasoning=1_000_000,
    )
    assert cost_usd(usage, price()) == Decimal("3") + Decimal("0.3") + Decimal("3.75") + 6 + 15 + 15


def test_nothing_costs_nothing_and_a_fee_is_charged_a_request() -> None:
    assert cost_usd(Usage(), price()) == 0
    assert cost_usd(Usage(), price(fee=Decimal("0.01")), requests=3) == Decimal("0.03")


@pytest.mark.parametrize(("tokens", "expected"), [(200_000, "0.6"), (200_001, "1.200006")])
def test_above_a_cliff_the_whole_request_costs_more(tokens: int, expected: str) -> None:
    cliff = price(Band(200_000, "cliff", DOUBLE))
    assert cost_usd(Usage(input_uncached=tokens), cliff) == Decimal(expected)


def test_above_two_cliffs_the_last_one_counts() -> None:
    ten = Rates(input_uncached=Decimal(10))
    cliffs = price(Band(100, "cliff", DOUBLE), Band(200, "cliff", ten))
    assert cost_usd(Usage(input_uncached=1000), cliffs) == Decimal("0.01")


def test_above_a_marginal_threshold_only_what_is_above_costs_more() -> None:
    marginal = price(Band(200_000, "marginal", DOUBLE))
    # 300k x $3/M + 100k x ($6 - $3)/M
    assert cost_usd(Usage(input_uncached=300_000), marginal) == Decimal("1.2")


def test_two_marginal_thresholds_charge_each_step_its_difference() -> None:
    nine = Rates(input_uncached=Decimal(9))
    steps = price(Band(100_000, "marginal", DOUBLE), Band(200_000, "marginal", nine))
    # 100k x $3 + 100k x $6 + 100k x $9, a million each
    assert cost_usd(Usage(input_uncached=300_000), steps) == Decimal("1.8")


def test_tokens_without_any_rate_are_an_error_and_never_free() -> None:
    with pytest.raises(UnpricedBucket) as caught:
        cost_usd(Usage(output_audio=1), price(rates=Rates(input_uncached=Decimal(1))))
    assert caught.value.bucket == "output_audio"


@pytest.mark.parametrize("silent", ["base", "band"])
def test_a_marginal_band_needs_both_input_rates(silent: str) -> None:
    empty = Rates(output_text=Decimal(1))
    base, band = (empty, DOUBLE) if silent == "base" else (RATES, empty)
    with pytest.raises(UnpricedBucket):
        cost_usd(
            Usage(input_cache_read=0, output_text=1), price(Band(0, "marginal", band), rates=base), max_input_tokens=5
        )


BANDS = st.sampled_from(
    [
        (),
        (Band(1000, "cliff", DOUBLE),),
        (Band(1000, "marginal", DOUBLE),),
        (Band(1000, "marginal", DOUBLE), Band(5000, "cliff", DOUBLE)),
    ]
)
SIDES = st.sampled_from([(0, 1000), (1001, 5000), (5001, 10**7)])


@st.composite
def requests_of_one_band(draw: st.DrawFn) -> list[Usage]:
    """Requests whose inputs all lie between the same two thresholds."""
    low, high = draw(SIDES)
    usages = []
    for _ in range(draw(st.integers(1, 6))):
        total = draw(st.integers(low, high))
        cached = draw(st.integers(0, total))
        written = draw(st.integers(0, total - cached))
        usages.append(Usage(total - cached - written, cached, written, output_text=draw(st.integers(0, 10**6))))
    return usages


@given(requests_of_one_band(), BANDS, st.sampled_from([None, Decimal("0.0025")]))
def test_a_group_costs_what_its_requests_cost(
    usages: list[Usage], bands: tuple[Band, ...], fee: Decimal | None
) -> None:
    row = price(*bands, fee=fee)
    single = sum((cost_usd(usage, row) for usage in usages), Decimal(0))
    longest = max(usage.input_tokens for usage in usages)
    assert cost_usd(reduce(add, usages), row, requests=len(usages), max_input_tokens=longest) == single
