"""What routing by a score gives: quality against dollars, beside a random router, with intervals.

Prompts go to the strong model in the order of their scores. With nobody routed that is the cheap model alone, with all
the strong one; a random router lies on the straight line between the two. The area between its line and the
curve is what the score is worth.

    s           = share sent to the strong model
    gap kept(s) = (quality(s) - quality(cheap)) / (quality(strong) - quality(cheap))
    area        = the mean of gap kept over s from 0 to 1; 0.5 for a random router
    margin      = the mean of quality(s) - quality of a random router(s) over s

Source: Ong et al., "RouteLLM: Learning to Route LLMs with Preference Data" (2024), for the gap kept (there PGR) and the
area (APGR). Intervals resample prompts (`llmopt.core.stats.bootstrap_interval`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from llmopt.core.stats import bootstrap_interval

STEPS = 10
"""The curve has a point at every tenth."""
_RESAMPLED = 2_000_000
"""Prompts that all resamples of an interval have together, so that large logs take no longer."""
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scored:
    """One prompt that both models answered."""

    score: float
    """More: rather to the strong model."""
    cheap_quality: float
    strong_quality: float
    cheap_usd: Decimal
    strong_usd: Decimal


@dataclass(frozen=True, slots=True)
class Point:
    """All prompts routed in one way."""

    threshold: float | None
    """Scores from here on went to the strong model; None where no threshold says who did."""
    strong_share: float
    """Of the prompts, from 0 to 1."""
    usd: Decimal
    """Of all prompts."""
    quality: float
    """Mean of a prompt."""
    random_quality: float | None
    """Of a random router that spends the same; None where it cannot, or where both models cost the same."""
    gap_kept: float | None
    """Share of what the strong model is better; None where it is not."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Curve:
    """Everything that a score gives on one set of prompts."""

    prompts: int
    cheap: Point
    strong: Point
    oracle: Point
    """Every prompt to the strong model that is worth it, known only afterwards: no router can be better."""
    points: tuple[Point, ...]
    """From nobody to everybody."""
    gap: Measured
    """How much better the strong model's mean quality is."""
    margin: Measured
    """Mean quality above a random router that sends as many to the strong model, over all shares."""
    area: Measured | None
    """Mean gap kept over all shares; 0.5 for a random router. None where the strong model is not better for certain."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """One way to route, with intervals."""

    point: Point
    saved: Measured
    """Share of the dollars of the strong model alone."""
    lost: Measured
    """Mean quality below the strong model alone; negative where the router is better."""
    lift: Measured | None
    """Mean quality above a random router that spends the same; None as `Point.random_quality`."""


def curve_of(prompts: Sequence[Scored], *, seed: int = 0) -> Curve:
    """Return the curve of one prompt or more."""
    ranked = sorted(prompts, key=lambda one: -one.score)
    gains = [one.strong_quality - one.cheap_quality for one in ranked]
    gap = _measured(len(ranked), lambda rows: _mean([gains[at] for at in rows]), seed)
    margin = _measured(len(ranked), lambda rows: _margin(gains, rows), seed)
    sure = gap.low > 0
    area = _measured(len(ranked), lambda rows: _area(gains, rows), seed) if sure else None
    return Curve(
        prompts=len(ranked),
        cheap=routed(ranked, lambda _: False),
        strong=routed(ranked, lambda _: True),
        oracle=routed(ranked, lambda one: one.strong_quality > one.cheap_quality),
        points=_points(ranked),
        gap=gap,
        margin=margin,
        area=area,
    )


def chosen(
    prompts: Sequence[Scored], to_strong: Callable[[Scored], bool], *, threshold: float | None = None, seed: int = 0
) -> Chosen:
    """Return what one way to route gives."""
    point = routed(prompts, to_strong, threshold)
    picks = [to_strong(one) for one in prompts]
    spent = [float(one.strong_usd if pick else one.cheap_usd) for one, pick in zip(prompts, picks, strict=True)]
    cheap = [float(one.cheap_usd) for one in prompts]
    strong = [float(one.strong_usd) for one in prompts]
    gained = [one.strong_quality - one.cheap_quality for one in prompts]
    missed = [0.0 if pick else gain for gain, pick in zip(gained, picks, strict=True)]

    def saved(rows: Sequence[float]) -> float:
        most = sum(strong[int(at)] for at in rows)
        return 1 - sum(spent[int(at)] for at in rows) / most if most else 0.0

    def lift(rows: Sequence[float]) -> float:
        least, most = (sum(usd[int(at)] for at in rows) for usd in (cheap, strong))
        at_random = (sum(spent[int(at)] for at in rows) - least) / (most - least) if most > least else 0.0
        gain = sum(gained[int(at)] for at in rows)
        return (gain - sum(missed[int(at)] for at in rows) - at_random * gain) / len(rows)

    n = len(prompts)
    lifted = None if point.random_quality is None else _measured(n, lift, seed)
    lost = _measured(n, lambda rows: _mean([missed[int(at)] for at in rows]), seed)
    return Chosen(point, _measured(n, saved, seed), lost, lifted)


def routed(prompts: Sequence[Scored], to_strong: Callable[[Scored], bool], threshold: float | None = None) -> Point:
    """Return what one way to route costs and gives."""
    picks = [to_strong(one) for one in prompts]
    usd = sum((one.strong_usd if pick else one.cheap_usd for one, pick in zip(prompts, picks, strict=True)), Decimal(0))
    n = len(prompts)
    quality = (
        math.fsum(p.strong_quality if pick else p.cheap_quality for p, pick in zip(prompts, picks, strict=True)) / n
    )
    least, most = sum(p.cheap_usd for p in prompts), sum(p.strong_usd for p in prompts)
    lowest, highest = _mean([p.cheap_quality for p in prompts]), _mean([p.strong_quality for p in prompts])
    at_random = float((usd - least) / (most - least)) if most > least and least <= usd <= most else None
    return Point(
        threshold=threshold,
        strong_share=sum(picks) / n,
        usd=usd,
        quality=quality,
        random_quality=None if at_random is None else lowest + at_random * (highest - lowest),
        gap_kept=(quality - lowest) / (highest - lowest) if highest > lowest else None,
    )


def recommended(prompts: Sequence[tuple[float, float]], keep: float) -> float:
    """Return the highest threshold that keeps so much of what the strong model gains; infinite where it gains nothing.

    What is kept is counted in the scores, which are expected gains: single answers are noisy, and a threshold that is
    chosen by few of them is so as well.

    Args:
        prompts: score, and what the strong model's answer gains, of the prompts that the calibration saw.
        keep: share of the gain, from 0 to 1.
    """
    if math.fsum(gain for _, gain in prompts) <= 0:
        return math.inf
    scores = sorted((score for score, _ in prompts), reverse=True)
    wanted = keep * math.fsum(scores)
    kept = 0.0
    for score in scores:
        kept += score
        if kept >= wanted * (1 - 1e-12):
            return math.floor(score * 10_000) / 10_000
    return 0.0


def _points(ranked: Sequence[Scored]) -> tuple[Point, ...]:
    """Return a point at each share; prompts of one score are never parted, so some shares may be left out."""
    n = len(ranked)
    thresholds = [ranked[math.ceil(n * step / STEPS) - 1].score for step in range(1, STEPS + 1)]
    found = [routed(ranked, lambda _: False)]
    found += [
        routed(ranked, lambda one, least=threshold: one.score >= least, threshold)  # type: ignore[misc]
        for threshold in dict.fromkeys(thresholds)
    ]
    return tuple(found)


def _measured(n: int, statistic: Callable[[Sequence[int]], float], seed: int) -> Measured:
    rows = list(range(n))
    resamples = max(200, min(1000, _RESAMPLED // n))
    low, high = bootstrap_interval(rows, statistic, resamples=resamples, seed=seed, block=1)  # type: ignore[arg-type]
    return Measured(statistic(rows), low, high)


def _margin(gains: Sequence[float], rows: Sequence[int]) -> float:
    """Return the mean over all shares of the gain so far, less as large a share of all of it."""
    n = len(rows)
    total = kept = area = 0.0
    for at in sorted(rows):
        kept += gains[at]
        area += kept - gains[at] / 2
        total += gains[at]
    return (area / n - total / 2) / n


def _area(gains: Sequence[float], rows: Sequence[int]) -> float:
    mean = _mean([gains[at] for at in rows])
    return 0.5 + _margin(gains, rows) / mean if mean > 0 else 0.5


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
