"""How fast a followed log spends, by a clock that the test turns."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from llmopt.cost.follow.pace import MOST_BARS, Pace
from tests.cost.reports import group, report_of


def test_the_backlog_is_no_pace() -> None:
    pace = Pace()
    behind = pace.tick(report_of(group("m", "50", requests=500)), 3.0, behind=True)
    assert (behind.usd_per_min, behind.watched_s, behind.new_requests, behind.minutes_usd) == (None, 0.0, 500, ())
    first = pace.tick(report_of(group("m", "100", requests=1000)), 5.0)
    assert (first.usd_per_min, first.monthly_usd, first.new_requests) == (None, None, 500)
    assert first.minutes_usd == (Decimal(0),)
    then = pace.tick(report_of(group("m", "101", requests=1020)), 15.0)
    assert (then.usd_per_min, then.requests_per_min, then.new_requests) == (Decimal(6), Decimal(120), 20)
    assert (then.monthly_usd, then.watched_s) == (None, 10.0)


def test_the_pace_is_that_of_the_last_minute_and_the_month_that_of_all() -> None:
    pace = Pace()
    for second in range(0, 130, 10):
        spent = Decimal(second) / 10 if second <= 60 else Decimal(6)
        tick = pace.tick(report_of(group("m", str(spent), requests=10)), float(second))
    assert tick.usd_per_min == 0
    assert tick.monthly_usd == Decimal(6) / 2 * 60 * 24 * 30
    assert tick.minutes_usd == (Decimal(5), Decimal(1), Decimal(0))


def test_minutes_without_a_look_are_empty_bars() -> None:
    pace = Pace()
    pace.tick(report_of(group("m", "0")), 0.0)
    pace.tick(report_of(group("m", "1")), 30.0)
    tick = pace.tick(report_of(group("m", "3")), 200.0)
    assert tick.minutes_usd == (Decimal(1), Decimal(0), Decimal(0), Decimal(2))
    assert len(pace.tick(report_of(group("m", "4")), 86_400.0).minutes_usd) == MOST_BARS


@given(st.lists(st.tuples(st.integers(0, 100), st.floats(0.1, 50)), min_size=1, max_size=20))
def test_the_bars_add_up_to_what_was_spent_while_it_watched(steps: list[tuple[int, float]]) -> None:
    pace, spent, now_s = Pace(), Decimal(7), 0.0
    tick = pace.tick(report_of(group("m", "7")), now_s)
    for cents, elapsed_s in steps:
        spent, now_s = spent + Decimal(cents) / 100, now_s + elapsed_s
        tick = pace.tick(report_of(group("m", str(spent))), now_s)
    assert sum(tick.minutes_usd) == spent - 7
    assert tick.usd_per_min is not None
    assert tick.usd_per_min >= 0
