"""The frontier holds what nothing beats; the choice is the fastest within the gate."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmopt.models.auto.choice import fastest_within, least_drop, on_frontier
from llmopt.models.auto.points import Drop, Point

drops = st.none() | st.builds(Drop, st.floats(0, 1), st.floats(0, 0.1))
many = st.lists(st.builds(Point, st.just(0), st.integers(0, 9), st.floats(0.1, 9), drops), max_size=20)


def point(speed: float, drop: float | None, margin: float = 0.0) -> Point:
    return Point(0, 0, speed, None if drop is None else Drop(drop, margin))


def test_the_frontier_by_hand() -> None:
    points = [point(1, 0), point(2, 0.01), point(1.5, 0.02), point(3, 0.4), point(2, 0.01), point(9, None)]
    assert on_frontier(points) == (True, True, False, True, True, False)


@given(many)
def test_whatever_is_not_on_the_frontier_is_beaten_by_what_is(points: list[Point]) -> None:
    flags = on_frontier(points)
    front = [one for one, flag in zip(points, flags, strict=True) if flag]
    for one, flag in zip(points, flags, strict=True):
        if flag or one.drop is None:
            continue
        assert any(
            other.drop is not None and other.speed >= one.speed and other.drop.value <= one.drop.value
            for other in front
        )


@given(many, st.floats(0, 1))
def test_the_choice_is_the_fastest_within_the_gate(points: list[Point], gate: float) -> None:
    at = fastest_within(points, gate)
    passing = [one.speed for one in points if one.drop is not None and one.drop.within(gate)]
    assert (points[at].speed if at is not None else None) == max(passing, default=None)


@given(many)
def test_the_least_drop_is_that_of_the_fastest_of_equals(points: list[Point]) -> None:
    at = least_drop(points)
    known = [(one.drop.value, -one.speed) for one in points if one.drop is not None]
    if at is None:
        assert not known
        return
    drop = points[at].drop
    assert drop is not None
    assert (drop.value, -points[at].speed) == min(known)
