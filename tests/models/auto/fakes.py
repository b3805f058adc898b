"""Models that compute nothing: what a trial, a verdict and a route need of them is set by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from llmopt.core.ratio import Ratio
from llmopt.core.target import Predictor, TargetFacts
from llmopt.models.auto.points import Drop, Point
from llmopt.models.auto.trial import Trial
from llmopt.models.cpu.recipe import Recipe
from tests.models.auto.values import a_quality

FP32 = Recipe("torch", "float32")
FAST32 = Recipe("openvino", "float32")
BF16 = Recipe("torch", "bfloat16")
DYNAMIC = Recipe("torch", "int8", scales="tensor", per_channel=False)
INT8 = Recipe("openvino", "int8", scales="token", group=64)


@dataclass
class Fake:
    """A model that takes so long for a batch, whatever it is."""

    takes_s: float = 1.0
    labels: tuple[str, ...] = ()
    known_tokens: int = 100
    calls: list[int] = field(default_factory=list)

    @property
    def facts(self) -> TargetFacts:
        return TargetFacts("fake", "embed", "cpu", "none")

    @property
    def predictor(self) -> Predictor:
        return Predictor(self.predict, lambda tokens: [5] * tokens, len)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [[1, *map(ord, text), 2] for text in texts]

    def count(self, text: str) -> int:
        return len(text) + 2

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(map(chr, ids))

    def predict(self, requests: list[list[int]]) -> list[Any]:
        self.calls.append(len(requests))
        return requests

    def token_logits(self, requests: list[list[int]]) -> list[Any]:
        return requests


def taking(models: Sequence[Any], requests: list[list[int]], *, rounds: int, max_time_s: float) -> list[list[float]]:
    """Return the times that fake models say they take."""
    assert requests
    assert max_time_s > 0
    return [[model.takes_s] * rounds for model in models]


def measured(recipe: Recipe, speed: float, drop: float | None = None, error: float = 0.0) -> tuple[Point, Trial]:
    """Return a point and its trial."""
    point = Point(0, len(recipe.kept), speed, None if drop is None else Drop(drop, error))
    quality = None if drop is None else a_quality(drop)
    return point, Trial(recipe, Ratio(speed, speed * 0.95, speed * 1.05), quality)
