"""How well a score ranks prompts, with intervals; and what it finds where only the cheap model was asked.

    margin   = the mean over all shares s of (gain among the share s with the highest scores - s * gain in all)
    found(s) = what falls short among the share s with the highest scores / what falls short in all

A random router gains a share s of everything. The shortfall of an answer is 1 below the pass mark and 0 from it on, or
its distance from the best quality of the log; what falls short says nothing about dollars.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmopt.core.stats import bootstrap_interval

STEPS = 10
"""The curve has a point at every tenth."""
_RESAMPLED = 2_000_000
"""Prompts that all resamples of an interval have together, so that large logs take no longer."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


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


def measured(n: int, statistic: Callable[[Sequence[int]], float], seed: int) -> Measured:
    """Return a statistic of `n` prompts with its interval; it is asked for samples of their places."""
    rows = list(range(n))
    resamples = max(200, min(1000, _RESAMPLED // n))
    low, high = bootstrap_interval(rows, statistic, resamples=resamples, seed=seed, block=1)  # type: ignore[arg-type]
    return Measured(statistic(rows), low, high)


def margin_of(scores: Sequence[float], gains: Sequence[float], rows: Sequence[int]) -> float:
    """Return the mean over all shares of the gain so far, less as large a share of all of it.

    Args:
        scores: falling.
        gains: of the same prompts.
        rows: places of the prompts that count, in any order; some may be there more than once.
    """
    kept = area = tied = 0.0
    count, last = 0, math.inf
    for at in sorted(rows):
        if scores[at] != last:
            area += count * (kept + tied / 2)
            kept += tied
            tied, count, last = 0.0, 0, scores[at]
        tied += gains[at]
        count += 1
    area += count * (kept + tied / 2)
    return (area / len(rows) - (kept + tied) / 2) / len(rows)


def found_by(scored: Sequence[tuple[float, float]], threshold: float, *, seed: int = 0) -> Found:
    """Return what scores find of shortfalls, from pairs of both; one pair at least."""
    ranked = sorted(scored, key=lambda one: -one[0])
    n = len(ranked)
    cuts = dict.fromkeys(ranked[math.ceil(n * step / STEPS) - 1][0] for step in range(1, STEPS + 1))
    scores = [score for score, _ in ranked]
    shortfalls = [shortfall for _, shortfall in ranked]

    def margin(rows: Sequence[int]) -> float:
        mean = math.fsum([shortfalls[at] for at in rows]) / len(rows)
        return margin_of(scores, shortfalls, rows) / mean if mean else 0.0

    return Found(
        prompts=n,
        shortfall=math.fsum(shortfalls) / n,
        points=tuple(_point(ranked, cut) for cut in cuts),
        chosen=_point(ranked, threshold),
        margin=measured(n, margin, seed),
    )


def _point(ranked: Sequence[tuple[float, float]], threshold: float) -> FoundPoint:
    hit = [shortfall for score, shortfall in ranked if score >= threshold]
    total = math.fsum(shortfall for _, shortfall in ranked)
    return FoundPoint(threshold, len(hit) / len(ranked), math.fsum(hit) / total if total else 0.0)
