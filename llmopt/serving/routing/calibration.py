"""Make logits probabilities, on prompts that the weights were not fitted to.

Source: Platt, "Probabilistic outputs for support vector machines" (1999), fitted by Newton's method with backtracking
as in Lin, Lin and Weng, "A note on Platt's probabilistic outputs for support vector machines" (2007).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_RIDGE = 1e-3
"""Keeps both figures finite where the targets would have one of them without end."""
_STEPS, _HALVINGS = 100, 40


def calibration(logits: Sequence[float], targets: Sequence[float]) -> tuple[float, float]:
    """Return slope and offset that make logits probabilities; the slope is never negative.

    Targets are moved a little from 0 and 1, as Platt does, so that a few prompts without a miss make no certainty.
    Where the logits say nothing, or the contrary, the slope is 0 and every prompt scores the mean.
    """
    mean = math.fsum(targets) / (len(targets) or 1)
    flat = 0.0, logit_of(mean)
    doubt = 1 / (len(targets) + 2)
    targets = [doubt + (1 - 2 * doubt) * target for target in targets]
    slope, offset = flat
    loss = _loss(logits, targets, slope, offset)
    for _ in range(_STEPS):
        by_slope, by_offset = _newton(logits, targets, slope, offset)
        length = 1.0
        for _ in range(_HALVINGS):
            tried = slope - length * by_slope, offset - length * by_offset
            reached = _loss(logits, targets, *tried)
            if reached <= loss:
                break
            length /= 2
        else:
            break
        gained, (slope, offset), loss = loss - reached, tried, reached
        if gained < 1e-12 * (1 + abs(loss)):
            break
    return (slope, offset) if slope > 0 else flat


def sigmoid(logit: float) -> float:
    """Return the probability of a logit, without overflow."""
    if logit >= 0:
        return 1 / (1 + math.exp(-min(logit, 700.0)))
    return 1 - 1 / (1 + math.exp(max(logit, -700.0)))


def logit_of(mean: float) -> float:
    """Return the logit of a probability, kept away from 0 and 1."""
    inside = min(max(mean, 1e-4), 1 - 1e-4)
    return math.log(inside / (1 - inside))


def softplus(logit: float) -> float:
    """Return `log(1 + exp(logit))` without overflow."""
    return max(logit, 0.0) + math.log1p(math.exp(-abs(logit)))


def _loss(logits: Sequence[float], targets: Sequence[float], slope: float, offset: float) -> float:
    calibrated = ((slope * logit + offset, target) for logit, target in zip(logits, targets, strict=True))
    return math.fsum(softplus(z) - target * z for z, target in calibrated) + _RIDGE / 2 * (slope**2 + offset**2)


def _newton(logits: Sequence[float], targets: Sequence[float], slope: float, offset: float) -> tuple[float, float]:
    """Return the step of Newton's method, to be taken off."""
    first, second = _RIDGE * slope, _RIDGE * offset
    ss, so, oo = _RIDGE, 0.0, _RIDGE
    for logit, target in zip(logits, targets, strict=True):
        p = sigmoid(slope * logit + offset)
        weight = p * (1 - p)
        first += (p - target) * logit
        second += p - target
        ss += weight * logit * logit
        so += weight * logit
        oo += weight
    determinant = max(ss * oo - so * so, _RIDGE * _RIDGE)
    return (oo * first - so * second) / determinant, (ss * second - so * first) / determinant
