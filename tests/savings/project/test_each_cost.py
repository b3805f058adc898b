"""Costs of single calls as whole numbers, against `core.cost.cost_usd`."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.cost import cost_usd
from llmopt.core.rate import Band, Rates
from llmopt.core.usage import Usage
from llmopt.savings.project.each_cost import costs
from tests.savings.project.small_columns import BUCKETS, One, columns, kind, price

BANDED = price(
    bands=(
        Band(100, "marginal", Rates(input_uncached=Decimal("1.5"))),
        Band(500, "cliff", Rates(Decimal(9), Decimal(3))),
    ),
)
KINDS = (
    kind("plain", price("0.0375", "1.013")),
    kind("banded", BANDED),
    kind("fee", price(usd_per_request=Decimal("0.0000123"))),
    kind("unknown", None, "unknown model"),
)
TOKENS = st.integers(0, 2000)


@given(st.lists(st.tuples(st.integers(0, 3), st.tuples(TOKENS, TOKENS, TOKENS)), max_size=12))
def test_a_cost_is_the_bills(drawn: list[tuple[int, tuple[int, int, int]]]) -> None:
    calls = [One(0, tokens=dict(zip(BUCKETS, tokens, strict=True)), kind=number) for number, tokens in drawn]
    found = costs(columns(calls, KINDS), range(len(calls)))
    for call, count in zip(calls, found.counts, strict=True):
        row = KINDS[call.kind].price
        usage = Usage(**call.tokens)
        if row is None or (row is BANDED and usage.input_tokens > 500 and usage.output_text):
            assert count == 0  # no price, or none for the text that is written in that band
        else:
            assert found.usd(count) == cost_usd(usage, row)


def test_only_the_calls_asked_for_are_priced() -> None:
    calls = [One(second, tokens={"input_uncached": second}) for second in range(5)]
    found = costs(columns(calls, KINDS), [3, 1])
    assert [found.usd(count) for count in found.counts] == [Decimal("1.125e-7"), Decimal("3.75e-8")]


def test_a_log_without_prices_costs_nothing() -> None:
    found = costs(columns([One(0)], [kind("unknown", None, "unknown model")]), [0])
    assert found.usd(found.counts[0]) == 0
