"""What a search for the fastest variant handles: families of variants, measured points, what to take of them.

No models here. A drop is held against a gate with caution, because the gate is meant for other texts than those that it
was measured on, and because what looks best among many is lucky in part.

Source: Jeffreys' prior and the beta-binomial as in Gelman et al., "Bayesian Data Analysis" (2013), 2.4 and 2.8.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

from llmopt.models.quality.result import Quality

_Z95 = 1.96
_SURE, _SURE_16_BITS = 0.95, 0.75
"""How probable it must be that as many other texts are within the gate, too: of variants in 8 bits, of which many are
tried and the luckiest looks best; and of bfloat16, of which there are one or two and little is ever lost."""
_NONE_SEEN = math.sqrt(0.5)
"""Standard error of what was 0, in observations: as if half of one had been seen."""
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Drop:
    """Quality lost, as measured on the texts that a choice is made on."""

    value: float
    error: float = 0.0
    """Standard error; 0 where the variant computes as the source does."""
    texts: int = 0
    """Where the drop is a share of texts, of so many; 0 where it is none."""
    sure: float = _SURE
    """How probable it must be that other texts are within a gate, too."""

    def within(self, gate: float) -> bool:
        """Return whether other texts, as many, will probably be within the gate, too."""
        if self.value > gate:
            return False
        if self.texts:
            return math.isclose(gate, 1) or _share_holds(self.value, self.texts, gate) >= self.sure
        return self.value + NormalDist().inv_cdf(self.sure) * math.sqrt(2) * self.error <= gate

    def less(self, share: float) -> Drop:
        """Return the drop that is foreseen where only a share of it is left."""
        return replace(self, value=self.value * share)


@dataclass(frozen=True, slots=True)
class Family:
    """Variants that differ in the number of layers that stay in floating point."""

    depth: int = 0
    """Most layers that can be kept: with all of them nothing is left to gain."""
    always: bool = False
    """Whether its quality is told even where it is too slow to be chosen."""


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


def drop_of(quality: Quality, numbers: str = "int8") -> Drop:
    """Return the drop of a quality.

    Args:
        quality: on the texts of the choice.
        numbers: of the variant's linear layers; with `float32` it computes as the source does, and needs no caution.
    """
    if numbers == "float32":
        return Drop(quality.drop)
    sure = _SURE_16_BITS if numbers == "bfloat16" else _SURE
    if quality.task == "embed" or (quality.task == "classify" and quality.accuracy_before is None):
        return Drop(quality.drop, texts=quality.inputs, sure=sure)
    seen = quality.tokens if quality.task == "generate" else quality.inputs
    error = max((quality.drop_high - quality.drop_low) / (2 * _Z95), _NONE_SEEN / max(seen, 1))
    return Drop(quality.drop, error, sure=sure)


def fastest_within(points: Sequence[Point], gate: float) -> int | None:
    """Return the place of the fastest point whose drop is cautiously within the gate; None where none is."""
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


def _share_holds(value: float, texts: int, gate: float) -> float:
    """Return how probably a share is within a gate on as many other texts: the beta-binomial's distribution."""
    yes, no = value * texts + 0.5, (1 - value) * texts + 0.5
    most = min(int(gate * texts + _ROUNDING), texts)
    start = _log_beta(yes, no)
    return math.fsum(
        math.exp(
            -math.log(texts + 1)
            - _log_beta(count + 1, texts - count + 1)
            + _log_beta(count + yes, texts - count + no)
            - start
        )
        for count in range(most + 1)
    )


def _log_beta(one: float, other: float) -> float:
    return math.lgamma(one) + math.lgamma(other) - math.lgamma(one + other)
