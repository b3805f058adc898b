"""Rounds in which every model has its turn at every shape, in random order, until the ratios are known well enough.

The models of a shape follow each other closely, so that what drifts on the machine hits them alike: the ratio of a
round is steadier than any time. It is enough after so many rounds as asked, with the samples that a p95 needs, and with
narrow intervals; the end of the time comes before all of that.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from llmopt.bench.comparing.ratios import half_width
from llmopt.bench.comparing.turns import Turns
from llmopt.bench.environment import cpu_count
from llmopt.bench.guard import Guard
from llmopt.bench.readings import Reading
from llmopt.core.stats import samples_needed

Progress = Callable[[int, int, str], None]
"""Called with what is done, the total (0: not known), and what is being done."""
FEWEST = 3
"""Rounds that are made even where the time is up."""
_MOST = 1000
_LOOK_EVERY_S = 0.25
"""Between two readings of the machine."""
_MORE = 1.15
"""Intervals are looked at again when there are this many times more rounds."""


@dataclass(frozen=True, slots=True)
class Enough:
    """When enough is measured."""

    min_rounds: int
    ci: float
    """Half of an interval, relative to its value, that is narrow enough."""
    max_time_s: float
    """For warm-ups and rounds."""


@dataclass(slots=True)
class Rounds:
    """All models at all shapes, while they are measured."""

    models: Sequence[Sequence[Turns]]
    """Of each model its turns at each shape; the base is the first."""
    enough: Enough
    guard: Guard
    settle: Callable[[], bool]
    """Waits until nothing of the models runs; says whether that came true."""
    clock: Callable[[], float]
    seed: int
    progress: Progress | None = None
    readings: list[Reading] = field(default_factory=list)
    done: int = 0
    """Rounds."""
    unsettled: int = 0
    """Turns before which something still ran."""
    waits: bool = False
    """Whether waiting for a CPU tells of other work: not with more threads than CPUs."""
    _looked_s: float = 0.0
    _end_s: float = 0.0

    def run(self) -> None:
        """Warm up and measure."""
        began_s = self.clock()
        self._end_s = began_s + self.enough.max_time_s
        threads = [turns[0].target.facts().threads for turns in self.models]
        self.waits = all(count is None or count <= cpu_count() for count in threads)
        self._look()
        for turns in self.models:
            for one in turns:
                self._say(0, f"warm-up: {one.target.facts().name}, batch {one.requests.shape.batch_size}")
                self.settle()
                one.warm_up(str(self.seed))
        self._measure(random.Random(self.seed), began_s)
        self._look()

    def _measure(self, rng: random.Random, began_s: float) -> None:
        check_at = self.enough.min_rounds
        while self.done < _MOST and self._in_time():
            if not any(one.open for turns in self.models for one in turns):
                return
            self._round(rng)
            self.done += 1
            if self.done >= check_at:
                if self._known():
                    return
                check_at = int(self.done * _MORE) + 1
            used = (self.clock() - began_s) / self.enough.max_time_s
            counted = self.done / max(self.enough.min_rounds, self.done + 1)
            self._say(min(round(100 * max(used, min(counted, 0.99))), 100), f"measuring, round {self.done}")

    def _in_time(self) -> bool:
        """Say whether another round is done in time, or has to be made anyway."""
        expected_s = sum(one.expected_s for turns in self.models for one in turns if one.open)
        return self.done < FEWEST or self.clock() + expected_s <= self._end_s

    def _round(self, rng: random.Random) -> None:
        shapes = list(range(len(self.models[0])))
        rng.shuffle(shapes)
        for at in shapes:
            turns = [model[at] for model in self.models if model[at].open]
            rng.shuffle(turns)
            for one in turns:
                self.unsettled += not self.settle()
                one.take(f"{self.seed} {at} {self.done}", len(self.readings))
            if self.clock() - self._looked_s >= _LOOK_EVERY_S:
                self.settle()
                self._look()

    def _known(self) -> bool:
        """Say whether all intervals are narrow and a p95 can be told."""
        if any(len(one.series.timings) < samples_needed(0.95) for turns in self.models for one in turns if one.open):
            return False
        base = self.models[0]
        widths = [half_width(base, other) for other in self.models[1:]] or [half_width(None, base)]
        return all(width is None or width <= self.enough.ci for width in widths)

    def _look(self) -> None:
        self.readings.append(self.guard.reading(waits=self.waits))
        self._looked_s = self.clock()

    def _say(self, percent: int, text: str) -> None:
        if self.progress:
            self.progress(percent, 100 if percent else 0, text)
