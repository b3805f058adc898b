"""From exchanges to a point: what so many samples carry, and whether a server keeps up."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.bench.url_load import Offered
from llmopt.bench.url_points import point, quantiles
from llmopt.serving.exchange import Exchange
from tests.bench.url_fakes import Server, offered
from tests.serving.virtual import near


def poisson(rate_per_s: float, count: int) -> list[float]:
    rng, now_s, found = random.Random(1), 0.0, []
    for _ in range(count):
        now_s += rng.expovariate(rate_per_s)
        found.append(now_s)
    return found


def test_a_server_that_keeps_up_is_fine() -> None:
    found = point(10.0, offered(Server(0.1, 4), poisson(10, 400)))
    assert (found.status, found.reason, found.samples, found.failures) == ("ok", "", 400, 0)
    assert found.throughput_low is not None
    assert found.throughput_high is not None
    assert found.throughput_per_s == pytest.approx(10, rel=0.2)
    assert found.throughput_low < (found.throughput_per_s or 0) < found.throughput_high
    assert found.useful_tokens_per_s == near(5 * (found.throughput_per_s or 0))
    assert found.latency.p50_s == near(0.1)
    assert found.ttft.p50_s == near(0.02)
    assert 2 <= found.open_most <= 8
    assert found.tpot.p50_s == near(0.02)
    assert (found.latency.p99_s or 0) <= (found.latency_p99_upper_s or 0) <= (found.latency.max_s or 0)


def test_a_server_that_does_not_is_saturated() -> None:
    found = point(80.0, offered(Server(0.1, 4), poisson(80, 400)))
    assert found.status == "saturated"
    assert found.throughput_per_s == pytest.approx(40, rel=0.02)
    assert found.reason == "40.12/s answered of 82.05 requests/s"


def test_what_piles_up_until_the_end_is_no_failure_of_the_server() -> None:
    found = point(400.0, offered(Server(0.1, 4), poisson(400, 400), patience_s=2.0))
    assert found.status == "saturated"
    assert found.failed == (("no answer in time", found.failures),)


def test_failures_are_counted_by_reason_and_no_p99_is_claimed() -> None:
    server = Server(0.1, 50, error=lambda number: ("HTTP 429", "timeout", "", "")[number % 4])
    found = point(10.0, offered(server, poisson(10, 400)))
    assert (found.status, found.reason) == ("failing", "200 of 400 requests failed")
    assert found.failed == (("HTTP 429", 100), ("timeout", 100))
    assert (found.samples, found.latency_p99_upper_s) == (200, None)


def test_one_failure_in_a_thousand_leaves_a_bound() -> None:
    server = Server(0.1, 50, error=lambda number: "timeout" if number == 7 else "")
    found = point(10.0, offered(server, poisson(10, 1000)))
    assert (found.status, found.latency_p99_upper_s) == ("ok", near(0.1))


@pytest.mark.parametrize(
    ("count", "p95", "p99"), [(58, False, False), (59, True, False), (298, True, False), (299, True, True)]
)
def test_quantiles_need_their_samples(count: int, p95: bool, p99: bool) -> None:
    found = quantiles([float(each) for each in range(count)])
    assert (found.p95_s is not None, found.p99_s is not None, found.max_s) == (p95, p99, count - 1)


def test_few_or_no_samples_carry_little() -> None:
    assert quantiles([]).p50_s is None
    nothing = point(1.0, Offered((), 10, 0.0, 5.0))
    assert (nothing.status, nothing.elapsed_s, nothing.throughput_per_s) == ("skipped", 0.0, None)
    one = point(1.0, Offered((Exchange(0, 0, 1, 0.5, 1, 2),), 10, 0.0, 0.0))
    assert (one.status, one.reason) == ("unfinished", "the time was up after 1 of 10 requests")
    assert (one.throughput_per_s, one.tpot.p50_s) == (None, 0.5)


def test_tokens_are_counted_where_the_server_does_not() -> None:
    exchanges = (Exchange(0, 0, 1, 0.5, 1, None, " word word word"), Exchange(0, 0, 2, 0.5, 2, None, " word"))
    found = point(1.0, Offered(exchanges, 1, 0.0, 0.0))
    assert found.tpots_s == (0.25,)
    assert found.useful_tokens_per_s == near(2.0)


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0.001, 5), st.booleans()), max_size=40), st.integers(1, 50))
def test_any_exchanges_make_a_point(parts: list[tuple[float, float, bool]], needed: int) -> None:
    exchanges = tuple(
        Exchange(due, due, due + took, due + took, due + took, 1, error="timeout" if fails else "")
        for due, took, fails in sorted(parts)
    )
    found = point(1.0, Offered(exchanges, needed, 0.0, 0.0))
    assert found.samples + found.failures == len(exchanges)
    assert (found.status == "skipped") == (not exchanges)
    assert found.throughput_per_s is None or found.throughput_per_s > 0
