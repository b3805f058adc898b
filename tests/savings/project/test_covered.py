"""Which days of a log are whole."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from llmopt.savings.project.covered import Covered
from llmopt.savings.project.covered import covered as covered_by
from llmopt.savings.project.times import at_edges, times_of

FIRST = datetime(2024, 5, 6, tzinfo=UTC)
DAY_S = 86_400


def hourly(begins_h: int, ends_h: int, hours: range = range(24)) -> list[int]:
    """Return a call at every full hour from one hour of the log to before another."""
    times = (FIRST + timedelta(hours=hour) for hour in range(begins_h, ends_h))
    return [int(time.timestamp()) * 1_000_000 for time in times if time.hour in hours]


def covered(at_us: list[int]) -> Covered:
    most = times_of(at_us).most()
    return covered_by(most, at_edges(at_us, most))


def test_a_log_from_midnight_to_midnight_is_whole() -> None:
    found = covered(hourly(0, 10 * 24))
    assert found == Covered(date(2024, 5, 6), date(2024, 5, 15), (), hourly(0, 1)[0])
    assert found.days == 10


def test_days_that_are_cut_off_are_left_out() -> None:
    found = covered(hourly(13, 9 * 24 + 5))
    assert (found.first, found.last) == (date(2024, 5, 7), date(2024, 5, 14))
    assert found.cut == (date(2024, 5, 6), date(2024, 5, 15))
    assert found.days == 8


def test_an_office_that_sleeps_at_night_has_whole_days() -> None:
    office = range(8, 18)
    assert covered(hourly(0, 5 * 24, office)).days == 5
    late = covered(hourly(13, 5 * 24, office))
    assert late.cut == (date(2024, 5, 6),)
    assert late.days == 4


def test_a_few_calls_that_are_missing_by_chance_cut_nothing_off() -> None:
    assert covered(hourly(2, 10 * 24 - 2)).cut == ()


def test_a_log_without_times_has_no_days() -> None:
    assert covered([]) == Covered(None, None, ())
    assert covered([]).days == 0
    assert covered([]).cold(DAY_S) == 0


def test_calls_far_from_most_others_are_left_out() -> None:
    log = hourly(0, 10 * 24)
    stray = [0, 1, *log, log[-1] + 400 * DAY_S * 1_000_000]
    found = covered(stray)
    assert (found.first, found.last, found.cut, found.begins_us) == (date(2024, 5, 6), date(2024, 5, 15), (), log[0])


def test_one_call_is_no_day() -> None:
    assert covered(hourly(5, 6)).days == 0


def test_a_part_of_a_single_day_is_no_whole_day() -> None:
    found = covered(hourly(8, 14))
    assert (found.days, found.cut) == (0, (date(2024, 5, 6),))
    assert covered(hourly(0, 24)).days == 1


def test_two_days_that_are_both_cut_off() -> None:
    found = covered(hourly(12, 36))
    assert (found.days, found.cut) == (0, (date(2024, 5, 6), date(2024, 5, 7)))


def test_days_in_which_a_cache_is_still_filling() -> None:
    whole = covered(hourly(0, 10 * 24))
    assert [whole.cold(hours * 3600) for hours in (0, 1, 6, 7, 24, 25, 31, 7 * 24)] == [0, 0, 0, 1, 1, 1, 2, 7]
    late = covered(hourly(13, 10 * 24))
    assert [late.cold(hours * 3600) for hours in (0, 1, 24)] == [0, 0, 1]


@given(st.lists(st.integers(0, 20 * DAY_S), min_size=1, max_size=200).map(sorted))
def test_whole_days_lie_within_the_log_and_are_not_cut(seconds: list[int]) -> None:
    at_us = [(int(FIRST.timestamp()) + second) * 1_000_000 for second in seconds]
    found = covered(at_us)
    begins, ends = (datetime.fromtimestamp(at / 1e6, UTC).date() for at in (at_us[0], at_us[-1]))
    assert set(found.cut) <= {begins, ends}
    if found.first is not None and found.last is not None:
        assert begins <= found.first <= found.last <= ends
        assert not {found.first, found.last} & set(found.cut)
        assert found.days + len(found.cut) == (ends - begins).days + 1
