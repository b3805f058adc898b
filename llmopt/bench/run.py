"""The steps of a run: sweep, service curve, recommendation, verification and comparison, within one limit of time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from llmopt.bench import load
from llmopt.bench.asked import Asked, Grid, grid_of
from llmopt.bench.baseline import Baseline, read_baseline
from llmopt.bench.curve import ServiceCurve, fit
from llmopt.bench.devices import Share, StoppableTarget, sweep_devices
from llmopt.bench.guard import Guard
from llmopt.bench.plan import Limits
from llmopt.bench.recommend import Unmet, queue, ready, recommend, to_toml
from llmopt.bench.regression import compare
from llmopt.bench.report import BenchReport
from llmopt.bench.result import Recommendation, Sweep
from llmopt.bench.resume import Store
from llmopt.bench.serving_cost import serving_cost
from llmopt.bench.simulate import Overhead
from llmopt.bench.sweep import Progress, sweep
from llmopt.bench.target import Target
from llmopt.bench.verify import verify
from llmopt.errors import InputError, LlmoptError, OutOfMemory

Clock = Callable[[], float]
_LATER_S, _LATER = 3.0, 0.25
"""Seconds that fitting, simulating and reporting may take, and the share of a short run at most."""
_VERIFYING = 0.4
"""Share of the time that a verification gets at least."""
_SENDING = 0.8
"""Share of what is left for a verification in which requests are due; the rest is for warm-up and the last answers."""
_SERVING_S, _SERVING = 2.0, 0.05
"""Seconds, and share of the time, in which it is measured what serving takes besides the model."""
LEAST_S = 1.0
"""A step that is late is run for so long anyway."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """When the run has to be over, and the clock that tells."""

    clock: Clock
    end_s: float

    @property
    def left_s(self) -> float:
        """What is left; a little even where nothing is."""
        return max(self.end_s - self.clock(), LEAST_S)


@dataclass(frozen=True, slots=True)
class _Steps:
    """What all steps need."""

    deadline: Deadline
    guard: Callable[[], Guard]
    progress: Progress | None

    def say(self, text: str) -> None:
        """Tell what is being done, where somebody looks."""
        if self.progress:
            self.progress(0, 0, text)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a verification is made of."""

    best: Recommendation
    curve: ServiceCurve
    overhead: Overhead


def run(
    targets: Sequence[Target],
    asked: Asked,
    *,
    progress: Progress | None = None,
    guard: Callable[[], Guard] = Guard,
    clock: Clock = time.monotonic,
    started_s: float | None = None,
) -> BenchReport:
    """Measure a target and say how to batch it.

    Args:
        targets: run the batches, none is closed: one, or the same model on several devices of a kind, which share the
            sweep.
        asked: what the user wants.
        progress: is told how far it is.
        guard: makes what looks at the machine.
        clock: monotonic, in seconds.
        started_s: when the run began by that clock; None: now.

    Raises:
        LlmoptError: a log, a length or a file that makes no sense, or a target that does not do what it should.
        OutOfMemory: not even a single request fits.
    """
    began = clock() if started_s is None else started_s
    deadline = Deadline(clock, began + asked.max_time_s)
    before = read_baseline(asked.baseline) if asked.baseline is not None else None
    facts = targets[0].facts()
    grid = grid_of(asked, facts.max_tokens)
    steps = _Steps(deadline, guard, progress)
    swept = _swept(targets, asked, grid, steps)
    report = BenchReport(swept, slo_p99_s=asked.slo_p99_s, warnings=(*_few(swept, asked.min_samples), *grid.notes))
    _measured_anything(swept)
    report = _recommended(report, targets[0], asked, grid, steps)
    if before is not None:
        report = _compared(report, before, asked.threshold)
    return replace(report, elapsed_s=clock() - began)


def _swept(targets: Sequence[Target], asked: Asked, grid: Grid, steps: _Steps) -> Sweep:
    left_s = steps.deadline.left_s
    left_s = (left_s - min(_LATER_S, _LATER * left_s)) * (1 - _VERIFYING if asked.verify else 1)
    limits = Limits(
        min_samples=asked.min_samples,
        max_time_s=max(left_s, LEAST_S),
        ci=asked.ci,
        longest_s=float("inf") if asked.slo_p99_s is None else asked.slo_p99_s,
    )

    def sweep_one(target: Target, part: Share) -> Sweep:
        with closing(steps.guard()) as guard:
            return sweep(
                target,
                batch_sizes=part.batch_sizes,
                seq_lens=part.seq_lens,
                limits=limits,
                guard=guard,
                store=_store(asked.resume, target, targets),
                progress=steps.progress,
                seed=asked.seed,
            )

    if len(targets) == 1:
        return sweep_one(targets[0], Share(asked.batch_sizes, grid.seq_lens))
    several = cast("Sequence[StoppableTarget]", targets)  # only child processes come several at once
    return sweep_devices(several, sweep_one, batch_sizes=asked.batch_sizes, seq_lens=grid.seq_lens)


def _store(path: Path | None, target: Target, targets: Sequence[Target]) -> Store | None:
    """Return where raw samples are kept; each of several devices has a file of its own."""
    if path is None or len(targets) == 1:
        return None if path is None else Store(path)
    place = next(at for at, one in enumerate(targets) if one is target)
    return Store(path.with_name(f"{path.name}.{place}"))


def _measured_anything(swept: Sweep) -> None:
    """Refuse a sweep without a single sample.

    Raises:
        OutOfMemory: nothing fits.
        InputError: the time was up before anything was measured.
    """
    if any(point.times_s for point in swept.points):
        return
    oom = [point.shape for point in swept.points if point.status == "oom"]
    if oom:
        least = min(oom)
        requests = "1 request" if least.batch_size == 1 else f"a batch of {least.batch_size} requests"
        raise OutOfMemory(
            f"not even {requests} of {least.seq_len} tokens fits in memory",
            "a smaller model, dtype or --seq-len",
        )
    raise InputError("the time was up before a batch was measured", "allow more with --max-time")


def _few(swept: Sweep, min_samples: int) -> tuple[str, ...]:
    """Return a line where time was too short for the samples that were asked for."""
    measured = [point.samples for point in swept.points if point.times_s]
    few = [samples for samples in measured if samples < min_samples]
    if not few:
        return ()
    span = f"{min(few)}" if min(few) == max(few) else f"{min(few)} to {max(few)}"
    which = "all" if len(few) == len(measured) else f"{len(few)} of {len(measured)}"
    return (f"{which} shapes have {span} samples and not {min_samples}: raise --max-time, or name fewer --batch-sizes",)


def _recommended(report: BenchReport, target: Target, asked: Asked, grid: Grid, steps: _Steps) -> BenchReport:
    curve = fit(report.sweep.points)
    steps.say("simulating")
    overhead = _overhead(target, curve, asked, grid, steps)
    facts = report.sweep.environment.target
    best = recommend(
        report.sweep.points,
        curve,
        grid.workload,
        slo_p99_s=asked.slo_p99_s,
        price_per_hour=asked.price_per_hour,
        tokens_per_request=facts.new_tokens,
        overhead=overhead,
        seed=asked.seed,
    )
    report = replace(report, curve=curve.summary)
    if isinstance(best, Unmet):
        return replace(report, unmet=best)
    most = queue(best)
    made = ready(best.settings, most)
    report = replace(report, recommended=best, max_queue=most, batcher=made, config=to_toml(best))
    return _verified(report, target, _Found(best, curve, overhead), grid, steps) if asked.verify else report


def _overhead(target: Target, curve: ServiceCurve, asked: Asked, grid: Grid, steps: _Steps) -> Overhead:
    """Measure what serving takes besides the model; with the model itself where its latency is asked for."""
    if asked.slo_p99_s is None and not asked.verify:
        return load.overhead()
    seq_len = round(grid.workload.mean_tokens)
    limit_s = min(_SERVING_S, _SERVING * asked.max_time_s, steps.deadline.left_s)
    return serving_cost(target, curve.time_s(1, seq_len), seq_len, limit_s, load.overhead)


def _verified(report: BenchReport, target: Target, found: _Found, grid: Grid, steps: _Steps) -> BenchReport:
    """Return the report with the verification, or why there is none: what was measured before must not be lost."""
    left_s = max(steps.deadline.left_s * _SENDING, LEAST_S)
    steps.say(f"verifying for about {left_s:.0f} s")
    try:
        with closing(steps.guard()) as watcher:
            verified = verify(
                target,
                found.best,
                found.curve,
                grid.workload,
                guard=watcher,
                max_time_s=left_s,
                overhead=found.overhead,
                before=report.sweep.environment.noise,
            )
    except LlmoptError as error:
        return replace(report, unverified=error.message)
    return replace(report, verified=verified)


def _compared(report: BenchReport, before: Baseline, threshold: float) -> BenchReport:
    """Return the report with the comparison, or why there is none."""
    try:
        return replace(report, comparison=compare(before, report.sweep, threshold))
    except InputError as error:
        return replace(report, uncompared=error.message)
