"""The time of a batch as a function of its shape, from the points of a sweep.

On the measured shapes it is their median, made monotone: a batch never gets faster by one request or one token more
(Barlow and others, isotonic regression by pooling adjacent violators). Between them it is interpolated, in the number
of requests and in their length. Beyond them it follows a formula, `base + per_request * b + per_token * tokens`, whose
three parts are 0 or more: the least squares of the relative errors, found by trying each set of parts that may be 0
(Lawson and Hanson, Solving Least Squares Problems, 1974, chapter 23: the solution is one of them).

How the samples of a shape scatter about their median is kept as ratios: the noise of the service time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from llmopt.bench.result import Curve, Point
from llmopt.core.stats import median
from llmopt.errors import InputError, MissingExtraError

try:
    import numpy as np
    from numpy.typing import NDArray
except ImportError as error:
    raise MissingExtraError(error.name or "numpy", "bench") from error

Floats = NDArray[np.float64]
_MOST_RATIO = 4.0
"""A sample that took so many times the median is taken for that: what is rarer than that is not told by a sweep."""
_LEAST_S = 1e-9


@dataclass(frozen=True, slots=True)
class ServiceCurve:
    """Time of a batch by its requests and the longest of them."""

    summary: Curve
    sizes: tuple[int, ...]
    """Batch sizes that were measured, ascending."""
    seq_lens: tuple[int, ...]
    """Lengths that were measured, ascending."""
    medians_s: Floats
    """Time of a batch: (seq_len, size); what was not measured is filled by the formula."""
    ratios: Floats
    """Samples over their median, ascending: the noise; one of 1.0 where there is none."""
    _rows: dict[int, list[float]] = field(default_factory=dict, compare=False, repr=False)

    def time_s(self, batch_size: int, longest: int) -> float:
        """Return the typical time of a batch."""
        return float(self.times_s(np.array([batch_size]), np.array([longest]))[0])

    def times_s(self, batch_sizes: NDArray[np.int64], longest: NDArray[np.int64]) -> Floats:
        """Return the typical time of each batch: arrays of one shape in, that shape out."""
        sizes, lengths = np.asarray(batch_sizes, dtype=float), np.asarray(longest, dtype=float)
        inner_size = np.clip(sizes, self.sizes[0], self.sizes[-1])
        inner_length = np.clip(lengths, self.seq_lens[0], self.seq_lens[-1])
        inner = _bilinear(self.seq_lens, self.sizes, self.medians_s, inner_length, inner_size)
        scale = _formula(self.summary, sizes, lengths) / _formula(self.summary, inner_size, inner_length)
        found: Floats = np.maximum(inner * scale, _LEAST_S)
        return found

    def rows(self, lengths: Iterable[int], largest: int) -> dict[int, list[float]]:
        """Return, for each length of the longest, the times of batches of 0, 1, 2 ... `largest` requests; kept."""
        missing = [length for length in set(lengths) if len(self._rows.get(length, ())) <= largest]
        if missing:
            sizes = np.broadcast_to(np.arange(1, largest + 1), (len(missing), largest))
            longest = np.broadcast_to(np.array(missing)[:, None], (len(missing), largest))
            # Below the shortest length that was measured, the formula alone may fall from one size to the next.
            times_s = np.maximum.accumulate(self.times_s(sizes, longest), axis=1)
            for length, row in zip(missing, times_s.tolist(), strict=True):
                self._rows[length] = [0.0, *row]
        return self._rows

    def noise(self, count: int, seed: int) -> Floats:
        """Draw the noise of so many batches: what their times are multiplied by."""
        drawn: Floats = np.random.default_rng(seed).choice(self.ratios, count)
        return drawn

    def slower(self, share: float) -> ServiceCurve:
        """Return the curve of a machine on which every batch takes so much longer: 0.03 is three percent."""
        return replace(self, ratios=self.ratios * (1 + share))

    @property
    def mean_ratio(self) -> float:
        """Mean time of a batch over its typical (median) time."""
        return float(self.ratios.mean())


def fit(points: Iterable[Point]) -> ServiceCurve:
    """Fit a curve to all points that were measured; those out of memory, too long or skipped say nothing.

    Raises:
        InputError: no point has a sample.
    """
    measured = {point.shape: point for point in points if point.status in ("ok", "noisy") and point.times_s}
    if not measured:
        raise InputError("no batch could be measured, so there is no service curve", "see the status of the points")
    shapes = sorted(measured)
    medians = {(shape.seq_len, shape.batch_size): median(measured[shape].times_s) for shape in shapes}
    sizes = tuple(sorted({shape.batch_size for shape in shapes}))
    seq_lens = tuple(sorted({shape.seq_len for shape in shapes}))
    summary = _summary(
        [(size, size * length, max(time_s, _LEAST_S)) for (length, size), time_s in medians.items()], len(seq_lens) > 1
    )
    table = np.array([_filled(length, sizes, medians, summary) for length in seq_lens])
    table = np.maximum.accumulate(np.array([_isotonic(row) for row in table]), axis=0)
    return ServiceCurve(summary, sizes, seq_lens, table, _ratios(measured.values()))


def _ratios(points: Iterable[Point]) -> Floats:
    """Return the samples of all points over their medians; points with few samples count as much as others."""
    found = [np.sort(np.array(point.times_s)) / max(median(point.times_s), _LEAST_S) for point in points]
    several = [ratios for ratios in found if len(ratios) > 2]
    if not several:
        return np.ones(1)
    most = max(len(ratios) for ratios in several)
    levels = (np.arange(most) + 0.5) / most
    even = [np.quantile(ratios, levels, method="hazen") for ratios in several]
    pooled: Floats = np.clip(np.sort(np.concatenate(even)), 1 / _MOST_RATIO, _MOST_RATIO)
    return pooled


def _filled(length: int, sizes: Sequence[int], medians: dict[tuple[int, int], float], summary: Curve) -> list[float]:
    """Return the times of one length at all sizes: measured, between two that were, or beyond by the formula."""
    known = [size for size in sizes if (length, size) in medians]

    def time_s(size: int) -> float:
        place = bisect_right(known, size)
        if place and known[place - 1] == size:
            return medians[length, size]
        if 0 < place < len(known):
            low, high = known[place - 1], known[place]
            share = (size - low) / (high - low)
            return medians[length, low] * (1 - share) + medians[length, high] * share
        near = known[0] if place == 0 else known[-1]
        pair = np.array([size, near], dtype=float)
        asked, there = _formula(summary, pair, np.array([length, length], dtype=float))
        return medians[length, near] * float(asked / there)

    return [time_s(size) for size in sizes]


def _isotonic(values: Sequence[float] | Floats) -> list[float]:
    """Return the ascending sequence next to `values` in least squares."""
    blocks: list[list[float]] = []
    for value in values:
        blocks.append([float(value), 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, count = blocks.pop()
            blocks[-1] = [
                (blocks[-1][0] * blocks[-1][1] + mean * count) / (blocks[-1][1] + count),
                blocks[-1][1] + count,
            ]
    return [mean for mean, count in blocks for _ in range(int(count))]


def _summary(rows: Sequence[tuple[int, int, float]], several_lengths: bool) -> Curve:
    """Fit the formula to (requests, padded tokens, seconds)."""
    sizes, tokens, times = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    parts = [np.ones_like(times), sizes, tokens]
    allowed = [0, 2] if tokens.any() else [0, 1]
    if several_lengths:
        allowed = [0, 1, 2]
    if len(set(sizes)) == 1 and not several_lengths:
        # One shape alone: all of its time is taken to grow with the batch, which promises nothing of batching.
        allowed = allowed[1:]
    base, per_request, per_token = _least_squares(parts, times, allowed)
    fitted = base * parts[0] + per_request * sizes + per_token * tokens
    spread = float(((times - times.mean()) ** 2).sum())
    explained = 1 - float(((times - fitted) ** 2).sum()) / spread if spread > 0 else 1.0
    return Curve(base, per_request, per_token, max(explained, 0.0), float(np.abs(fitted / times - 1).max()))


def _least_squares(parts: Sequence[Floats], times: Floats, allowed: Sequence[int]) -> tuple[float, float, float]:
    """Return the three factors, each 0 or more, with the smallest sum of squared relative errors."""
    best, found = np.inf, [0.0, 0.0, 0.0]
    for count in range(1, len(allowed) + 1):
        for chosen in combinations(allowed, count):
            columns = np.column_stack([parts[index] / times for index in chosen])
            factors = np.linalg.lstsq(columns, np.ones_like(times), rcond=None)[0]
            error = float(((columns @ factors - 1) ** 2).sum())
            if (factors >= 0).all() and error < best - 1e-12:
                best, found = error, [0.0, 0.0, 0.0]
                for index, factor in zip(chosen, factors, strict=True):
                    found[index] = float(factor)
    return found[0], found[1], found[2]


def _formula(summary: Curve, sizes: Floats, lengths: Floats) -> Floats:
    tokens = sizes * lengths
    found: Floats = summary.base_s + summary.per_request_s * sizes + summary.per_token_s * tokens
    return np.maximum(found, _LEAST_S)


def _bilinear(ys: Sequence[int], xs: Sequence[int], table: Floats, y: Floats, x: Floats) -> Floats:
    """Interpolate a table (y, x) at points inside of it."""
    low_y, share_y = _place(np.array(ys, dtype=float), y)
    low_x, share_x = _place(np.array(xs, dtype=float), x)
    high_y, high_x = np.minimum(low_y + 1, len(ys) - 1), np.minimum(low_x + 1, len(xs) - 1)
    near = table[low_y, low_x] * (1 - share_x) + table[low_y, high_x] * share_x
    far = table[high_y, low_x] * (1 - share_x) + table[high_y, high_x] * share_x
    found: Floats = near * (1 - share_y) + far * share_y
    return found


def _place(grid: Floats, values: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return the cell of each value, and how far into it the value lies (0 to 1)."""
    if len(grid) == 1:
        return np.zeros(values.shape, dtype=np.int64), np.zeros(values.shape)
    low = np.clip(np.searchsorted(grid, values, side="right") - 1, 0, len(grid) - 2)
    return low, (values - grid[low]) / (grid[low + 1] - grid[low])
