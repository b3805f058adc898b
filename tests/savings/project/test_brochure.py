"""The brochure's arithmetic beside the replay."""

from __future__ import annotations

from decimal import Decimal

from llmopt.savings.project.brochure import brochure, ratio


def test_savings_alone_are_multiplied() -> None:
    claimed = brochure(Decimal(1_000_000), Decimal(171_000), [Decimal(500_000), Decimal(700_000), Decimal(680_000)])
    assert claimed.optimized_usd == 48_000
    assert claimed.savings_ratio == Decimal("0.952")
    assert claimed.gap_usd == 123_000


def test_one_lever_leaves_no_gap() -> None:
    claimed = brochure(Decimal(3), Decimal(2), [Decimal(1)])
    assert (claimed.optimized_usd, claimed.savings_ratio, claimed.gap_usd) == (
        Decimal(2),
        Decimal("0.333333"),
        Decimal(0),
    )


def test_a_lever_that_costs_money_is_multiplied_too() -> None:
    assert brochure(Decimal(100), Decimal(60), [Decimal(-50), Decimal(60)]).optimized_usd == 60


def test_a_free_log_claims_nothing() -> None:
    claimed = brochure(Decimal(0), Decimal(5), [Decimal(-5)])
    assert (claimed.optimized_usd, claimed.savings_ratio, claimed.gap_usd) == (Decimal(0), Decimal(0), Decimal(5))


def test_no_levers_claim_the_baseline() -> None:
    assert brochure(Decimal(7), Decimal(7), []).optimized_usd == 7


def test_ratios_are_to_the_millionth() -> None:
    assert ratio(Decimal(2), Decimal(3)) == Decimal("0.666667")
