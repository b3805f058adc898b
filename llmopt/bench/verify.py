"""Run a recommended setting open loop, and put what was predicted for the same arrivals beside what was measured.

The prediction is a simulation of the very requests that are sent, so that the luck of their arrivals is not taken for
an error of the model; only the noise of the service time is drawn, several times, and the quantiles averaged. What is
left is the error of the curve and of the simulated batcher, and the machine's speed now against that of the sweep,
which is told apart (`service_ratio`).

Near the capacity of a setting the latency is decided by the last percent of the machine's speed and can be predicted by
nobody; a verification is at 85 % of it at most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from llmopt.bench.arrivals import Floats, Ints, Workload
from llmopt.bench.curve import ServiceCurve
from llmopt.bench.guard import Guard
from llmopt.bench.result import Noise, Recommendation, Verification
from llmopt.bench.search import P99, Trial
from llmopt.bench.simulate import NO_OVERHEAD, Overhead, Simulated, simulate
from llmopt.bench.target import LoadPlan, LoadRun, Target
from llmopt.core.stats import quantile, upper_bound
from llmopt.errors import CheckFailed, MissingExtraError
from llmopt.serving.batching.settings import BatchSettings

try:
    import numpy as np
except ImportError as error:
    raise MissingExtraError(error.name or "numpy", "bench") from error

CAPACITY_SHARE = 0.85
"""Of the capacity of a setting, what a verification asks of it at most."""
_REQUESTS = 2_000
_NOISES = 15
"""Draws of the service-time noise that a prediction is averaged over."""
_CAPACITY_REQUESTS = 1_000
_MOVED = 1.5


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a simulation says of given arrivals."""

    p50_s: float
    p99_s: float
    throughput_per_s: float


def verify(
    target: Target,
    recommendation: Recommendation,
    curve: ServiceCurve,
    workload: Workload,
    *,
    guard: Guard,
    rate_per_s: float | None = None,
    requests: int | None = None,
    max_time_s: float = 60.0,
    overhead: Overhead = NO_OVERHEAD,
    before: Noise | None = None,
    seed: int = 1,
) -> Verification:
    """Run a recommendation on its target.

    Args:
        target: what the curve was measured on.
        recommendation: the setting, and the rate to run it at.
        curve: time of a batch.
        workload: how requests come and how long they are.
        guard: looks at the machine before and after.
        rate_per_s: another rate than the recommended one; either is cut to 85 % of the capacity.
        requests: how many; None: 2,000, or as many as the time allows.
        max_time_s: about as long as it may take.
        overhead: what serving takes besides the model (`load.overhead`).
        before: how quiet the machine was during the sweep; where it is another machine by now, the noise says so.
        seed: of arrivals and lengths.

    Raises:
        CheckFailed: no request was answered.
    """
    settings = recommendation.settings
    rate = min(rate_per_s or recommendation.rate_per_s, most_rate(curve, workload, settings, overhead))
    count = max(2, min(requests or _REQUESTS, round(rate * max_time_s)))
    unit_arrivals, lengths = workload.drawn(count, seed)
    arrivals = unit_arrivals / rate
    _warm_up(target, settings, lengths)
    guard.reading()
    run = target.load(LoadPlan(tuple(arrivals.tolist()), tuple(lengths.tolist()), settings))
    guard.reading()
    if not run.latencies_s:
        raise CheckFailed(f"none of the {count} requests of the verification was answered", "is the model sound?")
    predicted = predict(curve, arrivals, lengths, settings, overhead=overhead)
    measured = sorted(run.latencies_s)
    measured_p99_s = quantile(measured, P99)
    slo = recommendation.slo_p99_s
    return Verification(
        settings=settings,
        rate_per_s=rate,
        requests=count,
        failed=run.failed,
        predicted_p50_s=predicted.p50_s,
        measured_p50_s=quantile(measured, 0.5),
        predicted_p99_s=predicted.p99_s,
        measured_p99_s=measured_p99_s,
        measured_p99_upper_s=upper_bound(measured, P99),
        predicted_throughput_per_s=predicted.throughput_per_s,
        measured_throughput_per_s=len(measured) / run.elapsed_s,
        mean_batch_size=sum(size for size, _, _ in run.batches) / max(1, len(run.batches)),
        service_ratio=service_ratio(curve, run, overhead),
        late_s=run.late_s,
        slo_met=None if slo is None else measured_p99_s <= slo,
        noise=_moved(guard.noise(), before),
    )


def most_rate(
    curve: ServiceCurve, workload: Workload, settings: BatchSettings, overhead: Overhead = NO_OVERHEAD
) -> float:
    """Return the largest rate that a setting can be verified at."""
    trial = Trial.of(curve, workload, _CAPACITY_REQUESTS, overhead=overhead)
    return CAPACITY_SHARE * trial.capacity_per_s(settings)


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
        mean(lambda run: quantile(np.sort(run.latencies_s).tolist(), 0.5)),
        mean(lambda run: quantile(np.sort(run.latencies_s).tolist(), P99)),
        mean(lambda run: run.throughput_per_s),
    )


def service_ratio(curve: ServiceCurve, run: LoadRun, overhead: Overhead = NO_OVERHEAD) -> float:
    """Return the time of all batches of a run over what the curve says of them; 1 where there is none."""
    sizes = np.array([size for size, _, _ in run.batches])
    if not len(sizes):
        return 1.0
    longest = np.array([tokens for _, tokens, _ in run.batches]) // sizes
    expected = curve.times_s(sizes, longest).sum() * curve.mean_ratio + overhead.batch_s * len(sizes)
    return float(sum(took for _, _, took in run.batches) / expected)


def _moved(now: Noise, before: Noise | None) -> Noise:
    """Return the noise of a run, not quiet where a hypervisor has moved the CPUs apart or together since the sweep."""
    if before is None or not before.handover_s or not now.handover_s:
        return now
    ratio = now.handover_s / before.handover_s
    if 1 / _MOVED < ratio < _MOVED:
        return now
    reason = f"the CPUs reach each other in {ratio:.2g} times the time of the sweep: the host has moved them"
    return replace(now, quiet=False, reasons=(*now.reasons, reason))


def _warm_up(target: Target, settings: BatchSettings, lengths: Ints) -> None:
    """Serve a few full batches at once, so that threads and caches are there."""
    several: Sequence[int] = lengths[: 3 * settings.max_batch_size].tolist()
    target.load(LoadPlan((0.0,) * len(several), tuple(several), settings))
