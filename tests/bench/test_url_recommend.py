"""The rate to plan for: by an SLO, by throughput, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from llmopt.bench.url_options import UrlOptions
from llmopt.bench.url_recommend import recommend
from llmopt.bench.url_result import Quantiles, UrlPoint, UrlRecommendation, UrlStatus, UrlUnmet
from tests.serving.virtual import near


def held(
    rate: float,
    throughput: float | None = None,
    *,
    upper_s: float | None = None,
    status: UrlStatus = "ok",
    samples: int = 300,
    high: float | None = None,
    failures: int = 0,
) -> UrlPoint:
    answered = rate if throughput is None else throughput
    return UrlPoint(
        rate_per_s=rate,
        status=status,
        latencies_s=(0.1,) * samples,
        latency=Quantiles(p50_s=0.1),
        latency_p99_upper_s=upper_s,
        throughput_per_s=answered,
        throughput_high=answered if high is None else high,
        useful_tokens_per_s=20 * answered,
        failed=(("timeout", failures),) if failures else (),
    )


def options(slo: float | None = None, price: str | None = None, own: float | None = None) -> UrlOptions:
    return UrlOptions(
        "http://localhost",
        slo_p99_s=slo,
        price_per_hour=None if price is None else Decimal(price),
        user_rate_per_s=own,
    )


def test_the_largest_rate_that_meets_the_slo() -> None:
    points = [held(1, upper_s=0.2), held(2, upper_s=0.4), held(4, upper_s=0.6), held(8)]
    found = recommend(points, options(0.5))
    assert isinstance(found, UrlRecommendation)
    assert (found.rate_per_s, found.p99_upper_s, found.slo_p99_s, found.p50_s) == (2, 0.4, 0.5, 0.1)
    assert found.usd_per_million is None


def test_dollars_are_those_of_an_hour_shared_by_its_requests() -> None:
    found = recommend([held(2, upper_s=0.4)], options(0.5, "3.6", own=5.0))
    assert isinstance(found, UrlRecommendation)
    assert found.usd_per_million == 500, "3.6 dollars for 7,200 requests"
    assert found.usd_per_million_tokens == 25, "20 tokens a request"
    assert found.devices_at_user_rate == 3
    assert found.usd_per_million_at_user_rate == 600


def test_without_an_slo_the_smallest_rate_that_reaches_the_most() -> None:
    points = [held(1), held(2), held(4, 3.9), held(8, 4.05, status="saturated")]
    found = recommend(points[:3], options())
    assert isinstance(found, UrlRecommendation)
    assert (found.rate_per_s, found.throughput_per_s, found.p50_s) == (4, 3.9, 0.1)
    found = recommend(points, options())
    assert isinstance(found, UrlRecommendation)
    assert (found.rate_per_s, found.throughput_per_s) == (near(0.95 * 4.05), 3.9)
    assert found.reason.startswith("95 % of the most")


def test_the_chance_of_arrivals_makes_no_small_rate_large() -> None:
    found = recommend([held(2, 2.0, high=9.0), held(4, 4.0)], options())
    assert isinstance(found, UrlRecommendation)
    assert found.rate_per_s == 4


def test_a_saturated_rate_is_recommended_at_what_it_carried() -> None:
    found = recommend([held(8, 5.0, status="saturated")], options())
    assert isinstance(found, UrlRecommendation)
    assert found.rate_per_s == 4.75, "waits grow with 5 for 5"
    assert (found.p50_s, found.p99_upper_s) == (None, None), "those of a queue that grows"


def test_a_failing_rate_is_not_recommended() -> None:
    found = recommend([held(2), held(8, 7, status="failing")], options())
    assert isinstance(found, UrlRecommendation)
    assert found.rate_per_s == 2


@pytest.mark.parametrize(
    ("points", "rate", "told"),
    [
        ([held(1, upper_s=0.7), held(2, upper_s=0.6)], 2, "500 ms: the nearest, 2 requests/s, has 600 ms (upper"),
        (
            [held(1, samples=30), held(2, upper_s=0.6)],
            2,
            "lower rates got fewer than the 299 answers that tell: give it",
        ),
        ([held(1, samples=30), held(2)], 1, "30 answers at 1 requests/s do not tell a p99; it takes 299"),
        ([held(1, failures=20)], 1, "too many requests failed at 1 requests/s"),
    ],
)
def test_an_slo_that_nothing_meets(points: list[UrlPoint], rate: float, told: str) -> None:
    found = recommend(points, options(0.5))
    assert isinstance(found, UrlUnmet)
    assert found.rate_per_s == rate
    assert told in found.reason


def test_a_rate_above_one_that_the_server_could_not_carry_meets_no_slo() -> None:
    points = [held(2, upper_s=0.2), held(8, 7, upper_s=0.4, status="saturated"), held(16, 3, upper_s=0.3)]
    found = recommend(points, options(0.5))
    assert isinstance(found, UrlRecommendation)
    assert found.rate_per_s == 2
    found = recommend(points[1:], options(0.5))
    assert isinstance(found, UrlUnmet)
    found = recommend([held(7.9, upper_s=0.2), held(16, 8, status="saturated")], options(0.5))
    assert isinstance(found, UrlUnmet), "99 % of what it carries: waits grow for minutes"


def test_where_requests_fail_at_each_rate_there_is_no_rate_to_plan_for() -> None:
    points = [held(1, failures=50, samples=50, status="failing"), held(2, failures=20, samples=80, status="failing")]
    for slo in (None, 0.5):
        found = recommend(points, options(slo))
        assert isinstance(found, UrlUnmet)
        assert (found.rate_per_s, found.slo_p99_s) == (2, slo)
        assert found.reason == (
            "more than 1 % of the requests failed at each rate: "
            "at 2 requests/s 20 of 100, most of them with 'timeout' (20)"
        )


@pytest.mark.parametrize(
    ("rates", "slo", "reason"),
    [
        ((4.0,), None, "the rate that was asked for: the server keeps up with it"),
        ((4.0,), 0.5, "the rate that was asked for: the p99 is at most 500 ms, with 95 % confidence"),
        ((2.0, 4.0), 0.5, "the largest rate asked for at which the p99 is at most 500 ms, with 95 % confidence"),
    ],
)
def test_rates_that_were_asked_for_are_said_to_be(rates: tuple[float, ...], slo: float | None, reason: str) -> None:
    found = recommend([held(each, upper_s=0.4) for each in rates], replace(options(slo), rates=rates))
    assert isinstance(found, UrlRecommendation)
    assert (found.rate_per_s, found.reason) == (4, reason)


def test_where_nothing_was_answered_there_is_nothing_to_say() -> None:
    assert recommend([UrlPoint(1.0, "failing")], options()) is None
    assert recommend([], options(0.5)) is None
