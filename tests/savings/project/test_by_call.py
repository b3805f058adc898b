"""What is known of requests, call by call."""

from __future__ import annotations

from array import array

import pytest

from llmopt.savings.project.by_call import by_call, timed_calls
from tests.savings.project.small_columns import One, columns, kind, price

KINDS = [kind("m", price())]


@pytest.mark.parametrize("known", [[7, 8], [7, 7], [5, 5]])
def test_a_call_has_what_its_request_has(known: list[int]) -> None:
    log = columns([One(0, request=1), One(1, request=-1), One(2, request=0)], KINDS)
    assert list(by_call("i", array("i", known), 5, log)) == [known[1], 5, known[0]]
    assert list(by_call("B", bytes(known), 5, log)) == [known[1], 5, known[0]]


def test_nothing_known_stands_for_what_is_absent() -> None:
    log = columns([One(0), One(1, request=-1)], KINDS)
    assert list(by_call("i", array("i"), -1, log)) == [-1, -1]
    assert not by_call("i", array("i"), -1, columns([], KINDS))


@pytest.mark.parametrize(("times", "timed"), [((), 0), ((0, 5), 2), ((0, None), 1), ((None, None), 0)])
def test_calls_with_a_time_come_first(times: tuple[int | None, ...], timed: int) -> None:
    assert timed_calls(columns([One(at_s) for at_s in times], KINDS)) == timed
