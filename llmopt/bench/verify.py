"""Run a recommended setting open loop, and put what was predicted for the same arrivals beside what was measured.

The prediction is a simulation of the very requests that are sent, so that the luck of their arrivals is not taken for
an error of the model; only the noise of the service time is drawn, several times, and the quantiles averaged. What is
left is the error of the curve and of the simulated batcher, and the machine's speed now against that of the sweep. The
two are told apart by a second simulation, with the times that the batches of this very run took, in their order: what
it says differently is the machine's (`replayed_p50_s`, `replayed_p99_s`); `llmopt.bench.quietness` judges it.

Near the capacity of a setting the latency is decided by the last percent of the machine's speed and can be predicted by
nobody; a verification is at 85 % of it at most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmopt.bench.arrivals import Workload
from llmopt.bench.curve import ServiceCurve
from llmopt.bench.guard import Guard
from llmopt.bench.predict import Prediction, predict, replayed, service_ratio
from llmopt.bench.quietness import Evidence, judged
from llmopt.bench.result import Noise, Recommendation, Verification
from llmopt.bench.search import P99, Trial
from llmopt.bench.simulate import NO_OVERHEAD, Overhead
from llmopt.bench.speed import speed
from llmopt.bench.target import LoadPlan, LoadRun, Target
from llmopt.core.stats import quantile, upper_bound
from llmopt.errors import CheckFailed
from llmopt.models.others import Others
from llmopt.serving.batching.settings import BatchSettings

CAPACITY_SHARE = 0.85
"""Of the capacity of a setting, what a verification asks of it at most."""
_REQUESTS = 2_000
_CAPACITY_REQUESTS = 1_000
_READINGS = 3
"""Of the machine, before and after the load."""
_AGAIN_SHARE, _AGAIN_S = 0.03, 0.8
"""Share of the time, and seconds at most, for the same batches before the load and after it."""


@dataclass(frozen=True, slots=True)
class _Watched:
    """A load, and what the machine was like."""

    run: LoadRun
    speed_before: float
    speed_after: float
    others: float | None


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
    others: Others | None = None,
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
        others: tells what else used the CPUs meanwhile; None for the real one.
        seed: of arrivals and lengths.

    Raises:
        CheckFailed: no request was answered.
    """
    settings = recommendation.settings
    rate = min(rate_per_s or recommendation.rate_per_s, most_rate(curve, workload, settings, overhead))
    count = max(2, min(requests or _REQUESTS, round(rate * max_time_s)))
    unit_arrivals, lengths = workload.drawn(count, seed)
    arrivals = unit_arrivals / rate
    predicted = predict(curve, arrivals, lengths, settings, overhead=overhead)
    plan = LoadPlan(tuple(arrivals.tolist()), tuple(lengths.tolist()), settings)
    again_s = min(_AGAIN_S, _AGAIN_SHARE * max_time_s)
    watched = _watched(target, plan, guard, others or Others(), lambda: speed(target, curve, predicted.shapes, again_s))
    run = watched.run
    if not run.latencies_s:
        raise CheckFailed(f"none of the {count} requests of the verification was answered", "is the model sound?")
    measured = sorted(run.latencies_s)
    measured_p99_s = quantile(measured, P99)
    slo = recommendation.slo_p99_s
    ratio = service_ratio(curve, run, overhead, predicted.after_idle)
    again = replayed(curve, arrivals, lengths, settings, run, overhead)
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
        service_ratio=ratio,
        late_s=run.late_s,
        slo_met=None if slo is None else measured_p99_s <= slo,
        noise=judged(guard.noise(), _evidence(watched, predicted, again, ratio, before)),
        replayed_p50_s=again[0],
        replayed_p99_s=again[1],
        speed_before=watched.speed_before,
        speed_after=watched.speed_after,
        others=watched.others,
    )


def most_rate(
    curve: ServiceCurve, workload: Workload, settings: BatchSettings, overhead: Overhead = NO_OVERHEAD
) -> float:
    """Return the largest rate that a setting can be verified at."""
    trial = Trial.of(curve, workload, _CAPACITY_REQUESTS, overhead=overhead)
    return CAPACITY_SHARE * trial.capacity_per_s(settings)


def _evidence(
    watched: _Watched, predicted: Prediction, again: tuple[float, float], ratio: float, sweep: Noise | None
) -> Evidence:
    return Evidence(
        service_ratio=ratio,
        speed_before=watched.speed_before,
        speed_after=watched.speed_after,
        p50_change=again[0] / predicted.p50_s - 1,
        p99_change=again[1] / predicted.p99_s - 1,
        others=watched.others,
        sweep=sweep,
    )


def _watched(target: Target, plan: LoadPlan, guard: Guard, others: Others, again: Callable[[], float]) -> _Watched:
    """Run a load between two looks at the machine."""
    _warm_up(target, plan.settings, plan.lengths)
    speed_before = again()
    for _ in range(_READINGS):
        guard.reading()
    others.start()
    run = target.load(plan)
    share = others.share() if target.facts().device == "cpu" else None
    for _ in range(_READINGS):
        guard.reading()
    return _Watched(run, speed_before, again(), share)


def _warm_up(target: Target, settings: BatchSettings, lengths: Sequence[int]) -> None:
    """Serve a few full batches at once, so that threads and caches are there."""
    several = lengths[: 3 * settings.max_batch_size]
    target.load(LoadPlan((0.0,) * len(several), tuple(several), settings))
