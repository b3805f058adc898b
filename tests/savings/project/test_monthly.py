"""30 days at the pace of a log."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.savings.project.covered import Covered
from llmopt.savings.project.monthly import Day, monthly
from llmopt.savings.project.result import Monthly

MONDAY = date(2024, 5, 6)
BEGINS_US = int(datetime(2024, 5, 6, tzinfo=UTC).timestamp()) * 1_000_000
DAY_S = 86_400


def whole(days: int) -> Covered:
    return Covered(MONDAY, MONDAY + timedelta(days=days - 1), (), BEGINS_US)


def rows(saved: list[float], before: float = 10.0) -> list[Day]:
    """Return days that cost so much before, and save so much."""
    usd = Decimal(str(before))
    return [(MONDAY + timedelta(days=day), usd, usd - Decimal(str(one))) for day, one in enumerate(saved)]


def month(days: list[Day], over: Covered, **options: object) -> Monthly:
    found, _ = monthly(days, over, **options)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_a_month_of_equal_days_is_thirty_of_them() -> None:
    found = month(rows([4.0] * 14), whole(14))
    assert [found.baseline_usd, found.optimized_usd, found.savings_usd] == [300, 180, 120]
    assert found.low == found.high == 120
    assert found.days == 14
    assert found.notes == ()


def test_weekdays_weigh_the_same_however_often_they_were_seen() -> None:
    busy, quiet = 7.0, 0.0
    found = month(rows([busy] * 5 + [quiet] * 2 + [busy] * 5), whole(12))
    assert found.savings_usd == 150  # five busy days of seven, though ten of twelve were seen
    assert found.low <= 150 <= found.high


def test_dollars_are_rounded_to_the_micro_dollar() -> None:
    found = month(rows([0.1] * 3 + [0.0], before=1.0), whole(4))
    assert found.savings_usd == Decimal("2.25")
    assert month(rows([0.1, 0.0, 0.0]), whole(3)).savings_usd == 1
    third = month(rows([0.01] * 8, before=0.01), whole(8))
    assert third.baseline_usd - third.optimized_usd == third.savings_usd == Decimal("0.3")


@pytest.mark.parametrize(
    ("over", "note"),
    [
        (Covered(None, None, ()), "No month: no call says when it was; 3 whole days are needed at least."),
        (
            Covered(None, None, (MONDAY,), BEGINS_US),
            "No month: the log has no whole day (UTC), and a part of 2024-05-06; 3 are needed, "
            "14 to know the weekdays.",
        ),
        (whole(1), "No month: the log has 1 whole day (UTC); 3 are needed, 14 to know the weekdays."),
        (whole(2), "No month: the log has 2 whole days (UTC); 3 are needed, 14 to know the weekdays."),
    ],
)
def test_too_short_a_log_says_what_is_needed(over: Covered, note: str) -> None:
    assert monthly(rows([1.0, 1.0]), over) == (None, note)


@pytest.mark.parametrize(("days", "said"), [(3, "Only 3 whole days"), (7, "7 whole days (UTC): each"), (14, "")])
def test_how_much_log_is_behind_it_is_said(days: int, said: str) -> None:
    found, note = monthly(rows([1.0] * days), whole(days))
    assert found is not None
    assert note.startswith(said)
    assert bool(note) == bool(said)


def test_six_days_that_know_a_weekend_say_so() -> None:
    found, note = monthly(rows([7.0] * 5 + [0.0]), whole(6))
    assert found is not None
    assert found.savings_usd == 150
    assert note == (
        "Only 6 whole days (UTC), less than a week: all working days are taken for alike, and all days of a weekend."
    )


def test_a_cache_that_is_still_filling_is_left_out_where_days_enough_remain() -> None:
    days = rows([0.0] + [5.0] * 13)
    warm = month(days, whole(14), warm_up_s=DAY_S)
    assert [warm.days, warm.savings_usd] == [13, 150]
    assert warm.notes == ("Left out of the month, since the cache is still filling: the first day.",)
    week = month(days, whole(14), warm_up_s=7 * DAY_S)
    assert (week.days, week.notes[0][-17:]) == (7, "the first 7 days.")
    short = month(rows([0.0] + [5.0] * 6), whole(7), warm_up_s=DAY_S)
    assert short.days == 7
    assert short.notes[0].startswith(
        "The first day counts although the cache is still filling then, since only 7 days are there"
    )
    assert month(days, whole(14), warm_up_s=300.0).notes == ()


def test_days_that_are_cut_off_are_named_and_left_out() -> None:
    over = Covered(MONDAY + timedelta(days=1), MONDAY + timedelta(days=10), (MONDAY,), BEGINS_US)
    found = month(rows([100.0] + [2.0] * 10, before=100.0), over)
    assert [found.days, found.savings_usd] == [10, 60]
    assert found.notes == ("Left out of the month, since the log has only a part of the day: 2024-05-06.",)


def test_days_without_a_call_cost_nothing_and_are_said_unless_they_are_the_pattern() -> None:
    week = rows([7.0] * 14)
    weekends = [day for day in week if day[0].weekday() < 5]
    assert month(weekends, whole(14)).savings_usd == 150
    assert month(weekends, whole(14)).notes == ()
    holiday = [day for day in weekends if day[0] != MONDAY]
    assert month(holiday, whole(14)).savings_usd == 135
    assert month(holiday, whole(14)).notes == ("Within the log, 1 day without a cost counts as costing nothing.",)


def test_days_far_from_the_others_are_no_part_of_a_month() -> None:
    over = Covered(MONDAY, MONDAY + timedelta(days=13), (), BEGINS_US)
    found = month([(date(1970, 1, 1), Decimal(9), Decimal(0)), *rows([1.0] * 14)], over)
    assert [found.days, found.savings_usd] == [14, 30]
    assert found.notes == ()


def test_growth_is_of_what_grows() -> None:
    found = month(rows([1.0] * 14), whole(14), growth=Decimal("0.5"), fixed_usd=Decimal(10))
    assert found.growth_per_month == Decimal("0.5")
    assert list(found.months[:3]) == [30, 50, 80]
    assert len(found.months) == 12
    assert month(rows([1.0] * 14), whole(14)).months == (Decimal(30),) * 12
    assert month(rows([1.0] * 14), whole(14), growth=Decimal("-0.5")).months[:3] == (
        Decimal(30),
        Decimal(15),
        Decimal("7.5"),
    )


def test_what_is_estimated_makes_the_interval_longer() -> None:
    doubt = (Decimal("0.01"), Decimal("0.1"))
    found = month(rows([4.0] * 14), whole(14), doubt=doubt)
    assert [found.low, found.savings_usd, found.high] == [117, 120, 150]


def test_what_saves_every_day_does_not_cost_in_a_month_and_the_other_way_round() -> None:
    wild = [0.1, 9.0, 0.1, 0.1, 0.1, 9.9]
    assert month(rows(wild), whole(6)).low == 0
    assert month(rows([-one for one in wild]), whole(6)).high == 0


@given(st.lists(st.integers(-500, 500), min_size=3, max_size=30), st.integers(0, 9))
def test_the_interval_holds_the_month_and_the_seed_decides(cents: list[int], seed: int) -> None:
    days = rows([cent / 100 for cent in cents])
    found = month(days, whole(len(cents)), seed=seed)
    assert found.low <= found.savings_usd <= found.high
    assert found.savings_usd == found.baseline_usd - found.optimized_usd
    assert found == month(days, whole(len(cents)), seed=seed)


def test_nine_of_ten_intervals_hold_the_known_month() -> None:
    rng = random.Random(8)
    held = 0
    for seed in range(100):
        level = rng.gauss(0, 1)
        saved = []
        for day in range(18):
            level = 0.4 * level + 0.9165 * rng.gauss(0, 1)
            saved.append((3.0 if day % 7 < 5 else 1.0) * max(1 + 0.25 * level, 0.0))
        found = month(rows(saved), whole(18), seed=seed)
        held += found.low <= Decimal(30 * 17) / 7 <= found.high
    assert held >= 90
