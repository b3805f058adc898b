"""The settings of a batcher that are worth trying for a service curve: batch sizes, waits and token budgets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llmopt.bench.arrivals import Workload
from llmopt.bench.curve import ServiceCurve
from llmopt.bench.result import Point
from llmopt.serving.batching.settings import BatchSettings

_SIZES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64)
_FEW_SIZES = (1, 2, 4, 8, 16, 32, 64)
_WAIT_SHARES = (0.0, 0.25, 0.5, 1.0)
"""Waits as parts of the time of a lone request."""
_LARGEST_WAIT_SHARE = 0.5
"""Of the bound of the p99: who waits longer has no time left to be served."""
_BUDGETS = (4, 8, 16, 32, 64)
"""Token budgets as multiples of the mean length."""
_FEWEST = 60


def grid(
    curve: ServiceCurve, workload: Workload, slo_p99_s: float | None, points: Iterable[Point] = ()
) -> tuple[BatchSettings, ...]:
    """Return the settings to try, the promising ones first; at least 60 where the sweep has so many batch sizes.

    Args:
        curve: no batch is larger than the largest that it was fitted to.
        workload: token budgets are of use only where lengths differ.
        slo_p99_s: longest wait there is sense in; None: no bound.
        points: those that did not fit in memory are kept clear of.
    """
    longest = max(workload.lengths)
    lone_s = curve.time_s(1, round(workload.mean_tokens))
    waits = [share * lone_s for share in _WAIT_SHARES]
    if slo_p99_s is not None:
        waits = [
            min(wait, share * _LARGEST_WAIT_SHARE * slo_p99_s) for wait, share in zip(waits, _WAIT_SHARES, strict=True)
        ]
    waits = [float(f"{wait:.2g}") for wait in waits]
    largest = curve.sizes[-1]
    if workload.same_length:
        sizes = _up_to(_SIZES, largest)
        while len(sizes) * len(waits) < _FEWEST and waits[-1] > 0 and len(waits) < 2 * _FEWEST:
            waits.append(float(f"{waits[-1] * 0.9:.2g}"))
        found = [BatchSettings(size, wait) for wait in sorted(set(waits)) for size in sizes[::-1]]
    else:
        sizes = _up_to(_FEW_SIZES, largest)
        budgets = [None, *(max(longest // 4, round(factor * workload.mean_tokens)) for factor in _BUDGETS)]
        found = [
            BatchSettings(size, wait, budget)
            for wait in sorted({waits[0], waits[2]})
            for budget in dict.fromkeys(budgets)
            for size in sizes[::-1]
        ]
    too_large = [point for point in points if point.status == "oom"]
    return tuple(settings for settings in found if _fits(settings, longest, too_large))


def neighbours(best: BatchSettings, largest: int) -> list[BatchSettings]:
    """Return settings between a good one and those next to it on the grid."""
    size = best.max_batch_size
    sizes = {max(1, round(size * factor)) for factor in (0.8, 0.9, 1.0, 1.1, 1.2)}
    tokens = best.max_batch_tokens
    budgets = {None} if tokens is None else {round(tokens * factor) for factor in (0.7, 0.85, 1.0, 1.2, 1.4)}
    found = [
        BatchSettings(number, best.max_wait_s, budget)
        for number in sorted(sizes if tokens is None else {size})
        for budget in budgets
        if number <= largest
    ]
    return [settings for settings in found if settings != best]


def _up_to(sizes: Sequence[int], largest: int) -> list[int]:
    """Return the sizes up to the largest, that one included, and powers of 2 between them and it."""
    found = [size for size in sizes if size <= largest]
    more = sizes[-1] * 2
    while more < largest:
        found.append(more)
        more *= 2
    return found if found[-1] == largest else [*found, largest]


def _fits(settings: BatchSettings, longest: int, too_large: Sequence[Point]) -> bool:
    """Whether the largest batch of a setting is smaller than all that did not fit in memory."""
    for point in too_large:
        tokens = point.shape.batch_size * max(point.shape.seq_len, 1)
        most = settings.max_batch_size * max(longest, 1)
        if settings.max_batch_tokens is not None:
            most = min(most, max(settings.max_batch_tokens, longest))
        if most >= tokens:
            return False
    return True
