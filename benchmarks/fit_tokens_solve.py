"""The arithmetic of the fit: weights of an estimate, spread of its interval, and how both did on held-out text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import lsq_linear, nnls

Array = np.ndarray[Any, np.dtype[np.float64]]
FOLDS = 5
LEAST, MOST = -2.0, 3.0
"""Of a weight: no character is more tokens than its bytes; a frequent run may save those of its characters."""
LEAST_ROOT = 0.12
"""Of the spread for each root of a token: how many tokens a few words are is chance."""
SMALL = 0.01
"""Share of a document below which a feature is held to little weight."""


@dataclass(frozen=True)
class Data:
    """Documents as numbers; the first column of `x` is the o200k count."""

    x: Array
    """(documents, 1 + features)"""
    y: Array
    """(documents,) true tokens"""
    weight: Array
    """(documents,) what a document counts for"""
    source: Array
    """(documents,) number of the source"""

    def rows(self, chosen: Array) -> Data:
        """Return some of the documents."""
        return Data(self.x[chosen], self.y[chosen], self.weight[chosen], self.source[chosen])


@dataclass(frozen=True)
class Fit:
    """What `estimators.json` holds of an estimator."""

    weights: Array
    floor: float
    ceiling: float
    spread: Array
    """fixed, root, then a number for each column of `x`"""
    below: float
    above: float

    def center(self, x: Array) -> Array:
        """Estimate, as `Estimator.from_features` does."""
        return np.maximum(1, np.clip(x @ self.weights, self.floor * x[:, 0], self.ceiling * x[:, 0]))

    def ends(self, x: Array) -> tuple[Array, Array]:
        """Return the ends of the intervals, as `Estimator.from_features` does."""
        center, least, most = self.center(x), self.floor * x[:, 0], self.ceiling * x[:, 0]
        wide = _basis(x, center) @ self.spread
        low = np.floor(np.maximum(np.maximum(center - self.below * wide, least), 1))
        high = np.ceil(np.minimum(center + self.above * wide, np.maximum(most, center)))
        return np.minimum(low, np.round(center)), np.maximum(high, np.round(center))


def fit(data: Data, ridge: float, coverage: float) -> Fit:
    """Fit the estimate to `data`, and its interval to what it misses of sources it was not fitted to."""
    ratio = data.y / np.maximum(data.x[:, 0], 1)
    floor, ceiling = float(ratio.min() * 0.8), float(ratio.max() * 1.25)
    center = np.empty_like(data.y)
    for fold in range(FOLDS):
        out = data.source % FOLDS == fold
        if out.any():
            weights = _weights(data.rows(~out), ridge)
            raw = data.x[out] @ weights
            center[out] = np.maximum(1, np.clip(raw, floor * data.x[out, 0], ceiling * data.x[out, 0]))
    missed = data.y - center
    basis = _basis(data.x, center)
    spread = _spread(basis, np.abs(missed), center, data.weight)
    wide = basis @ spread
    below = quantile(-missed / wide, data.weight, (1 + coverage) / 2)
    above = quantile(missed / wide, data.weight, (1 + coverage) / 2)
    return Fit(_weights(data, ridge), floor, ceiling, spread, max(below, 0.5), max(above, 0.5))


def quantile(values: Array, weight: Array, share: float) -> float:
    """Return the weighted quantile."""
    order = np.argsort(values)
    reached = np.searchsorted(np.cumsum(weight[order]), share * weight.sum())
    return float(values[order][min(reached, len(values) - 1)])


def _basis(x: Array, center: Array) -> Array:
    return np.column_stack([np.ones(len(x)), np.sqrt(center), x])


def _weights(data: Data, ridge: float) -> Array:
    """Minimise the weighted squares of relative errors, with a penalty on all but the o200k count.

    Large errors get more weight in a second and third pass: the 95th percentile matters, not the mean.
    """
    scale = 1 / np.maximum(data.y, 20)
    rows = data.x * scale[:, None]
    goal = data.y * scale
    size = np.sqrt((rows**2 * data.weight[:, None]).sum(0) / data.weight.sum())
    size = np.maximum(size, SMALL)
    penalty = np.sqrt(ridge * data.weight.sum()) * np.eye(len(size))
    penalty[0, 0] = 0
    boost = np.ones(len(goal))
    solution = np.zeros(len(size))
    for _ in range(3):
        root = np.sqrt(data.weight * boost)
        top = rows / size * root[:, None]
        square, wanted = _small(top, goal * root, penalty)
        solution = lsq_linear(square, wanted, (LEAST * size, MOST * size)).x
        error = np.abs(rows / size @ solution - goal)
        boost = np.clip(error / 0.05, 0.5, 6)
    return np.asarray(solution / size)


def _spread(basis: Array, missed: Array, center: Array, weight: Array) -> Array:
    """Fit what is missed, relative to the length, by a sum that is never negative."""
    scale = np.sqrt(weight) / np.maximum(center, 5)
    size = np.sqrt(((basis * scale[:, None]) ** 2).sum(0))
    size[size == 0] = 1
    square, wanted = _small(basis * scale[:, None] / size, missed * scale, 1e-6 * np.eye(len(size)))
    solution, _ = nnls(square, wanted, maxiter=3000)
    spread = solution / size
    spread[1] = max(spread[1], LEAST_ROOT)
    spread[2] = max(spread[2], 0.004)
    return np.asarray(spread)


def _small(system: Array, wanted: Array, penalty: Array) -> tuple[Array, Array]:
    """Return a square system with the same least squares solutions, penalty included."""
    triangle = np.linalg.cholesky(system.T @ system + penalty.T @ penalty + 1e-12 * np.eye(system.shape[1]))
    return np.asarray(triangle.T), np.asarray(np.linalg.solve(triangle, system.T @ wanted))
