"""What a score finds where only the cheap model was asked: its answers that fall short, and nothing about dollars.

    found(s) = what falls short among the share s with the highest scores / what falls short in all
    margin   = the mean of (found(s) - s) over s; a random router finds a share s of it

The shortfall of an answer is 1 below the pass mark and 0 from it on, or its distance from the best quality of the log.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from llmopt.core.stats import bootstrap_interval
from llmopt.savings.routing_curve import STEPS, Measured

_RESAMPLED = 2_000_000
"""Prompts that all resamples have together, so that large logs take no longer."""


@dataclass(frozen=True, slots=True)
class FoundPoint:
    """Prompts from one score on."""

    threshold: float
    share: float
    """Of the prompts."""
    found: float
    """Of all that falls short."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a score finds on held-out prompts."""

    prompts: int
    shortfall: float
    """Mean of a prompt."""
    points: tuple[FoundPoint, ...]
    chosen: FoundPoint
    """At the recommended threshold."""
    margin: Measured
    """Mean share found above a random router; 0 for one."""


def found_by(scored: Sequence[tuple[float, float]], threshold: float, *, seed: int = 0) -> Found:
    """Return what scores find of shortfalls, from pairs of both; one pair at least."""
    ranked = sorted(scored, key=lambda one: -one[0])
    n = len(ranked)
    cuts = dict.fromkeys(ranked[math.ceil(n * step / STEPS) - 1][0] for step in range(1, STEPS + 1))
    shortfalls = [shortfall for _, shortfall in ranked]

    def margin(rows: Sequence[float]) -> float:
        return _margin(shortfalls, rows)

    rows = list(range(n))
    resamples = max(200, min(1000, _RESAMPLED // n))
    low, high = bootstrap_interval(rows, margin, resamples=resamples, seed=seed, block=1)
    return Found(
        prompts=n,
        shortfall=math.fsum(shortfalls) / n,
        points=tuple(_point(ranked, cut) for cut in cuts),
        chosen=_point(ranked, threshold),
        margin=Measured(margin(rows), low, high),
    )


def _point(ranked: Sequence[tuple[float, float]], threshold: float) -> FoundPoint:
    hit = [shortfall for score, shortfall in ranked if score >= threshold]
    total = math.fsum(shortfall for _, shortfall in ranked)
    return FoundPoint(threshold, len(hit) / len(ranked), math.fsum(hit) / total if total else 0.0)


def _margin(shortfalls: Sequence[float], rows: Sequence[float]) -> float:
    """Return the mean over all shares of what is found less the share."""
    found = area = 0.0
    for row in sorted(rows):
        value = shortfalls[int(row)]
        area += found + value / 2
        found += value
    return area / (found * len(rows)) - 0.5 if found else 0.0
