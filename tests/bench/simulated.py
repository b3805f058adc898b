"""A target whose batches take as long as a formula says, without taking it: for runs that end at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from llmopt.bench.curve import ServiceCurve
from llmopt.bench.guard import Guard
from llmopt.bench.readings import Reading
from llmopt.bench.result import Curve, Noise
from llmopt.bench.simulate import simulate
from llmopt.bench.target import LoadPlan, LoadRun
from llmopt.core.batch import BatchTiming
from llmopt.core.target import TargetFacts
from llmopt.errors import OutOfMemory


class QuietGuard(Guard):
    """Looks at no machine, and finds it quiet."""

    def __init__(self) -> None:
        super().__init__(work=lambda: None, sleep=lambda seconds: None, handover=lambda: None)

    def reading(self, *, waits: bool = False) -> Reading:
        return Reading(0.005, 1.0)

    def noise(self) -> Noise:
        return Noise(quiet=True)


@dataclass
class SimulatedTarget:
    """A batch takes `base_s + per_token_s * tokens`, and a little more or less in turn."""

    base_s: float = 0.010
    per_token_s: float = 0.0001
    most_requests: int = 10**9
    """In one batch; more do not fit."""
    max_tokens: int | None = 512
    batches: list[tuple[int, ...]] = field(default_factory=list)
    loads: list[LoadPlan] = field(default_factory=list)
    closed: bool = False

    def facts(self) -> TargetFacts:
        return TargetFacts("simulated", "embed", "cpu", "no processor", max_tokens=self.max_tokens)

    def time_s(self, size: int, longest: int) -> float:
        return self.base_s + self.per_token_s * size * longest

    def run(self, lengths: Sequence[int]) -> BatchTiming:
        if len(lengths) > self.most_requests:
            raise OutOfMemory("does not fit", "a smaller batch")
        self.batches.append(tuple(lengths))
        wobble = 1 + 0.002 * (len(self.batches) % 5 - 2)
        took = self.time_s(len(lengths), max(lengths)) * wobble
        return BatchTiming(took, took, sum(lengths), len(lengths) * max(lengths))

    def load(self, plan: LoadPlan) -> LoadRun:
        self.loads.append(plan)
        sizes = (1, 64)
        longest = max(plan.lengths)
        curve = ServiceCurve(
            Curve(self.base_s, 0.0, self.per_token_s, 1.0, 0.0),
            sizes,
            (longest,),
            np.array([[self.time_s(size, longest) for size in sizes]]),
            np.ones(1),
        )
        found = simulate(curve, np.array(plan.arrivals_s), np.array(plan.lengths), plan.settings)
        batches = [(int(size), int(size) * longest, self.time_s(int(size), longest)) for size in found.batch_sizes]
        return LoadRun(tuple(found.latencies_s.tolist()), 0, found.elapsed_s, tuple(batches), 0.0001)

    def close(self) -> None:
        self.closed = True

    def stop(self) -> None:
        self.closed = True
