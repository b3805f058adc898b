"""How many times faster: ratios of paired rounds, and functions called in turn."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.ratio import in_turn, speedup

times_s = st.floats(1e-6, 1e3)


@given(st.lists(times_s, min_size=1, max_size=30))
def test_a_thing_is_as_fast_as_itself(times: list[float]) -> None:
    ratio = speedup(times, times)
    assert (ratio.value, ratio.low, ratio.high) == (1.0, 1.0, 1.0)


@given(st.lists(st.tuples(times_s, times_s), min_size=1, max_size=30))
def test_a_ratio_turned_round_is_its_inverse(pairs: list[tuple[float, float]]) -> None:
    before, after = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    there, back = speedup(before, after), speedup(after, before)
    assert there.value * back.value == pytest.approx(1)
    assert there.low <= there.value <= there.high


@given(st.lists(times_s, min_size=3, max_size=30), st.floats(0.1, 10))
def test_drift_of_the_machine_does_not_show(times: list[float], factor: float) -> None:
    ratio = speedup([time * factor for time in times], times)
    assert ratio.value == pytest.approx(factor)
    assert ratio.high == pytest.approx(ratio.low)


def test_a_clock_too_coarse_divides_by_nothing() -> None:
    assert math.isfinite(speedup([0.0, 1.0], [0.0, 0.0]).value)


class World:
    """A clock that moves only where work is done."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.calls: list[str] = []

    def clock(self) -> float:
        return self.now_s

    def work(self, name: str, cost_s: float) -> None:
        self.calls.append(name)
        self.now_s += cost_s

    def settle(self) -> None:
        self.work("settle", 100.0)


def test_functions_are_warm_and_take_turns() -> None:
    world = World()
    functions = [lambda: world.work("a", 2.0), lambda: world.work("b", 1.0)]
    times = in_turn(functions, rounds=40, max_time_s=math.inf, clock=world.clock, settle=world.settle)
    assert times == [[2.0] * 40, [1.0] * 40]
    assert world.calls[:4] == ["a", "a", "b", "b"]
    timed = [name for name in world.calls[4:] if name != "settle"]
    rounds = [timed[at : at + 2] for at in range(0, len(timed), 2)]
    assert all(sorted(each) == ["a", "b"] for each in rounds)
    assert ["a", "b"] in rounds
    assert ["b", "a"] in rounds


def test_the_time_ends_a_run_after_three_rounds() -> None:
    world = World()
    times = in_turn([lambda: world.work("a", 1.0)], rounds=9, max_time_s=0.0, clock=world.clock, settle=lambda: None)
    assert times == [[1.0] * 3]
