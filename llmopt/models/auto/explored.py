"""What a search has measured, for those who choose from it and tell of it."""

from __future__ import annotations

from dataclasses import dataclass

from llmopt.models.auto.points import Point
from llmopt.models.auto.trial import Trial


@dataclass(frozen=True, slots=True)
class Explored:
    """What was measured; the first point is what runs today."""

    points: tuple[Point, ...]
    trials: tuple[Trial, ...]
    """Of the points, one each."""
    sensitivity: dict[str, float]
    """Of the layers that were measured alone."""
    left_out: tuple[str, ...]
    """Recipes that could not be measured, and why."""
