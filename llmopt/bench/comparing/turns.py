"""One model at one shape of batches: its warm-up, its turn in each round, and what has been measured of it.

A turn begins with a batch that is not counted: the model before has filled the caches of the processor with weights of
its own, and whoever serves only one model never pays for that. A batch that takes long does not notice, and goes
without. Short batches are repeated, so that a turn is long against what disturbs it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from llmopt.bench.comparing.requests import Requests
from llmopt.bench.series import Series
from llmopt.bench.target import Target
from llmopt.core.batch import BatchTiming
from llmopt.errors import OutOfMemory

WARM_RUNS, WARM_FACTOR = 8, 1.25
"""A warm-up ends when two batches in a row took the same time up to this factor, or after so many."""
_LEADING_S = 0.25
"""A batch that takes so long does not notice cold caches."""
_TURN_S, _MOST = 0.02, 8
"""A turn measures batches for about so long, so many at most."""


@dataclass(slots=True)
class Turns:
    """What one model has done at one shape."""

    target: Target
    model: int
    """Its place."""
    requests: Requests
    series: Series
    turns_s: list[float] = field(default_factory=list)
    """Mean time of a batch in each round."""
    peak_bytes: int = 0
    """Most memory that a batch reported; 0: none did."""
    reason: str = ""
    """Why it is no longer measured, as the model's process said it."""

    @property
    def open(self) -> bool:
        """Whether it still takes part."""
        return self.series.status == "ok"

    def warm_up(self, seed: str) -> None:
        """Run the same batch until its time is steady."""
        lengths = self.requests.batch(self.model, f"{seed} warm-up")
        last_s = 0.0
        for _ in range(WARM_RUNS):
            timing = self._run(lengths)
            if timing is None:
                return
            before_s, last_s = last_s, timing.wall_s
            self.series.expected_s = last_s
            if max(before_s, last_s) <= WARM_FACTOR * min(before_s, last_s):
                return

    def take(self, seed: str, look: int) -> None:
        """Take the turn of a round.

        Args:
            seed: the same for all models of a round, so that all get the same texts.
            look: readings of the machine so far.
        """
        typical_s = max(self.series.expected_s, 1e-9)
        lengths = self.requests.batch(self.model, seed)
        times_s: list[float] = []
        leading = typical_s < _LEADING_S
        for run in range(leading + min(max(math.ceil(_TURN_S / typical_s), 1), _MOST)):
            timing = self._run(lengths)
            if timing is None:
                return
            if run >= leading:
                self.series.add(timing, look)
                times_s.append(timing.wall_s)
        self.turns_s.append(sum(times_s) / len(times_s))

    @property
    def expected_s(self) -> float:
        """How long the next turn may take."""
        typical_s = max(self.series.expected_s, 1e-9)
        batches = min(max(math.ceil(_TURN_S / typical_s), 1), _MOST) + (typical_s < _LEADING_S)
        return batches * typical_s

    def _run(self, lengths: tuple[int, ...]) -> BatchTiming | None:
        """Run a batch; None, and the end of all turns, where it does not fit in memory."""
        try:
            timing = self.target.run(lengths)
        except OutOfMemory as error:
            size, tokens = len(lengths), max(lengths)
            self.series.drop("oom", f"{size} requests of up to {tokens:,} tokens do not fit in memory")
            self.turns_s.clear()
            self.reason = error.message
            return None
        self.peak_bytes = max(self.peak_bytes, timing.peak_memory_bytes or 0)
        return timing
