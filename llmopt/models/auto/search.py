"""Look for the fastest variant within a quality gate with few measurements; knows no models.

A family of variants is a recipe with 0, 1, 2 ... layers kept in floating point, the most sensitive first: each layer
kept costs speed and gains quality. First the speed of every family is measured with none kept, then quality from the
fastest on: what is slower than the fastest within the gate cannot be chosen. Then branch and bound: a family that fails
the gate can have no variant within it that is faster than the last one that failed, so the family with the fastest such
bound is bisected next, and those whose bound is not above the best found are left alone. The first probe of a family is
where the sensitivities of the layers foresee the gate; nobody asks for them before.

Source: Land and Doig, "An automatic method of solving discrete programming problems" (1960), for the bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from llmopt.models.auto.points import Drop, Family, Point, fastest_within

TOLERANCE = 0.1
"""Share of speed that is not worth a further measurement."""


class World(Protocol):
    """Where variants are measured. Speed is asked first, and is the cheaper one of the two."""

    def speed(self, family: int, kept: int) -> float:
        """Return how many times faster a variant is than what runs today."""
        ...

    def drop(self, family: int, kept: int) -> Drop:
        """Return what quality a variant loses."""
        ...

    def remaining(self, family: int) -> Sequence[float]:
        """Return the share of the error (in power) that is expected to be left with none, one, two ... layers kept."""
        ...


@dataclass
class _Span:
    """A family that is bisected."""

    family: int
    failing: int
    """Most layers kept of which it is known that the gate does not hold."""
    bound: float
    """Speed with these; no variant of interest is faster."""
    drop: Drop
    enough: int
    """Fewest layers kept that are known to be enough, or too slow."""
    probed: bool = False


def search(
    families: Sequence[Family], world: World, gate: float, *, more: Callable[[], bool] = lambda: True
) -> tuple[Point, ...]:
    """Measure variants until none that is left can be faster within the gate.

    Args:
        families: of variants; the first is what runs today.
        world: measures them.
        gate: share of quality that may be lost.
        more: asked before each measurement that is not needed; False ends the search with what was found.

    Returns:
        The variants whose speed was measured, with their drop where that was, too.
    """
    points = _plain(families, world, gate, more)
    spans = [_span(point, families) for point in points if point.drop and not point.drop.within(gate)]
    while True:
        at = fastest_within(points, gate)
        best = points[at].speed * (1 + TOLERANCE) if at is not None else 0.0
        spans = [span for span in spans if span.bound > best and span.enough - span.failing > 1]
        if not spans or not more():
            return tuple(points)
        span = max(spans, key=lambda span: span.bound)
        found = _probe(span, world, gate, best)
        points += [found] if found else []


def _plain(families: Sequence[Family], world: World, gate: float, more: Callable[[], bool]) -> list[Point]:
    """Measure each family with no layer kept: speed of all, quality of those that may be chosen or have to be told.

    Until one is within the gate, quality is measured whatever the time: speeds alone are no choice.
    """
    speeds = {at: world.speed(at, 0) for at, family in enumerate(families) if family.always or more()}
    points: list[Point] = []
    best = 0.0
    for family in sorted(speeds, key=lambda family: -speeds[family]):
        needed = families[family].always or (speeds[family] > best and (not best or more()))
        drop = world.drop(family, 0) if needed else None
        if drop is not None and drop.within(gate):
            best = max(best, speeds[family])
        points.append(Point(family, 0, speeds[family], drop))
    return points


def _span(point: Point, families: Sequence[Family]) -> _Span:
    drop = point.drop or Drop(math.inf)
    return _Span(point.family, 0, point.speed, drop, max(families[point.family].depth, 1))


def _probe(span: _Span, world: World, gate: float, best: float) -> Point | None:
    """Measure one variant inside the span and narrow it; None where it is too slow to be of interest."""
    kept = (span.failing + span.enough) // 2 if span.probed else _foreseen(span, world.remaining(span.family), gate)
    span.probed = True
    speed = min(world.speed(span.family, kept), span.bound)  # with fewer in 8 bits it can only seem faster
    if speed <= best:
        span.enough = kept
        return None
    drop = world.drop(span.family, kept)
    if drop.within(gate):
        span.enough = kept
    else:
        span.failing, span.bound, span.drop = kept, min(span.bound, speed), drop
    return Point(span.family, kept, speed, drop)


def _foreseen(span: _Span, remaining: Sequence[float], gate: float) -> int:
    """Return the fewest layers kept with which the gate should hold.

    A share of changed answers goes with the size of an error, which is the root of its power.
    """
    inside = range(span.failing + 1, span.enough)
    return next((kept for kept in inside if span.drop.less(math.sqrt(remaining[kept])).within(gate)), inside[-1])
