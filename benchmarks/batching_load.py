"""The loop from a measured curve to a verified setting, on the real MiniLM: what batching gains, what is predicted.

Prints a table; the last line is one JSON object with every figure beside its goal. All that is compared is measured in
one run, alternating. On a machine with other work on it the figures of real time are those of that work.

    HF_HUB_OFFLINE=1 python benchmarks/batching_load.py [--seq-len 32] [--seconds 10] [--rounds 3] [--model FOLDER]
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Sequence
from os import cpu_count, getloadavg
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks import minilm
from llmopt import __version__
from llmopt.bench import load
from llmopt.bench.arrivals import Workload
from llmopt.bench.curve import ServiceCurve, fit
from llmopt.bench.guard import Guard
from llmopt.bench.local import LocalTarget
from llmopt.bench.points import point
from llmopt.bench.recommend import Unmet, recommend
from llmopt.bench.result import Point, Recommendation, Verification
from llmopt.bench.search import Trial, largest_rate, p99, ranked
from llmopt.bench.serving_cost import serving_cost
from llmopt.bench.simulate import Overhead
from llmopt.bench.target import LoadPlan
from llmopt.bench.verify import verify
from llmopt.core.batch import Shape
from llmopt.serving.batching.settings import BatchSettings

Figures = dict[str, Any]
SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
TUTORIAL = BatchSettings(32, 0.05)
GOALS = {
    "throughput_gain": 1.8,
    "of_brute_force": 0.95,
    "over_tutorial": 1.5,
    "sixty_settings_s": 1.0,
    "p50_error_quiet": 0.10,
    "p99_error_quiet": 0.20,
}


def main() -> None:
    """Measure everything, print the figures."""
    parser = argparse.ArgumentParser(description="From a measured service curve to a verified setting.")
    parser.add_argument("--model", type=Path, help="folder of a checkpoint (default: MiniLM of its test package)")
    parser.add_argument("--seq-len", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run of load")
    parser.add_argument("--rounds", type=int, default=3, help="verifications")
    parser.add_argument("--samples", type=int, default=15, help="batches of each size in a sweep")
    parser.add_argument("--tight", type=float, default=6.0, help="bound of the p99, in times of a lone request")
    options = parser.parse_args()
    figures = measure(options.model, options.seq_len, options.seconds, options.rounds, options.samples, options.tight)
    for name, value in figures.items():
        print(f"{name:34} {value if not isinstance(value, float) else f'{value:.4g}'}")
    print(json.dumps({"benchmark": "batching_load", "goals": GOALS, **figures}))


def measure(
    model: Path | None = None,
    seq_len: int = 32,
    seconds: float = 10.0,
    rounds: int = 3,
    samples: int = 15,
    tight: float = 6.0,
) -> Figures:
    """Return all figures."""
    # torch takes seconds to load; --help does not wait for it.
    from llmopt.models.checkpoint import open_model

    opened = open_model(model or minilm.folder())
    target = LocalTarget(opened)
    facts = target.facts()
    figures: Figures = {
        "llmopt": __version__,
        "python": platform.python_version(),
        "cpus": cpu_count(),
        "load_before": getloadavg()[0],
        "device": facts.device_name,
        "threads": facts.threads,
        "seq_len": seq_len,
    }
    workload, points = Workload((seq_len,)), sweep(target, seq_len, samples)
    curve = fit(points)
    serving = serving_cost(target, curve.time_s(1, seq_len), seq_len, 2.0, load.overhead)
    figures |= {
        f"serving_{name}_ms": 1e3 * getattr(serving, f"{name}_s") for name in ("request", "busy", "idle", "batch")
    }
    figures["batch_ms"] = {item.shape.batch_size: round(1e3 * median(item.times_s), 2) for item in points}
    figures |= sixty_settings(curve, seq_len)
    figures |= saturation(target, curve, workload, seconds)
    slo_p99_s = tight * curve.time_s(1, seq_len)
    figures |= simulated(points, curve, workload, slo_p99_s, serving)
    figures |= verified(target, workload, slo_p99_s, serving, seconds, rounds, samples)
    target.close()
    figures["load_after"] = getloadavg()[0]
    return figures


def sweep(target: LocalTarget, seq_len: int, samples: int) -> list[Point]:
    """Time all batch sizes, one after the other in each round."""
    timings: dict[int, list[Any]] = {size: [] for size in SIZES}
    for number in range(samples + 1):
        for size in SIZES:
            timing = target.run([seq_len] * size)
            if number:
                timings[size].append(timing)
    return [point(Shape(size, seq_len), found) for size, found in timings.items()]


def sixty_settings(curve: ServiceCurve, seq_len: int, requests: int = 4_000) -> Figures:
    """Simulate 60 settings, of equal requests, of several lengths, and with a token budget."""
    grid = [(size, wait) for size in (1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32) for wait in (0, 2e-3, 5e-3, 1e-2, 5e-2)]
    rate = 0.5 * 8 / curve.time_s(8, seq_len)
    mixed = np.random.default_rng(0).integers(max(1, seq_len // 4), seq_len, 500).tolist()
    found = {}
    for name, lengths, tokens in (("", (seq_len,), None), ("_mixed", mixed, None), ("_budget", mixed, 8 * seq_len)):
        trial = Trial.of(curve, Workload(tuple(lengths)), requests)
        start = time.perf_counter()
        for size, wait in grid:
            p99(trial.run(BatchSettings(size, wait, tokens), rate))
        found[f"sixty_settings{name}_s"] = time.perf_counter() - start
    return found


def saturation(target: LocalTarget, curve: ServiceCurve, workload: Workload, seconds: float) -> Figures:
    """Offer more than can be served, one by one and in batches, in turns; count what is answered."""
    plans = {}
    for name, size in (("unbatched", 1), ("batched", 32)):
        rate = 1.2 * size / curve.time_s(size, workload.lengths[0])
        arrivals, lengths = workload.drawn(max(50, round(rate * seconds / 4)), seed=5)
        plans[name] = LoadPlan(tuple((arrivals / rate).tolist()), tuple(lengths.tolist()), BatchSettings(size))
    rates: dict[str, list[float]] = {name: [] for name in plans}
    for _ in range(4):
        for name, plan in plans.items():
            run = target.load(plan)
            rates[name].append(len(run.latencies_s) / run.elapsed_s)
    found = {f"{name}_per_s": median(several) for name, several in rates.items()}
    return found | {"throughput_gain": found["batched_per_s"] / found["unbatched_per_s"]}


def simulated(
    points: Sequence[Point], curve: ServiceCurve, workload: Workload, slo_p99_s: float, serving: Overhead
) -> Figures:
    """Hold the recommended setting against all others, and the tutorial's, under one bound."""
    start = time.perf_counter()
    best = recommend(points, curve, workload, slo_p99_s=slo_p99_s, overhead=serving)
    took = time.perf_counter() - start
    if isinstance(best, Unmet):
        return {"unmet": best.message}
    trial = Trial.of(curve, workload, 100_000, seed=91, overhead=serving)

    def carried(settings: BatchSettings) -> float:
        return largest_rate(trial, settings, slo_p99_s, p99).rate_per_s

    lone = curve.time_s(1, workload.lengths[0])
    waits = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
    every = [BatchSettings(size, wait * lone) for wait in waits for size in (*range(1, 21), 24, 28, 32)]
    ranking = ranked(Trial.of(curve, workload, 8_000, seed=90, overhead=serving), every, slo_p99_s)
    own, tutorial = carried(best.settings), carried(TUTORIAL)
    most = max(carried(settings.settings) for settings in ranking[:8])
    return {
        "slo_ms": 1e3 * slo_p99_s,
        "recommend_s": took,
        "settings_tried": best.settings_tried,
        "recommended": _shown(best),
        "recommended_rate_per_s": best.rate_per_s,
        "simulated_best_per_s": most,
        "of_brute_force": own / most,
        "slack": best.slack,
        "rate_of_brute_force": best.rate_per_s / most,
        "over_tutorial": own / tutorial if tutorial else None,
    }


def verified(
    target: LocalTarget,
    workload: Workload,
    slo_p99_s: float,
    serving: Overhead,
    seconds: float,
    rounds: int,
    samples: int,
) -> Figures:
    """Run what a fresh sweep recommends, and the tutorial's setting at two thirds of that rate."""
    runs: list[Verification] = []
    tutorial: list[bool | None] = []
    for seed in range(1, rounds + 1):
        points = sweep(target, workload.lengths[0], samples)
        curve = fit(points)
        best = recommend(points, curve, workload, slo_p99_s=slo_p99_s, overhead=serving)
        if isinstance(best, Unmet):
            continue
        runs.append(
            verify(target, best, curve, workload, guard=Guard(), max_time_s=seconds, overhead=serving, seed=seed)
        )
        waiting = Recommendation(TUTORIAL, "", best.rate_per_s / 1.5, 0.0, 0.0, 0.0, slo_p99_s=slo_p99_s)
        tutorial.append(verify(target, waiting, curve, workload, guard=Guard(), max_time_s=seconds, seed=seed).slo_met)
    return {
        "met": [run.slo_met for run in runs],
        "quiet": [run.noise.quiet for run in runs],
        "not_quiet": [reason for run in runs for reason in run.noise.reasons],
        "service_ratios": [round(run.service_ratio, 3) for run in runs],
        **errors(runs, ""),
        **errors([run for run in runs if run.noise.quiet], "_quiet"),
        "replayed_p50_errors": [round(run.measured_p50_s / (run.replayed_p50_s or 1) - 1, 3) for run in runs],
        "replayed_p99_errors": [round(run.measured_p99_s / (run.replayed_p99_s or 1) - 1, 3) for run in runs],
        "tutorial_met_at_two_thirds": tutorial,
    }


def errors(runs: Sequence[Verification], which: str) -> Figures:
    """Return the errors of verifications, and the largest of them."""
    if not runs:
        return {f"p50_error{which}": None, f"p99_error{which}": None}
    p50, p99_ = [run.p50_error for run in runs], [run.p99_error for run in runs]
    return {
        f"p50_errors{which}": [round(error, 3) for error in p50],
        f"p99_errors{which}": [round(error, 3) for error in p99_],
        f"p50_error{which}": max(map(abs, p50)),
        f"p99_error{which}": max(map(abs, p99_)),
    }


def _shown(best: Recommendation) -> str:
    settings = best.settings
    return f"batch {settings.max_batch_size}, wait {settings.max_wait_s * 1e3:.3g} ms"


if __name__ == "__main__":
    main()
