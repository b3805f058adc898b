"""Train the learned score: logistic regression on hashed features, in the standard library alone.

The target of a prompt is what its cheap answer loses: 1 where the strong model's is right and the cheap one's is wrong,
0 where both are alike, -1 the other way round, and anything between. Minimizing `softplus(z) - t * z` is logistic
regression where `t` is 0 and 1; with others its optimum is still the mean of `t`, wherever that is between 0 and 1.
Where the strong model is at times the worse one, the mean target of easy prompts is below 0, so it is moved there:

    floor = -2 * (mean of what the cheap model gains where it is the better one), -1 at least
    t     = (target - floor) / (1 - floor)

Twice the mean, because the prompts on which the strong model can only lose may be half of all.

Sources: Papke and Wooldridge, "Econometric methods for fractional response variables" (1996), for targets that are no
classes; Duchi, Hazan and Singer, "Adaptive subgradient methods" (2011), for the steps.
"""

from __future__ import annotations

import math
import random
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from llmopt.serving.routing.calibration import calibration, logit_of, sigmoid, softplus
from llmopt.serving.routing.features import hashes_and_dense

MAX_FEATURES = 65_536
"""The most frequent ones; the others are too rare to learn from."""
MIN_SEEN = 2
"""Prompts that a feature must be in."""
MAX_COUNTED = 2_000_000
"""Features that are counted at a time, so that the memory is bounded; the rarest are forgotten beyond."""
MAX_LOOKED_AT = 10_000_000
"""Features that are counted in all, so that the time is bounded."""
BUDGET = 16_000_000
"""Visits of features in all rounds together, so that the time of training is bounded."""
MAX_ROUNDS = 8
PATIENCE = 2
"""Rounds without a smaller loss on the validation part, after which training ends."""
_STEP, _STEP_DENSE = 0.5, 0.1


@dataclass(frozen=True, slots=True)
class Example:
    """One prompt with its target."""

    text: str
    target: float
    """From -1 to 1: what the cheap model's answer loses."""
    context_chars: int = 0
    turns: int = 1
    tools: int = 0


@dataclass(frozen=True, slots=True)
class Trained:
    """A linear score and its calibration."""

    hashed: dict[int, float]
    dense: tuple[float, ...]
    bias: float
    slope: float
    offset: float
    floor: float
    """What a score of 0 says that the cheap answer loses: from -1 to 0; a score of 1 says 1."""
    rounds: int
    """Of the weights kept: those with the smallest loss on the validation part."""
    loss: float
    """Mean on the validation part, after the calibration."""
    base_loss: float
    """Of a score that is the same for every prompt."""


def trained(fit: Sequence[Example], validation: Sequence[Example], *, seed: int = 0) -> Trained:
    """Return the weights that fit `fit`, of the round that is best on `validation`, calibrated there.

    The same examples in the same order and the same seed give the same weights, bit for bit, on any Python: sums are
    `math.fsum`, for `sum` rounds otherwise from 3.12 on.
    """
    floor = -min(1.0, 2 * math.fsum(max(-example.target, 0.0) for example in fit) / (len(fit) or 1))
    fit, validation = _above(fit, floor), _above(validation, floor)
    known, rows = _rows(fit)
    checked = [_row(example, known) for example in validation]
    scales = _scales(rows)
    model = _Model(len(known), scales, logit_of(_mean(fit)))
    best, best_loss, best_round = model.copy(), math.inf, 0
    order = list(range(len(rows)))
    rng = random.Random(seed)
    for number in range(1, _rounds(rows) + 1):
        rng.shuffle(order)
        model.pass_over([rows[at] for at in order])
        loss = _loss([model.logit(row) for row in checked], validation)
        if loss < best_loss:
            best, best_loss, best_round = model.copy(), loss, number
        elif number - best_round >= PATIENCE:
            break
    logits = [best.logit(row) for row in checked]
    slope, offset = calibration(logits, [example.target for example in validation])
    calibrated = _loss([slope * logit + offset for logit in logits], validation)
    base = _loss([logit_of(_mean(validation))] * len(validation), validation)
    hashed = {feature: best.hashed[at] for feature, at in known.items() if best.hashed[at]}
    dense, bias = best.unscaled()
    return Trained(hashed, dense, bias, slope, offset, floor, best_round, calibrated, base)


@dataclass(frozen=True, slots=True)
class _Row:
    """One prompt as the training sees it."""

    features: array[int]
    dense: tuple[float, ...]
    scale: float
    """What every hashed feature counts: `1 / sqrt(number)`, so that long prompts do not get large logits."""
    target: float


class _Model:
    """Weights that change, and the sums of squared gradients of AdaGrad."""

    def __init__(self, size: int, scales: Sequence[tuple[float, float]], bias: float) -> None:
        self.scales = scales
        self.hashed = [0.0] * size
        self.dense = [0.0] * len(scales)
        self.bias = bias
        self._squares = [1.0] * size
        self._dense_squares = [1.0] * (len(scales) + 1)

    def copy(self) -> _Model:
        """Return the weights as they are now."""
        other = _Model(0, self.scales, self.bias)
        other.hashed, other.dense = self.hashed.copy(), self.dense.copy()
        return other

    def logit(self, row: _Row) -> float:
        """Return what the weights say of one prompt."""
        hashed = self.hashed
        z = self.bias + row.scale * math.fsum([hashed[at] for at in row.features])
        for weight, value, (mean, factor) in zip(self.dense, row.dense, self.scales, strict=True):
            z += weight * (value - mean) * factor
        return z

    def pass_over(self, rows: Sequence[_Row]) -> None:
        """Take a step for every row."""
        hashed, squares = self.hashed, self._squares
        for row in rows:
            gradient = sigmoid(self.logit(row)) - row.target
            slope = gradient * row.scale
            square, step = slope * slope, slope * _STEP
            for at in row.features:
                squares[at] = seen = squares[at] + square
                hashed[at] -= step / math.sqrt(seen)
            self._step_dense(gradient, row)

    def _step_dense(self, gradient: float, row: _Row) -> None:
        squares = self._dense_squares
        for at, (value, (mean, factor)) in enumerate(zip(row.dense, self.scales, strict=True)):
            slope = gradient * (value - mean) * factor
            squares[at] += slope * slope
            self.dense[at] -= _STEP_DENSE * slope / math.sqrt(squares[at])
        squares[-1] += gradient * gradient
        self.bias -= _STEP_DENSE * gradient / math.sqrt(squares[-1])

    def unscaled(self) -> tuple[tuple[float, ...], float]:
        """Return the weights of the figures as they are, and the bias that goes with them."""
        pairs = list(zip(self.dense, self.scales, strict=True))
        bias = self.bias - math.fsum(weight * mean * factor for weight, (mean, factor) in pairs)
        return tuple(weight * factor for weight, (_, factor) in pairs), bias


def _above(examples: Sequence[Example], floor: float) -> Sequence[Example]:
    """Return examples whose targets are measured from a floor, in parts of the way from there to 1."""
    if not floor:
        return examples
    return [replace(example, target=(example.target - floor) / (1 - floor)) for example in examples]


def _rows(examples: Sequence[Example]) -> tuple[dict[int, int], list[_Row]]:
    """Return the features worth a weight with their places, and the examples by them."""
    hashed: list[array[int]] = []
    dense: list[tuple[float, ...]] = []
    for example in examples:
        hashes, figures = hashes_and_dense(example.text, example.context_chars, example.turns, example.tools)
        hashed.append(array("I", hashes))
        dense.append(figures)
    seen = _counted(hashed)
    ranked = sorted((-count, feature) for feature, count in seen.items() if count >= MIN_SEEN)[:MAX_FEATURES]
    known = {feature: at for at, (_, feature) in enumerate(ranked)}
    return known, [
        _known_row(hashes, figures, example.target, known)
        for hashes, figures, example in zip(hashed, dense, examples, strict=True)
    ]


def _counted(hashed: Sequence[array[int]]) -> Counter[int]:
    """Return in how many prompts each feature is; of a large log only some prompts are looked at, evenly spread."""
    stride = max(1, math.ceil(sum(map(len, hashed)) / MAX_LOOKED_AT))
    seen: Counter[int] = Counter()
    for hashes in hashed[::stride]:
        seen.update(set(hashes))
        if len(seen) > MAX_COUNTED:
            seen = _frequent(seen, MAX_COUNTED // 2)
    return seen


def _frequent(seen: Counter[int], most: int) -> Counter[int]:
    """Return the features seen most often, `most` of them or fewer."""
    least = 2
    while len(seen) > most:
        seen = Counter({feature: count for feature, count in seen.items() if count >= least})
        least += 1
    return seen


def _row(example: Example, known: dict[int, int]) -> _Row:
    hashes, figures = hashes_and_dense(example.text, example.context_chars, example.turns, example.tools)
    return _known_row(hashes, figures, example.target, known)


def _known_row(hashes: Sequence[int], figures: tuple[float, ...], target: float, known: dict[int, int]) -> _Row:
    features = array("H", [known[feature] for feature in hashes if feature in known])
    return _Row(features, figures, 1 / math.sqrt(len(hashes) or 1), target)


def _scales(rows: Sequence[_Row]) -> list[tuple[float, float]]:
    """Return the mean of each figure and the reciprocal of its deviation; 0 where it is always the same."""
    scales = []
    for column in zip(*(row.dense for row in rows), strict=True):
        mean = math.fsum(column) / len(column)
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in column) / len(column))
        scales.append((mean, 1 / deviation if deviation > 1e-9 else 0.0))
    return scales


def _rounds(rows: Sequence[_Row]) -> int:
    visits = sum(len(row.features) for row in rows) or 1
    return max(1, min(MAX_ROUNDS, BUDGET // visits))


def _mean(examples: Sequence[Example]) -> float:
    return math.fsum(example.target for example in examples) / (len(examples) or 1)


def _loss(logits: Sequence[float], examples: Sequence[Example]) -> float:
    pairs = zip(logits, examples, strict=True)
    return math.fsum(softplus(z) - example.target * z for z, example in pairs) / (len(examples) or 1)
