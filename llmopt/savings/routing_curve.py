"""What routing by a score gives: quality against dollars, beside a random router, with intervals.

Prompts go to the strong model in the order of their scores. With nobody routed that is the cheap model alone, with all
the strong one; a random router lies on the straight line between the two. The area between its line and the
curve is what the score is worth. Prompts of one score come in no order: among them the curve is a straight line, too.

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

from llmopt.savings.routing_ranking import STEPS, Measured, margin_of, measured


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
    best_area: float | None
    """Of all prompts in the order of what the strong model's answer gained, known only afterwards. None as `area`."""


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
    scores = [one.score for one in ranked]
    gap = measured(len(ranked), lambda rows: _mean([gains[at] for at in rows]), seed)
    margin = measured(len(ranked), lambda rows: margin_of(scores, gains, rows), seed)
    sure = gap.low > 0
    area = measured(len(ranked), lambda rows: _area(scores, gains, rows), seed) if sure else None
    best = sorted(gains, reverse=True)
    return Curve(
        prompts=len(ranked),
        cheap=routed(ranked, lambda _: False),
        strong=routed(ranked, lambda _: True),
        oracle=routed(ranked, lambda one: one.strong_quality > one.cheap_quality),
        points=_points(ranked),
        gap=gap,
        margin=margin,
        area=area,
        best_area=_area(best, best, range(len(best))) if sure else None,
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

    def saved(rows: Sequence[int]) -> float:
        most = sum([strong[at] for at in rows])
        return 1 - sum([spent[at] for at in rows]) / most if most else 0.0

    def lift(rows: Sequence[int]) -> float:
        least, most = (sum([usd[at] for at in rows]) for usd in (cheap, strong))
        at_random = (sum([spent[at] for at in rows]) - least) / (most - least) if most > least else 0.0
        gain = sum([gained[at] for at in rows])
        return (gain - sum([missed[at] for at in rows]) - at_random * gain) / len(rows)

    n = len(prompts)
    lifted = None if point.random_quality is None else measured(n, lift, seed)
    lost = measured(n, lambda rows: _mean([missed[at] for at in rows]), seed)
    return Chosen(point, measured(n, saved, seed), lost, lifted)


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


def recommended(prompts: Sequence[tuple[float, float]], keep: float, floor: float = 0.0) -> float:
    """Return the highest threshold that keeps so much of what the strong model gains; infinite where it gains nothing.

    What is kept is counted in expected gains, which the scores say: single answers are noisy, and a threshold that is
    chosen by few of them is so as well.

    Args:
        prompts: score, and what the strong model's answer gains, of the prompts that the calibration saw.
        keep: share of the gain, from 0 to 1.
        floor: the gain that is expected at a score of 0, from -1 to 0; at 1 it is 1.
    """
    scores = sorted((score for score, _ in prompts), reverse=True)
    total = math.fsum(floor + (1 - floor) * score for score in scores)
    if total <= 0 or math.fsum(gain for _, gain in prompts) <= 0:
        return math.inf
    kept = 0.0
    for score in scores:
        kept += floor + (1 - floor) * score
        if kept >= keep * total * (1 - 1e-12):
            return _rounded_down(score)
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


def _rounded_down(score: float) -> float:
    """Return a score with four digits that is no larger."""
    digits = 3 - math.floor(math.log10(score)) if score > 0 else 0
    shorter = float(f"{score:.{max(digits, 0)}f}")
    return shorter if shorter <= score else round(shorter - 10.0**-digits, digits)


def _area(scores: Sequence[float], gains: Sequence[float], rows: Sequence[int]) -> float:
    mean = _mean([gains[at] for at in rows])
    return 0.5 + margin_of(scores, gains, rows) / mean if mean > 0 else 0.5


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
