"""The search for rates, against servers on a virtual clock whose capacity is known."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llmopt.bench.arrivals import Workload
from llmopt.bench.url_options import UrlOptions
from llmopt.bench.url_recommend import recommend
from llmopt.bench.url_result import UrlPoint, UrlRecommendation, UrlUnmet
from llmopt.bench.url_search import RateSearch
from llmopt.errors import UsageError
from tests.bench.url_fakes import Server
from tests.serving.virtual import run


def searched(server: Server, **options: Any) -> tuple[tuple[UrlPoint, ...], float]:
    """Return the points and how long it took, on the virtual clock."""
    asked = UrlOptions("http://localhost", **options)

    async def main() -> tuple[tuple[UrlPoint, ...], float]:
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        search = RateSearch(
            server, asked, Workload((8, 16)), deadline_s=start_s + asked.max_time_s, typical_s=server.service_s
        )
        return await search.run(), loop.time() - start_s

    points, took_s = run(main())
    assert took_s <= asked.max_time_s + 1e-6
    assert len(set(server.prompts)) == len(server.prompts), "no prompt twice"
    return points, took_s


@pytest.mark.parametrize("capacity", [8, 64])
def test_the_knee_is_found_without_an_slo(capacity: int) -> None:
    points, _ = searched(Server(0.5, capacity), max_time_s=600)
    assert [point.rate_per_s for point in points] == sorted(point.rate_per_s for point in points)
    found = recommend(points, UrlOptions("http://localhost"))
    assert isinstance(found, UrlRecommendation)
    assert 0.75 * 2 * capacity < found.rate_per_s < 2 * capacity


def test_the_largest_rate_that_meets_an_slo_is_found() -> None:
    slo = 0.8
    points, _ = searched(Server(0.5, 16), slo_p99_s=slo, max_time_s=900)
    found = recommend(points, UrlOptions("http://localhost", slo_p99_s=slo))
    assert isinstance(found, UrlRecommendation)
    assert 0.9 * 25.9 < found.rate_per_s < 1.06 * 25.9, "25.9/s by a simulation of 300,000 requests"
    assert (found.p99_upper_s or 9) <= slo
    assert any(point.rate_per_s > found.rate_per_s for point in points), "something above it was tried"


def test_an_slo_below_the_service_time_is_met_by_nothing() -> None:
    points, took_s = searched(Server(0.5, 16), slo_p99_s=0.4, max_time_s=900)
    found = recommend(points, UrlOptions("http://localhost", slo_p99_s=0.4))
    assert isinstance(found, UrlUnmet)
    assert found.rate_per_s > 0
    assert took_s < 100, "less load makes it no better, so the search ends"
    assert found.reason.startswith("no rate meets a p99 of 400 ms: half of the answers take 500 ms or more")


def test_failures_that_do_not_come_from_the_load_end_the_search() -> None:
    server = Server(0.1, 100, error=lambda number: "" if number % 3 else "HTTP 500")
    points, took_s = searched(server, max_time_s=300)
    assert {point.status for point in points} == {"failing"}
    assert len(points) <= 3
    assert took_s < 150
    assert isinstance(recommend(points, UrlOptions("http://localhost")), UrlUnmet)


def test_a_limit_on_rates_is_found() -> None:
    server = Server(0.02, 100)
    sent_s: list[float] = []

    def error(number: int) -> str:
        now_s = asyncio.get_running_loop().time()
        sent_s[:] = [each for each in sent_s if each > now_s - 1]
        if len(sent_s) >= 8:
            return "HTTP 429"
        sent_s.append(now_s)
        return ""

    server.error = error
    points, _ = searched(server, max_time_s=600)
    found = recommend(points, UrlOptions("http://localhost"))
    assert isinstance(found, UrlRecommendation)
    assert 0.3 <= found.rate_per_s <= 8


def test_a_search_that_was_cut_short_goes_on_while_there_is_time() -> None:
    points, _ = searched(Server(0.12, 64), max_time_s=60)
    found = recommend(points, UrlOptions("http://localhost"))
    assert isinstance(found, UrlRecommendation)
    assert 0.8 * 533 < found.rate_per_s < 533


def test_too_little_time_for_a_p99_is_said() -> None:
    points, _ = searched(Server(2.0, 4), slo_p99_s=10.0, max_time_s=60)
    found = recommend(points, UrlOptions("http://localhost", slo_p99_s=10.0))
    assert isinstance(found, UrlUnmet)
    assert "it takes 299: give it more time (--max-time)" in found.reason


def test_a_server_that_refuses_at_a_rate_is_not_pushed_beyond() -> None:
    server = Server(0.1, 100)
    waiting = 0

    def error(number: int) -> str:
        nonlocal waiting
        loop = asyncio.get_running_loop()
        waiting += 1
        loop.call_later(1.0, release)
        return "HTTP 429" if waiting > 40 else ""

    def release() -> None:
        nonlocal waiting
        waiting -= 1

    server.error = error
    points, _ = searched(server, max_time_s=300)
    assert any(point.status == "failing" and point.failed[0][0] == "HTTP 429" for point in points)
    assert max(point.rate_per_s for point in points) <= 80
    found = recommend(points, UrlOptions("http://localhost"))
    assert isinstance(found, UrlRecommendation)
    assert found.rate_per_s < 45


def test_a_server_faster_than_the_sender_ends_the_search() -> None:
    points, took_s = searched(Server(1e-4, 10**6), max_time_s=20, min_samples=50)
    assert [point.rate_per_s for point in points] == [5_000.0, 10_000.0, 20_000.0]
    assert all(point.status == "ok" for point in points)
    assert took_s < 10


def test_rates_that_there_was_no_time_for_are_named() -> None:
    server = Server(0.1, 4)

    async def main() -> tuple[tuple[UrlPoint, ...], tuple[float, float] | None]:
        asked = UrlOptions("http://localhost", slo_p99_s=0.5, max_time_s=40)
        deadline_s = asyncio.get_running_loop().time() + asked.max_time_s
        search = RateSearch(server, asked, Workload((8,)), deadline_s=deadline_s, typical_s=0.1)
        return await search.run(), search.untried

    points, untried = run(main())
    assert untried is not None
    assert untried[0] < untried[1]
    assert not [point for point in points if untried[0] < point.rate_per_s < untried[1]]
    assert {point.status for point in points} <= {"ok", "saturated"}


def test_named_rates_are_held_in_order_within_the_time() -> None:
    points, _ = searched(Server(0.1, 4), rates=(20.0, 5.0, 5.0, 80.0), max_time_s=60, min_samples=50)
    assert [point.rate_per_s for point in points] == [5.0, 20.0, 80.0]
    assert [point.status for point in points] == ["ok", "ok", "saturated"]
    assert all(point.samples + point.failures >= 50 for point in points)


def test_rates_for_which_there_is_no_time_are_told() -> None:
    points, _ = searched(Server(1.0, 4), rates=(0.01, 2.0), max_time_s=20, min_samples=50)
    assert points[0].status in ("skipped", "unfinished")
    assert points[1].status == "unfinished"
    assert points[1].reason.startswith("the time was up after")


def test_a_log_is_replayed_at_any_rate() -> None:
    server = Server(0.01, 4)
    asked = UrlOptions("http://localhost", rates=(10.0,), min_samples=6, max_time_s=20)
    told: list[tuple[int, int, str]] = []

    async def main() -> tuple[UrlPoint, ...]:
        deadline_s = asyncio.get_running_loop().time() + asked.max_time_s
        work = Workload((3, 7, 5), pattern_s=(0.0, 1.0, 1.5), paired=True)
        progress = lambda *each: told.append(each)  # noqa: E731
        return await RateSearch(server, asked, work, deadline_s=deadline_s, typical_s=0.01, progress=progress).run()

    [found] = run(main())
    assert found.samples > 100, "as many as there is time for"
    assert sorted({len(text.split()) for text in server.prompts}) == [3, 5, 7]
    assert told == [(0, 1, "10 requests/s")]


@pytest.mark.parametrize(
    "options",
    [
        {"new_tokens": 0},
        {"min_samples": 0},
        {"max_time_s": 0},
        {"slo_p99_s": -1},
        {"rates": ()},
        {"rates": (0.0,)},
        {"timeout_s": float("inf")},
        {"user_rate_per_s": float("nan")},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        UrlOptions("http://localhost", **options)
