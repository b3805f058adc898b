"""The share of the teacher's quality that a student has, with its 95 % interval over the texts.

Accuracies are of the same texts, so their ratio has the interval of paired data: the hybrid Wilson score interval of
Bonett and Price, "Confidence intervals for a ratio of binomial proportions based on paired data" (2006), which
Fagerland, Lydersen and Laake, "Recommended tests and confidence intervals for paired binomial proportions" (2014),
recommend. Shares of texts have Wilson's, ratios of perplexities that of the drop (`llmopt.models.quality.intervals`).
"""

from __future__ import annotations

import math

from llmopt.core.stats import wilson_interval
from llmopt.models.distill.report import Kept
from llmopt.models.quality.classes import Agreement
from llmopt.models.quality.result import Quality

_Z = 1.959963984540054
_LEAST = 1e-300


def kept_of(quality: Quality, found: Agreement | None = None) -> Kept:
    """Return what a student has of its teacher's quality.

    Args:
        quality: of the student beside the teacher.
        found: how alike their classes are; None unless they classify.
    """
    if found is not None and found.right_before:
        both = found.right_before - found.lost
        value = found.right_after / found.right_before
        return Kept("accuracy", value, *accuracy_ratio_interval(both, found.lost, found.gained))
    for metric, same in (("nearest neighbours", _of_encoders(quality)), ("labels", quality.agreement)):
        if same is not None:
            return Kept(metric, same, *wilson_interval(same, quality.inputs))
    name = "perplexity" if quality.bits_per_byte_before is None else "bits per byte"
    low, value, high = (_inverse(drop) for drop in (quality.drop_high, quality.drop, quality.drop_low))
    return Kept(name, value, low, high)


def accuracy_ratio_interval(both: int, lost: int, gained: int) -> tuple[float, float]:
    """Return the 95 % interval of a ratio of two accuracies on the same texts.

    With `n` the texts that one of the two has right at least, `x` those that the first has and `y` those that the
    second has, Wilson intervals of `x / n` and `y / n` are taken at the quantile `k z` with `k = A / (B + C)`,
    `A^2 = (lost + gained + 2) / ((x + 1) (y + 1))`, `B^2 = (1 - (x + 1) / (n + 2)) / (x + 1)`, and `C` as `B` of `y`;
    the ends of the ratio's are those of `y / n` over those of `x / n`, crosswise.

    Args:
        both: texts that both have right.
        lost: that the first alone has right; with `both`, one or more.
        gained: that the second alone has right.
    """
    texts, first, second = both + lost + gained, both + lost, both + gained
    spread = math.sqrt((lost + gained + 2) / ((first + 1) * (second + 1)))
    parts = sum(math.sqrt((1 - (one + 1) / (texts + 2)) / (one + 1)) for one in (first, second))
    z = _Z * spread / parts
    (first_low, first_high), (low, high) = (_wilson(one, texts, z) for one in (first, second))
    return low / first_high, high / first_low


def texts_needed(kept: Kept, texts: int, gate: float) -> int | None:
    """Return how many texts like these would put a gate outside the interval; None where no number would.

    The half of the interval on the side of the gate shrinks with the root of their number.

    Args:
        kept: on the texts that there are.
        texts: how many these are.
        gate: share that is wanted.
    """
    distance = abs(kept.value - gate)
    half = kept.value - kept.low if gate < kept.value else kept.high - kept.value
    if not distance or not math.isfinite(half / distance):
        return None
    return math.ceil(texts * (half / distance) ** 2)


def _wilson(count: int, texts: int, z: float) -> tuple[float, float]:
    """Return Wilson's score interval at a quantile; its low end is above 0 unless the count is 0."""
    root = z * math.sqrt(z * z + 4 * count * (1 - count / texts))
    low, high = ((2 * count + z * z + sign * root) / (2 * (texts + z * z)) for sign in (-1, 1))
    return (low if count else 0.0), min(high, 1.0)


def _of_encoders(quality: Quality) -> float | None:
    return quality.top1_agreement if quality.task == "embed" else None


def _inverse(drop: float) -> float:
    """Return the reference's perplexity over the other's."""
    return 1 / max(1 + drop, _LEAST)
