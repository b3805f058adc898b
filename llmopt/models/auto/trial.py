"""Build one variant after the other and measure it beside what runs today.

Speed and quality of a variant are asked one after the other, so the last one that was built is held, and no other: as
many models are in memory as two. Each is timed in turn with the source, so that what drifts on a machine hits both.
A recipe that cannot be built for this model is left out and named.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from llmopt.core.ratio import Ratio, speedup
from llmopt.errors import LlmoptError
from llmopt.models.auto.candidates import Lineage, title
from llmopt.models.auto.points import Drop, Point, drop_of
from llmopt.models.auto.progress import Steps
from llmopt.models.auto.sensitivity import Sensitivity, order, remaining
from llmopt.models.auto.speed import Timed, times_in_turn
from llmopt.models.cpu.recipe import Recipe
from llmopt.models.quality.answering import Answering
from llmopt.models.quality.result import Quality

ROUNDS, TIME_S = 3, 3.0
"""Of each variant, at most."""
STEADY = 1.2
"""Where the ends of an interval are further apart, twice as many rounds more are made."""
MORE_ROUNDS, MORE_TIME_S = 15, 8.0
"""Of two that are nearly as fast, at most."""
_FAILED = Drop(math.inf)


class Measured(Timed, Answering, Protocol):
    """What is needed of a model to measure it; `llmopt.models.loaded.LoadedModel` is one."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What was measured of one variant."""

    recipe: Recipe
    speedup: Ratio
    """Against the source as it runs today."""
    quality: Quality | None = None


@dataclass(frozen=True, slots=True)
class Explored:
    """What was measured; the first point is what runs today."""

    points: tuple[Point, ...]
    trials: tuple[Trial, ...]
    """Of the points, one each."""
    sensitivity: dict[str, float]
    """Of the layers that were measured alone."""
    said: tuple[str, ...]
    """What could not be measured and why, and what else there is to say of the search."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What variants are built from and measured with."""

    source: Measured
    """As it runs today."""
    build: Callable[[Recipe], Measured]
    """Makes a variant of the source."""
    requests: list[list[int]]
    """The batch that is timed."""
    quality: Callable[[Measured], Quality] | None
    """Compares answers with those of the source; None without data."""
    steps: Steps
    """Told of each measurement."""
    alone: Callable[[], Sequence[Sensitivity]] = tuple
    """Measures each layer alone; called where layers are to be kept, and once."""
    times: Callable[..., list[list[float]]] = times_in_turn


@dataclass(slots=True)
class Trials:
    """A `llmopt.models.auto.search.World` of real models."""

    setting: Setting
    lineages: Sequence[Lineage]
    measured: dict[tuple[int, int], Trial] = field(default_factory=dict)
    """By lineage and layers kept."""
    left_out: list[str] = field(default_factory=list)
    """Recipes that could not be built, and why."""
    layers: Sequence[Sensitivity] = ()
    """That were measured alone."""
    _held: tuple[Recipe, Measured] | None = None

    def speed(self, family: int, kept: int) -> float:
        """Return how many times faster a variant is than what runs today; 0 where it cannot be had."""
        recipe = self.variant(family, kept)
        with self.setting.steps.during(f"timing {title(recipe)}"):
            try:
                ratio = self._ratio(recipe)
            except LlmoptError as error:
                self.left_out.append(f"{recipe.name} was left out: {error.message}")
                return 0.0
        self.measured[family, kept] = Trial(recipe, ratio)
        return ratio.value

    def drop(self, family: int, kept: int) -> Drop:
        """Return what quality a variant loses, after its speed was asked for."""
        trial = self.measured.get((family, kept))
        if trial is None or self.setting.quality is None:
            return _FAILED
        with self.setting.steps.during(f"answers of {title(trial.recipe)}"):
            try:
                model = self._model(trial.recipe)
                if model is self.setting.source:
                    return Drop(0.0)
                quality = self.setting.quality(model)
            except LlmoptError as error:
                self.left_out.append(f"{trial.recipe.name} was left out: {error.message}")
                del self.measured[family, kept]
                return _FAILED
        self.measured[family, kept] = replace(trial, quality=quality)
        return drop_of(quality, trial.recipe.numbers)

    def remaining(self, family: int) -> Sequence[float]:
        """Return the share of the error that is left with none, one, two ... layers of a family kept."""
        return remaining(self._of(family))

    def variant(self, family: int, kept: int) -> Recipe:
        """Return the recipe of a variant: the layers kept are those that cost the most quality for their work."""
        line = self.lineages[family]
        return line.variant(order(self._of(family))[:kept]) if kept else line.recipe

    def against(self, one: Recipe, other: Recipe) -> Ratio:
        """Return how many times faster one variant is than another, timed in turn."""
        self._held = None
        self.setting.steps.tell(f"timing {title(one)} beside {title(other)}")
        models = [self.setting.build(other), self.setting.build(one)]
        base_s, other_s = self.setting.times(models, self.setting.requests, rounds=MORE_ROUNDS, max_time_s=MORE_TIME_S)
        return speedup(base_s, other_s)

    def release(self) -> None:
        """Forget the model that is held."""
        self._held = None

    def _of(self, family: int) -> list[Sensitivity]:
        self.layers = self.layers or self.setting.alone()
        return [layer for layer in self.layers if layer.name in self.lineages[family].layers]

    def _ratio(self, recipe: Recipe) -> Ratio:
        model = self._model(recipe)
        if model is self.setting.source:
            return Ratio(1.0, 1.0, 1.0)
        models = [self.setting.source, model]
        base_s, other_s = self.setting.times(models, self.setting.requests, rounds=ROUNDS, max_time_s=TIME_S)
        ratio = speedup(base_s, other_s)
        if ratio.high <= ratio.low * STEADY:
            return ratio
        more = self.setting.times(models, self.setting.requests, rounds=2 * ROUNDS, max_time_s=TIME_S)
        return speedup([*base_s, *more[0]], [*other_s, *more[1]])

    def _model(self, recipe: Recipe) -> Measured:
        if self._held is not None and self._held[0] == recipe:
            return self._held[1]
        self._held = None
        self._held = recipe, self.setting.build(recipe)
        return self._held[1]
