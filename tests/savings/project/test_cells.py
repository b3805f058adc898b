"""Calls put together by what sets of levers make of them."""

from __future__ import annotations

from array import array
from datetime import date
from operator import attrgetter

from hypothesis import given
from hypothesis import strategies as st

from llmopt.savings.project.by_call import by_call
from llmopt.savings.project.cells import Piece, day_of, put_together
from llmopt.savings.project.plan import BatchLever, CacheLever, Plan, SelfHostLever
from llmopt.savings.project.requests import SAMPLES, Requests
from tests.savings.project.small_columns import One, columns, kind, price

HOUR_S, DAY_S = 3600.0, 86_400.0
KINDS = [kind("a", price()), kind("b", price())]
ANYBODY = CacheLever(tenant="")


def requests(count: int) -> Requests:
    return Requests(array("i", range(count)), array("B", bytes(count)))


CALLS = st.lists(
    st.builds(
        One,
        at_s=st.integers(0, 5).map(lambda half_days: half_days * DAY_S / 2) | st.none(),
        request=st.integers(-1, 2),
        kind=st.integers(0, 1),
        tokens=st.integers(0, 9).map(lambda tokens: {"input_uncached": tokens}),
        label=st.integers(0, 1),
    ),
    max_size=30,
).map(lambda calls: sorted(calls, key=lambda call: (call.at_s is None, call.at_s or 0)))


@given(calls=CALLS)
def test_every_call_is_in_one_cell_and_one_day_of_it_by_time(calls: list[One]) -> None:
    log = columns(calls, KINDS, [{}, {"tag": "offline"}])
    known = requests(3)
    known.route = array("i", [0, -1, 1])
    found = put_together(log, known, Plan(cache=ANYBODY, batch=BatchLever((("tag", "offline"),), (0, 6))))
    assert sorted(found.order) == list(range(len(calls)))
    assert [found.at_us[place] for place in range(len(calls))] == [log.at_us[call] for call in found.order]
    assert list(found.request) == [log.request[call] for call in found.order]
    assert list(found.usage["input_uncached"]) == [log.usage["input_uncached"][call] for call in found.order]
    at = 0
    for number, cell in enumerate(found.cells):
        assert (cell.first, len(cell) > 0) == (at, True)
        at = cell.last
        own = found.order[cell.first : cell.last]
        assert list(own) == sorted(own)
        assert {log.kind[call] for call in own} == {cell.kind}
        days = found.days(number)
        assert [days[0].first, *map(attrgetter("last"), days)] == [cell.first, *[day.last for day in days]]
        assert days[-1].last == cell.last
        for day in days:
            whole = {
                None if calls[call].at_s is None else day_of(log.at_us[call])
                for call in found.order[day.first : day.last]
            }
            assert whole == {day.day}
    assert at == len(calls)


def test_repeats_and_those_that_sample_are_apart_from_the_rest() -> None:
    known = requests(2)
    known.flags[1] = SAMPLES
    calls = [One(0, 0), One(1, 0), One(2, 1), One(3, 1)]
    found = put_together(columns(calls, KINDS), known, Plan(cache=ANYBODY))
    assert [(cell.hit, cell.sampled, len(cell)) for cell in found.cells] == [
        (False, False, 2),
        (True, False, 1),
        (True, True, 1),
    ]
    assert list(found.order) == [0, 2, 1, 3]


def test_calls_of_the_night_can_wait_and_so_can_those_with_a_tag() -> None:
    calls = [
        One(0),
        One(3 * HOUR_S, label=1),
        One(12 * HOUR_S),
        One(13 * HOUR_S, label=1),
        One(None),
        One(None, label=1),
    ]
    log = columns(calls, KINDS, [{}, {"tag": "offline"}])
    by_hour = put_together(log, requests(1), Plan(batch=BatchLever(hours=(22, 6))))
    by_both = put_together(log, requests(1), Plan(batch=BatchLever((("tag", "offline"),), (22, 6))))
    waiting = [{by.order[n] for c in by.cells if c.waits for n in range(c.first, c.last)} for by in (by_hour, by_both)]
    assert waiting == [{0, 1}, {0, 1, 3, 5}]


def test_own_machines_serve_all_calls_or_those_with_a_tag() -> None:
    log = columns([One(0), One(1, label=1)], KINDS, [{}, {"tag": "offline"}])
    for tags, wanted in (((), [True]), ((("tag", "offline"),), [False, True])):
        found = put_together(log, requests(1), Plan(self_host=SelfHostLever(tags=tags)))
        assert [cell.tagged for cell in found.cells] == wanted


def test_prompts_are_chained_where_there_is_a_time() -> None:
    known = requests(2)
    known.chain = array("i", [3, -1])
    found = put_together(columns([One(0, 0), One(1, 1), One(2, -1), One(None, 0)], KINDS), known, Plan())
    assert [list(found.order[cell.first : cell.last]) for cell in found.cells if cell.chained] == [[0]]


def test_days_are_those_of_utc_and_calls_without_a_time_have_none() -> None:
    found = put_together(columns([One(0), One(DAY_S - 1), One(DAY_S), One(None)], KINDS), requests(1), Plan())
    assert found.days(0) == (Piece(date(1970, 1, 1), 0, 2), Piece(date(1970, 1, 2), 2, 3), Piece(None, 3, 4))


def test_what_is_known_of_requests_is_known_of_calls() -> None:
    log = columns([One(0, 1), One(1, -1), One(2, 0)], KINDS)
    assert list(by_call("i", array("i", [7, 8]), -5, log)) == [8, -5, 7]
    assert list(by_call("i", array("i"), -5, log)) == [-5, -5, -5]
