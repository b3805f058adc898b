"""Savings multiplied, with the figures of the brochure that started it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import UsageError
from llmopt.savings.project.arithmetic import multiplied

SHARES = st.decimals(0, 1, places=4)


def test_a_million_halved_then_cached_then_routed() -> None:
    steps = [("compression", Decimal("0.5")), ("caching", Decimal("0.7")), ("routing", Decimal("0.68"))]
    found = multiplied(Decimal(1_000_000), steps)
    assert found.optimized_usd == 48_000  # 1,000,000 x 0.5 x 0.3 x 0.32
    assert found.savings_usd == 952_000
    assert found.savings_ratio == Decimal("0.952")
    assert [(step.name, step.saved) for step in found.steps] == steps
    assert [step.before_usd for step in found.steps] == [1_000_000, 500_000, 150_000]
    assert [step.after_usd for step in found.steps] == [500_000, 150_000, 48_000]


def test_no_step_saves_nothing_and_no_bill_has_no_ratio() -> None:
    assert multiplied(Decimal(10), []).savings_ratio == 0
    nothing = multiplied(Decimal(0), [("all", Decimal(1))])
    assert [nothing.optimized_usd, nothing.savings_usd, nothing.savings_ratio] == [0, 0, 0]


@given(st.decimals(0, 10**9, places=6), st.lists(SHARES, max_size=8))
def test_the_order_of_the_steps_does_not_matter_and_nothing_is_lost(baseline: Decimal, shares: list[Decimal]) -> None:
    steps = [(f"step {number}", one) for number, one in enumerate(shares)]
    found = multiplied(baseline, steps)
    assert found.optimized_usd == multiplied(baseline, steps[::-1]).optimized_usd
    assert found.optimized_usd + found.savings_usd == baseline
    assert 0 <= found.savings_ratio <= 1


@pytest.mark.parametrize("share", ["-0.1", "1.01", "70", "NaN", "Infinity"])
def test_a_share_that_is_none_is_refused(share: str) -> None:
    with pytest.raises(UsageError, match=r"^caching: .* is not a share from 0 to 1"):
        multiplied(Decimal(1), [("caching", Decimal(share))])


@pytest.mark.parametrize("baseline", ["-1", "NaN", "1e16"])
def test_a_baseline_that_is_no_bill_is_refused(baseline: str) -> None:
    with pytest.raises(UsageError, match="baseline"):
        multiplied(Decimal(baseline), [])
