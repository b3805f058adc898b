"""What a search for the fastest variant handles: families of variants and measured points; no models here."""

from __future__ import annotations

import math
from dataclasses import dataclass

from llmopt.models.quality.result import Quality

_Z95 = 1.96
_CAUTION = 1.28 * math.sqrt(2)
"""So many standard errors above a drop is the drop on other texts in one case of ten: it has an error, too."""
_NONE_SEEN = math.sqrt(0.5)
"""Standard error of a share that was 0, in observations: as if half of one had been seen."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Quality lost, as measured on the texts that a choice is made on."""

    value: float
    margin: float
    """Added before it is held against a gate: what looks best among many measured was lucky in part, and the texts of
    the gate are others."""

    def within(self, gate: float) -> bool:
        """Return whether other texts, too, will probably be within the gate."""
        return self.value + self.margin <= gate


@dataclass(frozen=True, slots=True)
class Family:
    """Variants that differ in the number of layers that stay in floating point."""

    remaining: tuple[float, ...] = (1.0,)
    """Share of the error (in power) that is expected to be left with none, one, two ... layers kept."""
    always: bool = False
    """Whether its quality is told even where it is too slow to be chosen."""

    @property
    def depth(self) -> int:
        """Most layers that can be kept: with all of them nothing is left to gain."""
        return len(self.remaining) - 1


@dataclass(frozen=True, slots=True)
class Point:
    """One variant that was measured."""

    family: int
    """Its place among the families."""
    kept: int
    """Layers that stay in floating point, in the order of its family."""
    speed: float
    """Times faster than what runs today."""
    drop: Drop | None
    """None where it was not measured: without data, or too slow to be chosen."""


def drop_of(quality: Quality, *, exact: bool = False) -> Drop:
    """Return the drop of a quality with its margin.

    Args:
        quality: on the texts of the choice.
        exact: the variant computes in float32 as the source does; no margin is needed.
    """
    if exact:
        return Drop(quality.drop, 0.0)
    seen = quality.tokens if quality.task == "generate" else quality.inputs
    error = max((quality.drop_high - quality.drop_low) / (2 * _Z95), _NONE_SEEN / max(seen, 1))
    return Drop(quality.drop, _CAUTION * error)
