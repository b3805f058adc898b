"""What a simulation says of given requests: with the times of the sweep, and with those of a run that took place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from llmopt.bench.arrivals import Floats, Ints
from llmopt.bench.curve import ServiceCurve
from llmopt.bench.search import P99
from llmopt.bench.simulate import NO_OVERHEAD, Overhead, simulate
from llmopt.bench.simulated import Simulated
from llmopt.bench.target import LoadRun
from llmopt.core.batch import Shape
from llmopt.core.stats import quantile
from llmopt.errors import MissingExtraError
from llmopt.serving.batching.settings import BatchSettings

try:
    import numpy as np
except ImportError as error:
    raise MissingExtraError(error.name or "numpy", "bench") from error

_NOISES = 15
"""Draws of the service-time noise that a prediction is averaged over."""
_TYPICAL = (0.1, 0.5, 0.9)
"""Quantiles of the sizes of the batches to come, of which there is a shape each."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a simulation says of given arrivals."""

    p50_s: float
    p99_s: float
    throughput_per_s: float
    after_idle: float
    """Share of the batches before which the device was idle."""
    shapes: tuple[Shape, ...]
    """Some of the batches."""


def predict(
    curve: ServiceCurve,
    arrivals_s: Floats,
    lengths: Ints,
    settings: BatchSettings,
    *,
    overhead: Overhead = NO_OVERHEAD,
) -> Prediction:
    """Return what a simulation says of these requests: quantiles as of a measured run, averaged over the noise."""
    runs = [simulate(curve, arrivals_s, lengths, settings, seed, overhead=overhead) for seed in range(1, _NOISES + 1)]

    def mean(value: Callable[[Simulated], float]) -> float:
        return sum(map(value, runs)) / len(runs)

    return Prediction(
        mean(lambda run: _quantiles(run)[0]),
        mean(lambda run: _quantiles(run)[1]),
        mean(lambda run: run.throughput_per_s),
        mean(lambda run: run.after_idle / len(run.batch_sizes)),
        _typical(runs[0].batch_sizes, lengths),
    )


def replayed(
    curve: ServiceCurve,
    arrivals_s: Floats,
    lengths: Ints,
    settings: BatchSettings,
    run: LoadRun,
    overhead: Overhead = NO_OVERHEAD,
) -> tuple[float, float]:
    """Return p50 and p99 of a simulation in which batches are as much slower than the curve as those of a run were.

    The n-th batch is as much slower as the n-th one of the run, so that a slow minute stays where it was.
    """
    sizes, took_s, expected_s = _batches(curve, run)
    ratios: list[float] = (took_s / expected_s).tolist() if len(sizes) else [1.0]
    mean = float(took_s.sum() / expected_s.sum()) if len(sizes) else 1.0
    ratios += [mean] * (len(arrivals_s) - len(ratios))
    # The times of the run hold what is added to each batch already.
    way = Overhead(request_s=overhead.request_s, busy_s=overhead.busy_s)
    return _quantiles(simulate(curve, arrivals_s, lengths, settings, overhead=way, noise=ratios))


def service_ratio(
    curve: ServiceCurve, run: LoadRun, overhead: Overhead = NO_OVERHEAD, after_idle: float = 0.0
) -> float:
    """Return the time of all batches of a run over what the curve says of them; 1 where there is none.

    Args:
        curve: time of a batch.
        run: whose batches.
        overhead: what serving takes besides the model.
        after_idle: share of the batches before which the device was idle.
    """
    sizes, took_s, expected_s = _batches(curve, run)
    if not len(sizes):
        return 1.0
    added_s = (overhead.batch_s + overhead.idle_s * after_idle) * len(sizes)
    return float(took_s.sum() / (expected_s.sum() * curve.mean_ratio + added_s))


def _batches(curve: ServiceCurve, run: LoadRun) -> tuple[Ints, Floats, Floats]:
    """Return the size of each batch, the time it took and its typical time."""
    sizes = np.array([size for size, _, _ in run.batches], dtype=np.int64)
    tokens = np.array([tokens for _, tokens, _ in run.batches], dtype=np.int64)
    took_s = np.array([seconds for _, _, seconds in run.batches])
    return sizes, took_s, curve.times_s(sizes, tokens // np.maximum(sizes, 1))


def _quantiles(run: Simulated) -> tuple[float, float]:
    """Return p50 and p99 as of a measured run."""
    ascending = np.sort(run.latencies_s).tolist()
    return quantile(ascending, 0.5), quantile(ascending, P99)


def _typical(batch_sizes: Ints, lengths: Ints) -> tuple[Shape, ...]:
    """Return a few shapes of batches: small, middling and large ones of the middle length."""
    length = int(np.quantile(lengths, 0.5, method="nearest"))
    sizes = np.quantile(batch_sizes, _TYPICAL, method="nearest").tolist()
    return tuple(Shape(int(size), length) for size in dict.fromkeys(sizes))
