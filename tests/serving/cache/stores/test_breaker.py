"""The circuit breaker, on a clock that the test turns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.cache.stores.breaker import Breaker, State


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def made(failures: int = 3) -> tuple[Breaker, Clock]:
    clock = Clock()
    return Breaker(clock, failures=failures, first_pause_s=1.0, longest_pause_s=5.0), clock


def opened() -> tuple[Breaker, Clock]:
    breaker, clock = made()
    for _ in range(3):
        breaker.failed()
    return breaker, clock


def test_failures_in_a_row_open_it_and_others_do_not() -> None:
    breaker, _ = made()
    for _ in range(5):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()
    assert breaker.state is State.CLOSED
    for _ in range(3):
        assert breaker.enter()
        breaker.failed()
    assert (breaker.state, breaker.enter()) == (State.OPEN, False)


def test_after_a_pause_one_caller_tries() -> None:
    breaker, clock = opened()
    clock.now_s += 0.99
    assert not breaker.enter()
    clock.now_s += 0.02
    assert breaker.state is State.HALF_OPEN
    assert [breaker.enter() for _ in range(4)] == [True, False, False, False]
    breaker.succeeded()
    assert [breaker.enter() for _ in range(4)] == [True] * 4


def test_each_failed_try_doubles_the_pause_up_to_a_bound() -> None:
    breaker, clock = opened()
    pauses = []
    for _ in range(5):
        began_s = clock.now_s
        while not breaker.enter():
            clock.now_s += 0.25
        pauses.append(clock.now_s - began_s)
        breaker.failed()
    assert pauses == [1, 2, 4, 5, 5]
    clock.now_s += 5
    assert breaker.enter()
    breaker.succeeded()
    for _ in range(3):
        breaker.failed()
    clock.now_s += 1
    assert breaker.enter(), "after a success the pause is the first one again"


def test_late_failures_of_what_was_under_way_do_not_lengthen_the_pause() -> None:
    breaker, clock = opened()
    clock.now_s += 0.5
    for _ in range(16):
        breaker.failed()
    clock.now_s += 0.5
    assert breaker.state is State.HALF_OPEN


def test_a_late_success_closes_it() -> None:
    breaker, _ = opened()
    breaker.succeeded()
    assert breaker.state is State.CLOSED


def test_a_try_that_never_ends_is_followed_by_another() -> None:
    breaker, clock = opened()
    clock.now_s += 1
    assert breaker.enter()
    clock.now_s += 0.5
    assert not breaker.enter()
    clock.now_s += 0.5
    assert breaker.enter()


@pytest.mark.parametrize("failures", [1, 2, 7])
def test_how_many_failures_it_takes(failures: int) -> None:
    breaker, _ = made(failures)
    states = []
    for _ in range(failures):
        states.append(breaker.state)
        breaker.failed()
    assert states == [State.CLOSED] * failures
    assert breaker.state is State.OPEN


@given(st.lists(st.tuples(st.sampled_from(["enter", "failed", "succeeded"]), st.floats(0, 10))))
def test_it_never_stays_shut_for_longer_than_the_longest_pause(steps: list[tuple[str, float]]) -> None:
    breaker, clock = made()
    for name, passed_s in steps:
        clock.now_s += passed_s
        getattr(breaker, name)()
    clock.now_s += 5.0
    assert breaker.enter()
