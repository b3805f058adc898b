"""The samples of one shape while a sweep runs: when they are enough, which were noisy, and the point they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from llmopt.bench.plan import Limits, Mix
from llmopt.bench.points import mean, point, throughput_interval
from llmopt.bench.readings import NOISY_SHARE, Reading
from llmopt.bench.result import Point, Status
from llmopt.core.batch import BatchTiming, Shape

STEADY = 1.4
"""Two hand-over times with a lower ratio are of the same place."""
_CHECK_RESAMPLES = 300
_MORE = 1.15
"""Samples are checked again when there are this many times more."""


@dataclass(slots=True)
class Series:
    """One shape."""

    shape: Shape
    entry: int | Mix
    """Lengths of its requests."""
    timings: list[BatchTiming] = field(default_factory=list)
    looks: list[int] = field(default_factory=list)
    """Beside each sample: how many readings of the machine had been taken."""
    status: Status = "ok"
    reason: str = ""
    warm: bool = False
    expected_s: float = 0.0
    """Of the next batch."""
    unmeasured: BatchTiming | None = None
    """The last batch of the warm-up, once two in a row took about the same time."""
    enough: bool = False
    check_at: int = 0

    @property
    def open(self) -> bool:
        """Whether more samples are wanted."""
        return self.status == "ok" and not self.enough

    def add(self, timing: BatchTiming, look: int) -> None:
        """Keep a sample."""
        self.timings.append(timing)
        self.looks.append(look)
        self.expected_s = timing.wall_s

    def drop(self, status: Status, reason: str) -> None:
        """Stop measuring for a reason; what was measured is forgotten."""
        self.status, self.reason = status, reason
        self.timings.clear()
        self.looks.clear()

    def check(self, limits: Limits) -> None:
        """Find out whether the samples are enough."""
        n = len(self.timings)
        if n >= limits.max_samples:
            self.enough = True
        if n < max(limits.min_samples, self.check_at):
            return
        self.check_at = int(n * _MORE) + 1
        times_s = [timing.wall_s for timing in self.timings]
        found = throughput_interval(self.shape.batch_size, times_s, _CHECK_RESAMPLES)
        if found is not None and (found[1] - found[0]) / 2 <= limits.ci * self.shape.batch_size / mean(times_s):
            self.enough = True

    def made(self, readings: Sequence[Reading]) -> Point:
        """Return the point; without samples from the last batch of the warm-up, else skipped."""
        if self.status != "ok":
            return point(self.shape, (), self.status, self.reason)
        if not self.timings:
            if self.unmeasured is None:
                return point(self.shape, (), "skipped", "the time was up")
            return point(self.shape, (self.unmeasured,))
        made = point(self.shape, self.timings)
        noisy = sum(not readings[look].quiet for look in self.looks if look < len(readings))
        handovers_s = tuple(_handover_s(readings, look) for look in self.looks)
        if any(handover_s is not None for handover_s in handovers_s):
            made = replace(made, handovers_s=handovers_s)
        if noisy <= NOISY_SHARE * len(self.looks):
            return made
        return replace(made, status="noisy", reason=f"{noisy} of {len(self.looks)} samples beside other work")


def _handover_s(readings: Sequence[Reading], look: int) -> float | None:
    """Return the hand-over time around a sample: that before and after it, where they agree and nothing else ran."""
    if look < len(readings) and not readings[look].quiet:
        return None
    around = [reading.handover_s for reading in readings[max(look - 1, 0) : look + 1]]
    known = [handover_s for handover_s in around if handover_s is not None]
    if len(known) < 2 or max(known) > STEADY * min(known):
        return None
    return min(known)
