"""One variant is built at a time and measured beside the source; what cannot be built is left out by name."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from llmopt.errors import InputError, UsageError
from llmopt.models.quality.result import Quality
from tests.models.auto.values import a_quality
from tests.models.extras import library

library("torch", "semantic")

from llmopt.models.auto.candidates import Lineage  # noqa: E402
from llmopt.models.auto.progress import Steps  # noqa: E402
from llmopt.models.auto.sensitivity import Sensitivity  # noqa: E402
from llmopt.models.auto.trial import ROUNDS, Setting, Trials  # noqa: E402
from llmopt.models.cpu.recipe import Recipe  # noqa: E402
from tests.models.auto.fakes import BF16, DYNAMIC, FP32, INT8, Fake, taking  # noqa: E402


class World:
    """A source, what it becomes by recipe, and a note of all that was built."""

    def __init__(self, *, data: bool = True) -> None:
        self.source = Fake(1.0)
        self.built: list[Recipe] = []
        self.told: list[str] = []
        self.broken: dict[str, Exception] = {}
        self.unequal: dict[str, Exception] = {}
        lines = [Lineage(FP32), Lineage(BF16), Lineage(replace(INT8, kept=("z",)), ("c", "b", "a"))]
        quality = self.quality if data else None
        self.asked: list[str] = []
        self.trials = Trials(
            Setting(self.source, self.build, [[5]], quality, Steps(0, self.step), self.alone, taking), lines
        )

    def alone(self) -> list[Sensitivity]:
        self.asked.append("alone")
        return [Sensitivity(name, error, 1) for name, error in (("c", 0.1), ("b", 0.2), ("a", 0.3), ("z", 0.9))]

    def build(self, recipe: Recipe) -> Any:
        self.built.append(recipe)
        if recipe.name in self.broken:
            raise self.broken[recipe.name]
        return self.source if recipe == FP32 else Fake(0.5 + 0.1 * len(recipe.kept))

    def quality(self, model: Any) -> Quality:
        name = self.built[-1].name
        if name in self.unequal:
            raise self.unequal[name]
        return a_quality(0.0 if model is self.source else model.takes_s / 100, 0.001)

    def step(self, done: int, total: int, text: str) -> None:
        self.told.append(f"{done} {text}")


def test_speed_and_quality_of_a_variant_are_of_one_build() -> None:
    world = World()
    assert world.trials.speed(1, 0) == pytest.approx(2)
    drop = world.trials.drop(1, 0)
    assert (drop.value, world.built) == (0.005, [BF16])
    assert world.told[::2] == ["0 timing torch bfloat16", "1 answers of torch bfloat16"]
    trial = world.trials.measured[1, 0]
    assert (trial.recipe, trial.quality) == (BF16, a_quality(0.005, 0.001))
    assert drop.texts == 500


def test_the_source_is_as_fast_as_itself_and_needs_no_margin() -> None:
    world = World()
    assert world.trials.speed(0, 0) == 1
    assert world.trials.drop(0, 0).within(0)


def test_layers_are_kept_in_order_after_those_of_the_user() -> None:
    world = World()
    world.trials.speed(2, 0)
    assert world.asked == []
    assert world.trials.remaining(2) == pytest.approx([1, 0.5, 1 / 6, 0])
    world.built.clear()
    assert [world.trials.speed(2, kept) for kept in (0, 2)] == pytest.approx([1 / 0.6, 1 / 0.8])
    assert world.asked == ["alone"]
    assert world.built[-1].kept == ("z", "a", "b")


def test_one_model_is_held_until_it_is_released() -> None:
    world = World()
    for _ in range(2):
        world.trials.speed(1, 0)
    world.trials.release()
    world.trials.speed(1, 0)
    world.trials.speed(0, 0)
    world.trials.drop(1, 0)
    assert world.built == [BF16, BF16, FP32, BF16]


@pytest.mark.parametrize("error", [UsageError("no such operator"), InputError("not finite")])
def test_what_cannot_be_built_is_left_out(error: Exception) -> None:
    world = World()
    world.broken[BF16.name] = error
    assert world.trials.speed(1, 0) == 0
    assert world.trials.drop(1, 0).value == math.inf
    assert world.trials.left_out == [f"torch bfloat16 was left out: {error}"]
    assert not world.trials.measured


def test_what_cannot_be_compared_is_left_out() -> None:
    world = World()
    world.unequal[BF16.name] = InputError("an answer that is not finite")
    assert world.trials.speed(1, 0) > 0
    assert not world.trials.drop(1, 0).within(1)
    assert world.trials.left_out == ["torch bfloat16 was left out: an answer that is not finite"]
    assert not world.trials.measured


def test_a_bug_is_no_reason_to_leave_a_recipe_out() -> None:
    world = World()
    world.broken[BF16.name] = KeyError("bug")
    with pytest.raises(KeyError):
        world.trials.speed(1, 0)


def test_without_data_there_is_no_drop() -> None:
    world = World(data=False)
    world.trials.speed(1, 0)
    assert world.trials.drop(1, 0).value == math.inf


def test_what_varies_is_timed_for_more_rounds() -> None:
    world = World()
    asked: list[int] = []

    def varying(models: Any, requests: Any, *, rounds: int, max_time_s: float) -> list[list[float]]:
        asked.append(rounds)
        lucky = [0.1] * rounds if len(asked) == 1 else [0.5] * rounds
        return [[1.0] * rounds, [0.5, *lucky[1:]]]

    trials = replace(world.trials, setting=replace(world.trials.setting, times=varying))
    assert trials.speed(1, 0) == pytest.approx(2)
    assert asked == [ROUNDS, 2 * ROUNDS]


def test_two_variants_are_timed_beside_each_other() -> None:
    world = World()
    ratio = world.trials.against(replace(BF16, kept=()), replace(INT8, kept=("a", "b", "c")))
    assert ratio.value == pytest.approx(0.8 / 0.5)


def test_a_recipe_without_layers_to_keep_is_its_only_variant() -> None:
    assert Lineage(DYNAMIC).variant(()) is DYNAMIC
