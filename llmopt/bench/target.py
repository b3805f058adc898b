"""What the sweep drives: anything that runs one batch of requests of given lengths and says how long it took.

`local` times a `LocalModel` (a checkpoint of `llmopt.models`, or a callable) in this process; `child` runs the same in
a process of its own, which may die of a batch that does not fit. A server behind a URL batches by itself and is
measured otherwise (`url`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from llmopt.core.batch import BatchTiming
from llmopt.core.target import TargetFacts
from llmopt.serving.batching.settings import BatchSettings


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """Requests to send open loop: each at its time, whether or not the ones before it are answered."""

    arrivals_s: tuple[float, ...]
    """When each request is due, in seconds from the start, ascending."""
    lengths: tuple[int, ...]
    """Tokens of each request."""
    settings: BatchSettings
    """Of the batcher that takes them."""


@dataclass(frozen=True, slots=True)
class LoadRun:
    """What came of a load plan."""

    latencies_s: tuple[float, ...]
    """From the time when a request was due to its answer, so that a late sender hides nothing; answered ones only."""
    failed: int
    """Requests that were refused or got an error."""
    elapsed_s: float
    """From the start to the last answer."""
    batches: tuple[tuple[int, int, float], ...]
    """Requests, padded tokens and seconds of each batch, in order."""
    late_s: float
    """How late the sender was at most; of the order of a millisecond on a quiet machine."""


class Target(Protocol):
    """Something that runs batches; used by one thread at a time."""

    def facts(self) -> TargetFacts:
        """Return what there is to say of the target."""
        ...

    def run(self, lengths: Sequence[int]) -> BatchTiming:
        """Run one batch of requests with these lengths (tokens) and return what was measured.

        Raises:
            OutOfMemory: the batch does not fit.
            InputError: the target does not do what it should, such as returning too few results.
        """
        ...

    def load(self, plan: LoadPlan) -> LoadRun:
        """Serve a plan with an `AdaptiveBatcher` in the process of the model and return what came of it."""
        ...

    def close(self) -> None:
        """Give back what the target holds; it cannot be used any more."""
        ...
