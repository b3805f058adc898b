"""How fast the machine is now, by batches that the sweep knows."""

from __future__ import annotations

import pytest

from llmopt.bench.curve import fit
from llmopt.bench.speed import ROUNDS, speed
from llmopt.core.batch import Shape
from tests.bench.machines import Clock, Fake, service_s
from tests.bench.swept import points

CURVE = fit(points(service_s))
SHAPES = (Shape(1, 64), Shape(4, 64))


@pytest.mark.parametrize("slowness", [0.8, 1.0, 1.25])
def test_it_is_relative_to_the_sweep(slowness: float) -> None:
    clock = Clock()
    target = Fake(clock, lambda size, length: slowness * service_s(size, length))
    assert speed(target, CURVE, SHAPES, 10.0, clock=clock) == pytest.approx(slowness)
    assert target.batches == [(1, 64), (4, 64)] * ROUNDS


def test_a_single_burst_does_not_count() -> None:
    clock = Clock()
    target = Fake(clock, cold=20.0)
    assert speed(target, CURVE, SHAPES, 10.0, clock=clock) == pytest.approx(1)


def test_time_bounds_it_and_one_round_is_run_anyway() -> None:
    clock = Clock()
    target = Fake(clock)
    speed(target, CURVE, SHAPES, 0.0, clock=clock)
    assert len(target.batches) == 2
