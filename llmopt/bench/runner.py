"""Run batches of a sweep within its time: warm-up, samples, readings of the machine, and what does not fit."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from llmopt.bench.environment import cpu_count
from llmopt.bench.guard import Guard
from llmopt.bench.plan import Limits, Mix, drawn, longest
from llmopt.bench.readings import Reading
from llmopt.bench.resume import Store, Stored
from llmopt.bench.series import Series
from llmopt.bench.target import Target
from llmopt.core.batch import BatchTiming, Shape
from llmopt.errors import OutOfMemory

WARM_RUNS, WARM_FACTOR = 8, 1.25
"""A warm-up ends when two batches in a row took the same time up to this factor, or after so many."""
WARM_SHARE = 0.5
"""Share of the whole time that may go into warm-ups before every shape has its first sample."""
LOOK_EVERY_S = 0.25
"""Between two readings of the machine."""
_MARGIN = 1.1
"""A batch is expected to take so much longer than the last one when the end is near."""


@dataclass(slots=True)
class Runner:
    """One sweep while it runs."""

    target: Target
    limits: Limits
    guard: Guard
    store: Store | None = None
    stored: Stored = field(default_factory=Stored)
    seed: int = 0
    clock: Callable[[], float] = time.perf_counter
    series: dict[Shape, Series] = field(default_factory=dict)
    readings: list[Reading] = field(default_factory=list)
    began_s: float = 0.0
    waits: bool = False
    """Whether waiting for a CPU tells of other work: not with more threads than CPUs."""
    looked_s: float = 0.0
    cut_short: bool = False
    """Whether a climb ended because the time was up."""

    def begin(self) -> None:
        """Start the clock and take over what is stored."""
        self.began_s = self.looked_s = self.clock()
        threads = self.target.facts().threads
        self.waits = threads is None or threads <= cpu_count()
        self.readings.extend(self.stored.readings)
        self.guard.recall(self.stored.readings)
        self.look(now=True)

    @property
    def left_s(self) -> float:
        """Time until the end."""
        return self.began_s + self.limits.max_time_s - self.clock()

    def of(self, shape: Shape, entry: int | Mix) -> Series:
        """Return the series of a shape, with the samples that are stored of it."""
        found = self.series.get(shape)
        if found is None:
            found = self.series[shape] = Series(shape, entry)
            for stored, timing, look in self.stored.samples:
                if stored == shape:
                    found.add(timing, look)
        return found

    def fits_in(self, expected_s: float, share: float = 1.0) -> bool:
        """Say whether work is done in time, if it takes as long as expected.

        Args:
            expected_s: how long.
            share: of the whole time that may be used up then.
        """
        return expected_s * _MARGIN <= self.left_s - (1 - share) * self.limits.max_time_s

    def expected_s(self, series: Series) -> float:
        """Return how long a batch may take: as the last one, or as the largest one of its length for each request."""
        if series.expected_s > 0:
            return series.expected_s
        seq_len = series.shape.seq_len
        known = [other for other in self.series.values() if other.expected_s > 0 and other.shape.seq_len == seq_len]
        largest = max(known, key=lambda other: other.shape.batch_size, default=series)
        return largest.expected_s * series.shape.batch_size / largest.shape.batch_size

    def warm(self, series: Series) -> float | None:
        """Run a shape until its time is steady; return the shortest time, or None where it does not fit in memory."""
        if series.shape in self.stored.too_large:
            self._too_large(series)
            return None
        best_s = last_s = float("inf")
        for run in range(WARM_RUNS):
            timing = self._run(series, run)
            if timing is None:
                return None
            before_s, last_s = last_s, timing.wall_s
            best_s = series.expected_s = min(best_s, last_s)
            if run and max(before_s, last_s) <= WARM_FACTOR * min(before_s, last_s):
                series.unmeasured = timing
                break
            if not self.fits_in(last_s, WARM_SHARE):
                break
        series.warm = True
        self.look()
        return best_s

    def sample(self, series: Series) -> bool:
        """Measure one batch, if there is time; say whether."""
        if not self.fits_in(self.expected_s(series) * (1 if series.warm else 2)):
            return False
        if not series.warm:
            self.warm(series)
            return True
        timing = self._run(series, WARM_RUNS + len(series.timings))
        if timing is None:
            return True
        series.add(timing, len(self.readings))
        if self.store:
            self.store.sample(series.shape, timing)
        self.look()
        return True

    def look(self, *, now: bool = False) -> None:
        """Read the machine, if the last reading is some time ago."""
        if not now and self.clock() - self.looked_s < LOOK_EVERY_S:
            return
        reading = self.guard.reading(waits=self.waits)
        self.readings.append(reading)
        if self.store:
            self.store.reading(reading)
        self.looked_s = self.clock()

    def _run(self, series: Series, number: int) -> BatchTiming | None:
        """Run one batch; the same number of the same shape draws the same lengths in every sweep."""
        shape = series.shape
        rng = random.Random(f"{self.seed} {shape.batch_size} {shape.seq_len} {number}")
        try:
            return self.target.run(drawn(series.entry, shape.batch_size, rng))
        except OutOfMemory:
            self._too_large(series)
            if self.store:
                self.store.too_large(shape)
            return None

    def _too_large(self, series: Series) -> None:
        """Give a shape up, and warm all others up again: their process may be a new one now."""
        series.drop("oom", f"{series.shape.batch_size} requests of {longest(series.entry)} tokens do not fit in memory")
        for other in self.series.values():
            other.warm = False
