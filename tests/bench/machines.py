"""Targets, clocks and machines for tests of the sweep: no time passes."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from llmopt.bench.guard import Guard
from llmopt.bench.target import LoadPlan, LoadRun
from llmopt.core.batch import BatchTiming
from llmopt.core.target import TargetFacts
from llmopt.errors import OutOfMemory

FACTS = TargetFacts("model", "embed", "cpu", "A CPU", dtype="float32", threads=1, max_tokens=512)


@dataclass
class Clock:
    """A clock that passes only when it is told to."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@dataclass
class Machine:
    """Counters of a machine on which other work takes its share."""

    clock: Clock
    pressure: float | None = 0.0
    waiting: float | None = 0.0
    steal: float | None = 0.0

    def pressure_s(self) -> float | None:
        return None if self.pressure is None else self.pressure * self.clock.now_s

    def waited_s(self) -> float | None:
        return None if self.waiting is None else self.waiting * self.clock.now_s

    def stolen(self) -> tuple[int, int] | None:
        ticks = int(self.clock.now_s * 1e6)
        return None if self.steal is None else (int(self.steal * ticks), ticks)


def guard(clock: Clock, machine: Machine | None = None, *, ratio: float = 1.0, kernel_s: float = 0.004) -> Guard:
    """Return a guard of a machine; its kernel takes the same time each time."""
    return Guard(
        machine=machine or Machine(clock),
        clock=clock,
        cpu_clock=lambda: clock.now_s * ratio,
        work=lambda: clock.sleep(kernel_s),
        sleep=clock.sleep,
        handover=lambda: None,
    )


def service_s(batch_size: int, seq_len: int) -> float:
    """Return how long a batch takes: throughput grows up to about 32 requests."""
    return 0.004 + 0.0001 * batch_size * seq_len / 32


@dataclass
class Fake:
    """A target whose batches pass time on a clock."""

    clock: Clock
    time_s: Callable[[int, int], float] = service_s
    facts_of: TargetFacts = FACTS
    most_tokens: int = 10**9
    """Padded tokens that fit in memory."""
    spread: float = 0.0
    cold: float = 1.0
    """How many times as long the first batch of a shape takes."""
    rng: random.Random = field(default_factory=lambda: random.Random(7))
    batches: list[tuple[int, int]] = field(default_factory=list)
    stop_after: int | None = None

    def facts(self) -> TargetFacts:
        return self.facts_of

    def run(self, lengths: Sequence[int]) -> BatchTiming:
        shape = (len(lengths), max(lengths))
        if self.stop_after is not None and len(self.batches) >= self.stop_after:
            raise KeyboardInterrupt
        if shape[0] * shape[1] > self.most_tokens:
            self.batches.append(shape)
            raise OutOfMemory("it does not fit")
        wall_s = self.time_s(*shape) * (1 + self.spread * self.rng.expovariate(1))
        wall_s *= self.cold if shape not in self.batches else 1
        self.batches.append(shape)
        self.clock.sleep(wall_s)
        return BatchTiming(wall_s, wall_s, sum(lengths), shape[0] * shape[1], peak_memory_bytes=shape[0] * 1000)

    def load(self, plan: LoadPlan) -> LoadRun:
        raise NotImplementedError

    def close(self) -> None:
        pass
