"""What time a log covers, by its days; and parts of a log add up to it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmopt.savings.project.times import DAY_US, Stretch, Times, all_times, at_edges, times_of

HOUR_US = DAY_US // 24
START = 20_000 * DAY_US


def ends(at_us: list[int]) -> tuple[int, int, int]:
    most = times_of(at_us).most()
    return (0, 0, 0) if most is None else (most.first_us, most.last_us, most.calls)


def test_calls_far_from_most_others_are_no_part_of_the_log() -> None:
    log = [START + hour * HOUR_US for hour in range(240)]
    stray = [0, 1, *log, log[-1] + 400 * DAY_US]
    assert ends(stray) == ends(log) == (log[0], log[-1], 240)
    assert times_of([]).most() is None


def test_only_more_than_a_month_without_a_call_parts_a_log() -> None:
    monthly = [START + month * 31 * DAY_US for month in range(30)]
    assert ends(monthly) == (monthly[0], monthly[-1], 30)
    assert ends([at + (at > monthly[9]) for at in monthly]) == (monthly[10] + 1, monthly[-1] + 1, 20)
    assert ends([at + (at > monthly[20]) for at in monthly]) == (monthly[0], monthly[20], 21)


INSTANTS = st.integers(0, 90 * DAY_US).map(lambda at: START + at)


@given(st.lists(st.tuples(INSTANTS, st.integers(0, 3)), max_size=80))
def test_parts_add_up_to_the_whole(calls: list[tuple[int, int]]) -> None:
    whole = sorted(at for at, _ in calls)
    parts = [sorted(at for at, part in calls if part == number) for number in range(4)]
    assert all_times(map(times_of, parts)) == times_of(whole)
    most = times_of(whole).most()
    early, late = zip(*(at_edges(part, most) for part in parts), strict=True)
    assert (sum(early), sum(late)) == at_edges(whole, most)
    assert times_of(whole).calls == len(whole)


@given(st.lists(INSTANTS, min_size=1, max_size=80).map(sorted))
def test_calls_at_the_edges_are_those_before_and_behind_the_logs_own(at_us: list[int]) -> None:
    most = times_of(at_us).most()
    assert isinstance(most, Stretch)
    inner = [at for at in at_us if at // DAY_US in most.inner]
    early = sum(at % DAY_US < most.first_us % DAY_US for at in inner)
    late = sum(at % DAY_US >= most.last_us % DAY_US for at in inner)
    assert at_edges(at_us, most) == (early, late)
    assert most.between == len(inner)


def test_nothing_has_no_edges() -> None:
    assert at_edges([], None) == (0, 0)
    assert Times().calls == 0
