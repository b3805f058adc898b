"""Intervals (95 %) of what was lost, over the texts; and how many texts a gate would need.

None of them shrinks to a point where nothing was seen to change: thirty texts without a change do not show that nothing
changes. Texts are supposed to be independent of each other; tokens of one text are not.

Sources: `llmopt.core.stats.wilson_interval` for a share; Bonett and Price, "Adjusted Wald confidence interval for a
difference of binomial proportions based on paired data" (2012), for a difference of two shares of the same texts;
Cochran, "Sampling Techniques" (1977), 6.3, for a ratio of totals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmopt.core.stats import t_quantile, wilson_interval

_Z = 1.959963984540054
_T_OF_TWO = 12.706
"""Student's t of two texts, for which `t_quantile` is too small."""
_MOST = 10_000_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value, its interval, and what the interval would be with another number of texts like these."""

    value: float
    low: float
    high: float
    texts: int
    at: Callable[[float], tuple[float, float]]
    """From a number of texts to the interval that so many would give."""

    def texts_needed(self, gate: float) -> int | None:
        """Return how many texts would put the gate outside the interval; None where more than ten millions would."""

        def enough(texts: float) -> bool:
            low, high = self.at(texts)
            return not low <= gate <= high

        few, many = self.texts, 2 * self.texts
        while not enough(many):
            few, many = many, 2 * many
            if few > _MOST:
                return None
        while many - few > max(1, few // 100):
            middle = (few + many) // 2
            few, many = (few, middle) if enough(middle) else (middle, many)
        return many


def share(count: int, texts: int) -> Estimate:
    """Return the share of texts that something is true of, with Wilson's interval.

    Args:
        count: texts that it is true of.
        texts: one or more.
    """
    value = count / texts

    def at(many: float) -> tuple[float, float]:
        return wilson_interval(value, many)

    return Estimate(value, *at(texts), texts, at)


def share_lost(lost: int, gained: int, texts: int) -> Estimate:
    """Return by how much a share of the same texts went down, with Bonett and Price's interval.

    Args:
        lost: texts that it was true of, and is not any more.
        gained: texts that it was not true of, and is now.
        texts: one or more.
    """
    value = (lost - gained) / texts

    def at(many: float) -> tuple[float, float]:
        down, up = (count / texts * many + 1 for count in (lost, gained))
        down, up = down / (many + 2), up / (many + 2)
        spread = _Z * math.sqrt((down + up - (down - up) ** 2) / (many + 2))
        return max(-1.0, min(value, down - up - spread)), min(1.0, max(value, down - up + spread))

    return Estimate(value, *at(texts), texts, at)


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Estimate:
    """Return the ratio of two totals, with Cochran's interval (linearised, Student's t over the texts).

    Args:
        numerators: of each text; of two texts or more.
        denominators: of each text, above 0.
    """
    texts, total = len(numerators), math.fsum(denominators)
    value = math.fsum(numerators) / total
    residues = math.fsum((top - value * bottom) ** 2 for top, bottom in zip(numerators, denominators, strict=True))
    deviation = math.sqrt(residues / (texts - 1)) / (total / texts)

    def at(many: float) -> tuple[float, float]:
        t = t_quantile(0.975, many - 1) if many >= 3 else _T_OF_TWO
        spread = t * deviation / math.sqrt(many)
        return value - spread, value + spread

    return Estimate(value, *at(texts), texts, at)


def mapped(estimate: Estimate, function: Callable[[float], float]) -> Estimate:
    """Return an estimate of a rising function of what was estimated."""

    def at(many: float) -> tuple[float, float]:
        low, high = estimate.at(many)
        return function(low), function(high)

    return Estimate(function(estimate.value), *at(estimate.texts), estimate.texts, at)
