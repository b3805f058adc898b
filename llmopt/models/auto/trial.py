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
from llmopt.models.auto.points import Drop, drop_of
from llmopt.models.auto.speed import Timed, times_in_turn
from llmopt.models.cpu.recipe import Recipe
from llmopt.models.quality.answering import Answering
from llmopt.models.quality.result import Quality

ROUNDS, TIME_S = 4, 3.0
"""Of each variant, at most."""
_FAILED = Drop(math.inf, 0.0)


class Measured(Timed, Answering, Protocol):
    """What is needed of a model to measure it; `llmopt.models.loaded.LoadedModel` is one."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """A recipe and the layers that may stay in floating point, in the order in which they do."""

    recipe: Recipe
    """Its own `kept` stay in any case."""
    order: tuple[str, ...] = ()

    def variant(self, kept: int) -> Recipe:
        """Return the recipe with so many more layers kept."""
        return replace(self.recipe, kept=(*self.recipe.kept, *self.order[:kept])) if kept else self.recipe


@dataclass(frozen=True, slots=True)
class Trial:
    """What was measured of one variant."""

    recipe: Recipe
    speedup: Ratio
    """Against the source as it runs today."""
    quality: Quality | None = None


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
    step: Callable[[], object]
    """Called after each measurement."""
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
    _held: tuple[Recipe, Measured] | None = None

    def speed(self, family: int, kept: int) -> float:
        """Return how many times faster a variant is than what runs today; 0 where it cannot be had."""
        recipe = self.lineages[family].variant(kept)
        try:
            ratio = self._ratio(recipe)
        except LlmoptError as error:
            self.left_out.append(f"{recipe.name} was left out: {error.message}")
            return 0.0
        finally:
            self.setting.step()
        self.measured[family, kept] = Trial(recipe, ratio)
        return ratio.value

    def drop(self, family: int, kept: int) -> Drop:
        """Return what quality a variant loses, after its speed was asked for."""
        trial = self.measured.get((family, kept))
        if trial is None or self.setting.quality is None:
            return _FAILED
        try:
            model = self._model(trial.recipe)
            if model is self.setting.source:
                return Drop(0.0, 0.0)
            quality = self.setting.quality(model)
        except LlmoptError as error:
            self.left_out.append(f"{trial.recipe.name} was left out: {error.message}")
            del self.measured[family, kept]
            return _FAILED
        finally:
            self.setting.step()
        self.measured[family, kept] = replace(trial, quality=quality)
        return drop_of(quality, exact=trial.recipe.numbers == "float32")

    def release(self) -> None:
        """Forget the model that is held."""
        self._held = None

    def _ratio(self, recipe: Recipe) -> Ratio:
        model = self._model(recipe)
        if model is self.setting.source:
            return Ratio(1.0, 1.0, 1.0)
        base_s, other_s = self.setting.times(
            [self.setting.source, model], self.setting.requests, rounds=ROUNDS, max_time_s=TIME_S
        )
        return speedup(base_s, other_s)

    def _model(self, recipe: Recipe) -> Measured:
        if self._held is not None and self._held[0] == recipe:
            return self._held[1]
        self._held = None
        self._held = recipe, self.setting.build(recipe)
        return self._held[1]
