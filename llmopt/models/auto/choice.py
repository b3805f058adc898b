"""Which of the points that were measured to take, and which of them are on the frontier; no models here."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt.models.auto.points import Point


def fastest_within(points: Sequence[Point], gate: float) -> int | None:
    """Return the place of the fastest point whose drop is within the gate with its margin; None where none is."""
    passing = [at for at, point in enumerate(points) if point.drop is not None and point.drop.within(gate)]
    return max(passing, key=lambda at: points[at].speed, default=None)


def least_drop(points: Sequence[Point]) -> int | None:
    """Return the place of the point that lost least, the fastest of equals; None where no drop was measured."""
    known = [(point.drop.value, -point.speed, at) for at, point in enumerate(points) if point.drop is not None]
    return min(known)[2] if known else None


def on_frontier(points: Sequence[Point]) -> tuple[bool, ...]:
    """Return of each point whether no other is at least as fast and as good, and better in one of both.

    A point without a measured drop is on no frontier: nothing can be said of it.
    """
    return tuple(point.drop is not None and not any(_beats(other, point) for other in points) for point in points)


def _beats(one: Point, other: Point) -> bool:
    if one.drop is None or other.drop is None:
        return False
    as_good = one.speed >= other.speed and one.drop.value <= other.drop.value
    return as_good and (one.speed > other.speed or one.drop.value < other.drop.value)
