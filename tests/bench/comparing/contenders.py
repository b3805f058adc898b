"""Models that take part in a comparison without computing anything: time passes on a clock of the test."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from llmopt.bench.comparing.asked import Asked, Factory
from llmopt.bench.comparing.opened import Details
from llmopt.bench.comparing.result import BenchResult
from llmopt.bench.comparing.run import Surroundings, run
from llmopt.bench.target import LoadPlan, LoadRun
from llmopt.core.batch import BatchTiming
from llmopt.core.target import TargetFacts
from llmopt.errors import InputError, LlmoptError, OutOfMemory
from llmopt.models.factory import ModelFactory
from llmopt.models.quality.result import Quality
from tests.bench.machines import Clock, Machine, guard

FACTS = TargetFacts("model", "embed", "cpu", "A CPU", dtype="float32", threads=1, max_tokens=512)


def quality(drop: float = 0.03, **more: Any) -> Quality:
    """Return a quality that lost a share."""
    made = Quality("embed", 100, 1000, drop, drop - 0.02, drop + 0.02, "nearest neighbours changed")
    return replace(made, **more)


@dataclass
class Contender:
    """A batch takes `base_s` and `per_token_s` for each padded token, and more where its spread says so."""

    clock: Clock
    base_s: float = 0.002
    per_token_s: float = 0.0001
    spread: float = 0.0
    most_tokens: float = float("inf")
    """Padded tokens that fit in memory."""
    exhausted_after: float = float("inf")
    """Batches after which nothing fits any more."""
    facts_of: TargetFacts = FACTS
    opens: LlmoptError | None = None
    words: Callable[[str], int] = lambda text: len(text.split())
    refuses: LlmoptError | None = None
    """What it says of the inputs."""
    judged: Quality | LlmoptError | None = None
    rng: random.Random = field(default_factory=lambda: random.Random(5))
    batches: list[tuple[int, ...]] = field(default_factory=list)
    asked: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    closed: bool = False
    pid: int | None = 4711

    def facts(self) -> TargetFacts:
        if self.opens is not None:
            raise self.opens
        return self.facts_of

    def run(self, lengths: Sequence[int]) -> BatchTiming:
        padded = len(lengths) * max(lengths)
        self.batches.append(tuple(lengths))
        if padded > self.most_tokens or len(self.batches) > self.exhausted_after:
            raise OutOfMemory("it does not fit", "less")
        wall_s = (self.base_s + self.per_token_s * padded) * (1 + self.spread * self.rng.expovariate(1))
        self.clock.sleep(wall_s)
        return BatchTiming(wall_s, wall_s, sum(lengths), padded, peak_memory_bytes=1000 + padded)

    def load(self, plan: LoadPlan) -> LoadRun:
        raise NotImplementedError

    def close(self) -> None:
        self.closed = True

    def ask(self, name: str, *arguments: Any) -> Any:
        self.asked.append((name, arguments))
        if self.closed:
            raise InputError("closed")
        answers: dict[str, Any] = {
            "details": Details(100, 700, 900, 555),
            "peak_bytes": 800,
            "reference": b"answers",
        }
        if name == "check":
            if self.refuses is not None:
                raise self.refuses
            return None
        if name == "lengths":
            return [self.words(text) for text in arguments[0]]
        if name in ("quality", "quality_beside"):
            if isinstance(self.judged, LlmoptError):
                raise self.judged
            return self.judged or quality()
        return answers[name]


def compared(
    clock: Clock,
    contenders: Sequence[Contender],
    machine: Machine | None = None,
    settled: Callable[[], bool] = lambda: True,
    **asked: Any,
) -> BenchResult:
    """Return the result of running contenders; their names are `m0`, `m1`, ..., the first one is the base."""
    factories: list[Factory] = [ModelFactory(f"m{at}") for at in range(len(contenders))]
    places = {id(factory): contender for factory, contender in zip(factories, contenders, strict=True)}
    around = Surroundings(
        target=lambda factory: places[id(factory)],
        settle=lambda pids: settled(),
        guard=lambda: guard(clock, machine),
        clock=clock,
    )
    return run(factories, Asked(**asked), around)
