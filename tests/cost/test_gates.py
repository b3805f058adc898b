"""Each limit holds at its edge and fails a micro-dollar above, and what is unknown never passes."""

from dataclasses import replace
from decimal import Decimal

import pytest

from llmopt.cost.baseline import Baseline, compare
from llmopt.cost.gates import Limits, failed_checks
from tests.cost.reports import empty, group, report_of, troubled

REPORT = replace(report_of(group("gpt-4", "10")), dearest_request_usd=Decimal("0.5"))


def test_nothing_asked_is_nothing_failed() -> None:
    assert failed_checks(troubled(), Limits()) == ()


@pytest.mark.parametrize(
    ("at", "below", "message"),
    [
        (
            Limits(max_cost_usd=Decimal(10)),
            Limits(max_cost_usd=Decimal("9.99")),
            "the cost is $10.00, over --max-cost $9.99",
        ),
        (
            Limits(max_monthly_usd=Decimal(10)),
            Limits(max_monthly_usd=Decimal(9)),
            "the cost scaled to 30 days is $10.00, over --max-monthly $9.00",
        ),
        (
            Limits(max_cost_per_request_usd=Decimal("0.5")),
            Limits(max_cost_per_request_usd=Decimal("0.4")),
            "the dearest request is $0.500000, over --max-cost-per-request $0.400000",
        ),
    ],
)
def test_a_limit_holds_at_its_edge_and_fails_above(at: Limits, below: Limits, message: str) -> None:
    assert failed_checks(REPORT, at) == ()
    assert failed_checks(REPORT, below) == (message,)


def test_a_miss_that_rounding_hides_shows_its_digits() -> None:
    report = report_of(group("gpt-4", "10.000001"))
    assert failed_checks(report, Limits(max_cost_usd=Decimal(10))) == (
        "the cost is $10.00 ($10.000001), over --max-cost $10.00",
    )


def test_unpriced_requests_are_counted() -> None:
    assert failed_checks(troubled(), Limits(max_unpriced=8)) == ()
    assert failed_checks(troubled(), Limits(max_unpriced=7)) == ("8 requests have no price, over --max-unpriced 7",)


def test_what_is_unknown_does_not_hold() -> None:
    unknown = replace(REPORT, monthly_usd=None, dearest_request_usd=None)
    lines = failed_checks(unknown, Limits(max_monthly_usd=Decimal(99), max_cost_per_request_usd=Decimal(99)))
    assert [line.split(":")[0] for line in lines] == ["the monthly cost is unknown", "the dearest request is unknown"]


def test_an_empty_log_has_no_dearest_request_to_fail() -> None:
    assert failed_checks(empty(), Limits(max_cost_per_request_usd=Decimal(0))) == ()


def test_strict_names_everything_that_is_not_clean() -> None:
    assert failed_checks(REPORT, Limits(strict=True)) == ()
    assert failed_checks(troubled(), Limits(strict=True)) == (
        "7 requests of model gtp-4o have no price: unknown model (--strict)",
        "1 requests of model (none) have no price: no model in the record (--strict)",
        "2 records rejected: not JSON, first at logs/a.jsonl:17 (--strict)",
        "1 records rejected: prompt_tokens: 1.5 is not a whole number, first at logs/b.jsonl.gz:3 (--strict)",
        "warning: 34 records without a timestamp are priced at the newest rates (--strict)",
    )


@pytest.mark.parametrize(
    ("before", "allowed", "message"),
    [
        ("9.1", "0.1", ""),
        ("10", "0", ""),
        ("8", "0.1", "the cost is $10.00, 25% over the baseline's $8.00 (--max-increase 10%)"),
        ("3", "2", "the cost is $10.00, 233.33% over the baseline's $3.00 (--max-increase 200%)"),
        ("0", "0.1", "the cost is $10.00 and the baseline's was $0.00, over --max-increase 10%"),
        ("20", "0", ""),
    ],
)
def test_the_increase_is_over_the_baselines_total(before: str, allowed: str, message: str) -> None:
    comparison = compare(REPORT, Baseline(("model",), {("gpt-4",): (Decimal(before), 1000)}, 30.0))
    failed = failed_checks(REPORT, Limits(max_increase=Decimal(allowed)), comparison)
    assert failed == ((message,) if message else ())


def test_all_checks_run() -> None:
    limits = Limits(Decimal(1), Decimal(1), Decimal("0.01"), 0, strict=True)
    assert len(failed_checks(troubled(), limits)) == 4 + 5
