"""Curves of the cache, by hand on small logs and against the whole on large ones."""

from __future__ import annotations

from array import array
from decimal import Decimal
from random import Random

import pytest

from llmopt.savings.project import chosen_calls
from llmopt.savings.project.break_even import break_even
from llmopt.savings.project.plan import CacheLever
from llmopt.savings.project.result import BreakEven
from tests.savings.project.small_columns import One, columns, kind, price

DAY_S = 86_400.0
KINDS = [kind("m", price("1", "2"))]
EACH = Decimal("0.00012")
"""Dollars of a call of 100 tokens in and 10 out."""


DAY = CacheLever()


def drawn(calls: list[One], lever: CacheLever = DAY) -> BreakEven | None:
    log = columns(calls, KINDS)
    return break_even(log, log.request, lever, 0)


def test_each_time_to_live_has_what_it_saves_alone() -> None:
    found = drawn([One(0), One(200), One(400), One(4000), One(2 * DAY_S)])
    assert found is not None
    assert {point.ttl_s: (point.hits, point.saved_usd) for point in found.by_ttl} == {
        300: (1, EACH),
        3600: (2, 2 * EACH),
        21_600: (3, 3 * EACH),
        DAY_S: (3, 3 * EACH),
        3 * DAY_S: (4, 4 * EACH),
    }
    assert found.recommended_ttl_s == 3 * DAY_S
    assert found.sampled is None


def test_the_shortest_that_gets_nearly_all_is_recommended() -> None:
    found = drawn([One(second) for second in range(200)] + [One(5000)])
    assert found is not None
    assert found.recommended_ttl_s == 300


def test_waiting_for_the_same_answer_saves_its_cost() -> None:
    found = drawn([One(0, took_s=5, kept=False), One(1), One(10)])
    assert found is not None
    assert (found.by_ttl[0].hits, found.by_ttl[0].saved_usd) == (1, EACH)


def test_where_nothing_repeats_no_time_to_live_is_recommended() -> None:
    found = drawn([One(second, request=second) for second in range(3)])
    assert found is not None
    assert found.recommended_ttl_s is None
    assert all(point.saved_usd == 0 for point in found.by_ttl)


def test_without_questions_for_a_cache_there_are_no_curves() -> None:
    assert drawn([One(0, request=-1)]) is None
    assert drawn([]) is None


def test_rooms_are_parts_of_what_an_unbounded_cache_holds() -> None:
    calls = [One(second, request=second % 16, size_bytes=100) for second in range(32)]
    found = drawn(calls, CacheLever(ttl_s=3600, size_bytes=555))
    assert found is not None
    assert [(point.size_bytes, point.hits) for point in found.by_size] == [
        (100, 0),
        (200, 0),
        (400, 0),
        (555, 0),
        (800, 0),
        (None, 16),
    ]
    assert found.by_size[-1].peak_bytes == 1600


def test_the_levers_own_time_to_live_is_among_those_tried() -> None:
    found = drawn([One(0), One(90)], CacheLever(ttl_s=77.5))
    assert found is not None
    assert [point.ttl_s for point in found.by_ttl] == [77.5, 300]


def test_a_large_log_is_sampled_by_question_and_scaled_up(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = Random(1)
    calls = [One(second, request=rng.randrange(3000)) for second in range(20_000)]
    log = columns(calls, KINDS)
    exact = break_even(log, log.request, CacheLever(), 0)
    monkeypatch.setattr(chosen_calls, "ALL", 1000)
    monkeypatch.setattr(chosen_calls, "SOME", 6000)
    monkeypatch.setattr(chosen_calls, "IN_ROOMS", 10_000)
    found, again = (break_even(log, log.request, CacheLever(), 0) for _ in range(2))
    assert exact is not None
    assert found is not None
    assert found == again != break_even(log, log.request, CacheLever(), 1)
    assert found.sampled == pytest.approx(Decimal("0.3"), rel=Decimal("0.1"))
    for one, other in zip(found.by_ttl, exact.by_ttl, strict=True):
        assert one.hits == pytest.approx(other.hits, rel=0.05)
        assert float(one.saved_usd) == pytest.approx(float(other.saved_usd), rel=0.05)
        assert one.peak_bytes == pytest.approx(other.peak_bytes, rel=0.25)


def test_a_curve_of_some_questions_goes_through_what_is_known_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = Random(2)
    calls = [
        One(50 * second, request=request, kind=int(request % 40 == 0))
        for second, request in enumerate(int(rng.paretovariate(0.4)) % 3000 for _ in range(20_000))
    ]
    log = columns(calls, [kind("cheap", price("1", "2")), kind("dear", price("70", "90"))])
    exact = break_even(log, log.request, DAY, 0)
    assert exact is not None
    own = next(point for point in exact.by_ttl if point.ttl_s == DAY_S)
    monkeypatch.setattr(chosen_calls, "ALL", 1000)
    monkeypatch.setattr(chosen_calls, "SOME", 2000)
    for seed in range(5):
        found = break_even(log, log.request, DAY, seed, known=(own.hits, own.saved_usd))
        assert found is not None
        assert found.sampled is not None
        here = next(point for point in found.by_ttl if point.ttl_s == DAY_S)
        assert (here.hits, here.saved_usd) == (own.hits, own.saved_usd)
        for one, other in zip(found.by_ttl, exact.by_ttl, strict=True):
            assert float(one.saved_usd) == pytest.approx(float(other.saved_usd), rel=0.15)


def test_what_is_known_of_a_bounded_cache_says_nothing_of_one_without_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    log = columns([One(second, request=second % 500) for second in range(4000)], KINDS)
    monkeypatch.setattr(chosen_calls, "ALL", 1000)
    bounded = CacheLever(size_bytes=100)
    found, other = (break_even(log, log.request, bounded, 0, known=known) for known in (None, (1, Decimal(1))))
    assert found is not None
    assert found == other


def test_calls_of_other_questions_are_left_alone() -> None:
    log = columns([One(0), One(1), One(2, request=7)], KINDS)
    found = break_even(log, array("i", [0, 0, -1]), CacheLever(), 0)
    assert found is not None
    assert found.by_ttl[0].hits == 1
