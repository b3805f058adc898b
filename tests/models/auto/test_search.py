"""The search finds the fastest variant within the gate in simulated worlds, with few measurements."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from llmopt.models.auto.points import Drop, Family, Point, fastest_within
from llmopt.models.auto.search import TOLERANCE, search


@dataclass
class Simulated:
    """Families whose speed and error both fall with each layer kept, by what that layer costs and is worth."""

    speeds: list[float]
    """Of each family with nothing kept."""
    drops: list[list[float]]
    """By family and layers kept."""
    slower: list[float]
    """By family: time that each layer kept adds, as a share."""
    error: float = 0.0
    noise: float = 0.0
    asked_speed: list[tuple[int, int]] = field(default_factory=list)
    asked_drop: list[tuple[int, int]] = field(default_factory=list)
    foreseen: list[int] = field(default_factory=list)

    def true_speed(self, family: int, kept: int) -> float:
        return self.speeds[family] / (1 + self.slower[family] * kept)

    def speed(self, family: int, kept: int) -> float:
        self.asked_speed.append((family, kept))
        wobble = random.Random(f"{family} {kept}").uniform(-self.noise, self.noise)
        return self.true_speed(family, kept) * (1 + wobble)

    def drop(self, family: int, kept: int) -> Drop:
        self.asked_drop.append((family, kept))
        return Drop(self.drops[family][kept], self.error if self.drops[family][kept] else 0.0)

    @property
    def families(self) -> list[Family]:
        return [Family(len(drops) - 1, always=not at) for at, drops in enumerate(self.drops)]

    def remaining(self, family: int) -> list[float]:
        self.foreseen.append(family)
        drops = self.drops[family]
        return [(drop / drops[0]) ** 2 if drops[0] else 0.0 for drop in drops]

    def best(self, gate: float) -> float:
        """Return the speed of the fastest of all variants within the gate; all layers kept is no variant."""
        return max(
            self.true_speed(family, kept)
            for family, drops in enumerate(self.drops)
            for kept in range(max(len(drops) - 1, 1))
            if self.drop(family, kept).within(gate)
        )


def falling(sensitivities: Sequence[float]) -> list[float]:
    """Return the drop with 0, 1, ... layers kept: the root of what is left of the error's power."""
    ordered = sorted(sensitivities, reverse=True)
    return [math.sqrt(math.fsum(ordered[kept:])) for kept in range(len(ordered) + 1)]


@st.composite
def worlds(draw: st.DrawFn, noise: float = 0.0) -> Simulated:
    """Return a world with a float32 family that loses nothing, and some that lose more or less."""
    count = draw(st.integers(0, 5))
    layers = [draw(st.lists(st.floats(1e-6, 1e-2), min_size=1, max_size=40)) for _ in range(count)]
    speeds = draw(st.lists(st.floats(0.2, 6), min_size=count, max_size=count))
    slower = draw(st.lists(st.floats(0, 0.1), min_size=count, max_size=count))
    error = draw(st.floats(0, 0.01))
    return Simulated([1.0, *speeds], [[0.0], *map(falling, layers)], [0.0, *slower], error, noise)


GATES = st.floats(0, 0.2)


def chosen(points: Sequence[Point], gate: float) -> Point:
    at = fastest_within(points, gate)
    assert at is not None
    return points[at]


@given(worlds(), GATES)
def test_it_finds_the_fastest_within_the_gate(world: Simulated, gate: float) -> None:
    found = chosen(search(world.families, world, gate), gate)
    best = world.best(gate)
    assert best / (1 + TOLERANCE) - 1e-9 <= found.speed <= best + 1e-9
    assert found.drop is not None
    assert found.drop.within(gate)


@given(worlds(), GATES)
def test_it_measures_few_and_none_twice(world: Simulated, gate: float) -> None:
    points = search(world.families, world, gate)
    assert len(world.asked_speed) == len(set(world.asked_speed))
    assert len(world.asked_drop) == len(set(world.asked_drop))
    assert set(world.asked_drop) == {(point.family, point.kept) for point in points if point.drop is not None}
    for family, drops in enumerate(world.drops):
        asked = sum(one == family for one, _ in world.asked_speed)
        assert asked <= 2 + math.ceil(math.log2(len(drops)))


@given(worlds(noise=0.05), GATES)
def test_noise_costs_no_more_than_it_hides(world: Simulated, gate: float) -> None:
    points = search(world.families, world, gate)
    found = chosen(points, gate)
    best = world.best(gate)
    assert found.drop is not None
    assert found.drop.within(gate)
    assert world.true_speed(found.family, found.kept) >= best * 0.95 / 1.05 / (1 + TOLERANCE) - 1e-9


@given(worlds(), GATES)
def test_slow_families_are_left_alone(world: Simulated, gate: float) -> None:
    points = search(world.families, world, gate)
    plain = [point for point in points if not point.kept]
    fastest = chosen(plain, gate).speed
    for family, kept in world.asked_speed:
        assert not kept or world.speeds[family] > fastest


def test_the_sensitivities_aim_the_first_probe() -> None:
    """With a foreseeable error the gate is found at the first probe, and the next one below it ends the search."""
    drops = falling([0.01, *[1e-6] * 39])
    world = Simulated([1.0, 3.0], [[0.0], drops], [0.0, 0.01])
    points = search(world.families, world, 0.02)
    assert world.asked_speed == [(0, 0), (1, 0), (1, 1)]
    assert chosen(points, 0.02).kept == 1


def test_caution_is_held_against_the_gate() -> None:
    world = Simulated([1.0, 3.0, 2.0], [[0.0], [0.019], [0.01]], [0.0] * 3, error=0.002)
    assert chosen(search(world.families, world, 0.02), 0.02).family == 2


def test_quality_that_does_not_fall_evenly_still_ends_within_the_gate() -> None:
    drops = [0.3, 0.01, 0.2, 0.3, 0.01, 0.2, 0.01, 0.0, 0.0]
    world = Simulated([1.0, 3.0], [[0.0], drops], [0.0, 0.02])
    found = chosen(search(world.families, world, 0.02), 0.02)
    assert found.drop is not None
    assert found.drop.value <= 0.02


def test_a_search_that_is_ended_keeps_what_it_found() -> None:
    world = Simulated([1.0, 3.0], [[0.0], falling([0.01] * 40)], [0.0, 0.01])
    answers = iter([True, True, False])
    points = search(world.families, world, 0.02, more=lambda: next(answers))
    assert len(world.asked_speed) == 3
    assert chosen(points, 0.02).speed >= 1


def test_without_time_only_what_has_to_be_told_is_measured() -> None:
    world = Simulated([1.0, 3.0, 2.0], [[0.0], [0.3], [0.3]], [0.0] * 3)
    points = search([Family(always=True), Family(always=True), Family()], world, 0.02, more=lambda: False)
    assert [(point.family, point.drop is None) for point in points] == [(1, False), (0, False)]


def test_layers_are_measured_alone_only_where_a_mixed_variant_may_win() -> None:
    enough = Simulated([1.0, 3.0, 2.9], [[0.0], [0.01, 0.0, 0.0], [0.3, 0.2, 0.0]], [0.0] * 3)
    search(enough.families, enough, 0.02)
    assert not enough.foreseen
    short = Simulated([1.0, 3.0, 2.9], [[0.0], [0.3, 0.01, 0.0], [0.3, 0.2, 0.0]], [0.0] * 3)
    search(short.families, short, 0.02)
    assert short.foreseen == [1]


def test_quality_is_measured_from_the_fastest_on_until_the_gate_holds() -> None:
    world = Simulated([1.0, 3.0, 2.0, 1.5], [[0.0], [0.3], [0.01], [0.4]], [0.0] * 4)
    points = search([Family(), Family(), Family(), Family()], world, 0.02)
    assert world.asked_drop == [(1, 0), (2, 0)]
    assert [point.drop is None for point in points] == [False, False, True, True]
    told = Simulated([1.0, 3.0, 2.0, 1.5], [[0.0], [0.3], [0.01], [0.4]], [0.0] * 4)
    search([Family(always=True), Family(), Family(), Family()], told, 0.02)
    assert told.asked_drop == [(1, 0), (2, 0), (0, 0)]


def test_a_lucky_time_of_a_mixed_variant_does_not_count_above_that_of_its_family() -> None:
    class Lucky(Simulated):
        def speed(self, family: int, kept: int) -> float:
            return 10.0 if kept else super().speed(family, kept)

    world = Lucky([1.0, 3.0], [[0.0], falling([0.01] * 9)], [0.0, 0.01])
    assert chosen(search(world.families, world, 0.02), 0.02).speed <= 3


def test_late_or_not_quality_is_measured_until_something_is_within_the_gate() -> None:
    world = Simulated([1.0, 3.0, 2.0, 1.5], [[0.0], [0.3], [0.01], [0.0]], [0.0] * 4)
    answers = iter([True, True, True, *[False] * 9])
    points = search(world.families, world, 0.02, more=lambda: next(answers))
    assert world.asked_drop == [(1, 0), (2, 0), (0, 0)]
    assert chosen(points, 0.02).family == 2
