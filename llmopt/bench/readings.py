"""What readings of the machine say together: the thresholds, and what each figure tells.

- CPU time over wall time of the kernel below 0.9: the thread was put aside; on a quiet machine it has a CPU for itself.
- CPU pressure above 0.25 during the kernel: someone waited for a CPU although we use only one. During the batches it
  would tell of nothing: a model with a thread for each CPU makes others wait by itself.
- Waiting: the time that the threads of the model waited for a CPU during the batches, over their wall time. Above 0.1 a
  reading is noisy; above 0.05, the usual threshold of a regression, the run is. A single other process on a machine of
  two CPUs shows only here. It tells of nothing where our own threads wait for each other, so the caller says when.
- Stolen time above 0.05 of all: the hypervisor gives our CPUs to others.
- Drift above 0.25: the middle 80 % of the kernel's CPU times spread that far: clocks change, or a neighbour of the
  virtual machine is heavy. Where the thread was put aside, that is told above.

A quiet machine shows less than half of each. A moment of other work is no reason to distrust a run: readings are
counted, and up to a fifth of them may be noisy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from llmopt.bench.result import Noise
from llmopt.core.stats import median, quantile

LEAST_CPU_TO_WALL, MOST_PRESSURE, MOST_WAITING, MOST_STEAL, MOST_DRIFT = 0.9, 0.25, 0.1, 0.05, 0.25
MOST_WAITING_OVERALL = 0.05
NOISY_SHARE = 0.2
"""Share of readings (and of the samples of a point) that may be noisy."""
ENOUGH = 5
"""Readings that tell of drift and of what is typical."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at the machine between two batches."""

    kernel_s: float
    """Wall time of the calibration kernel."""
    cpu_to_wall: float | None = None
    """Its CPU time over its wall time; None where the clock of CPU time is coarse."""
    pressure: float | None = None
    """Share of that time in which some task waited for a CPU; None where the system does not tell."""
    waiting: float | None = None
    """Time that our threads waited for a CPU since the last reading, over the wall time; None where it is not told."""
    elapsed_s: float = 0.0
    """Since the last reading."""
    handover_s: float | None = None
    """Of a cache line from one CPU to the other and back; None where it is not read."""

    @property
    def work_s(self) -> float:
        """CPU time of the calibration kernel; its wall time where the clock of CPU time is coarse."""
        return self.kernel_s * (1.0 if self.cpu_to_wall is None else self.cpu_to_wall)

    @property
    def quiet(self) -> bool:
        """Whether nothing else worked on the machine, now and since the last reading."""
        return (
            (self.cpu_to_wall is None or self.cpu_to_wall >= LEAST_CPU_TO_WALL)
            and (self.pressure is None or self.pressure <= MOST_PRESSURE)
            and (self.waiting is None or self.waiting <= MOST_WAITING)
        )


def summary(readings: Sequence[Reading], steal: float | None = None) -> Noise:
    """Return what readings say together; a machine that nobody looked at is quiet.

    Args:
        readings: in order.
        steal: share of the CPUs' time that went to other machines meanwhile.
    """
    ratios = [reading.cpu_to_wall for reading in readings if reading.cpu_to_wall is not None]
    pressures = [reading.pressure for reading in readings if reading.pressure is not None]
    times_s = sorted(reading.work_s for reading in readings)
    handovers_s = [reading.handover_s for reading in readings if reading.handover_s is not None]
    enough = len(times_s) >= ENOUGH
    noise = Noise(
        quiet=True,
        cpu_pressure=sum(pressures) / len(pressures) if pressures else None,
        cpu_to_wall=median(ratios) if ratios else None,
        drift=(quantile(times_s, 0.9) - quantile(times_s, 0.1)) / median(times_s) if enough else None,
        waiting=_waiting(readings),
        steal=steal,
        calibration_s=quantile(times_s, 0.25) if enough else None,
        handover_s=median(handovers_s) if handovers_s else None,
    )
    reasons = (*_noisy_share(readings), *_reasons(noise))
    return replace(noise, quiet=not reasons, reasons=reasons)


def _waiting(readings: Sequence[Reading]) -> float | None:
    """Return the share of the time of all batches in which threads waited."""
    known = [(reading.waiting, reading.elapsed_s) for reading in readings if reading.waiting is not None]
    elapsed_s = sum(elapsed_s for _, elapsed_s in known)
    return sum(waiting * elapsed_s for waiting, elapsed_s in known) / elapsed_s if elapsed_s > 0 else None


def _noisy_share(readings: Sequence[Reading]) -> Iterator[str]:
    noisy = sum(not reading.quiet for reading in readings)
    if noisy > NOISY_SHARE * len(readings):
        yield f"other work ran during {noisy} of {len(readings)} readings"


def _reasons(noise: Noise) -> Iterator[str]:
    """Yield what is too much over the whole run."""
    if noise.cpu_to_wall is not None and noise.cpu_to_wall < LEAST_CPU_TO_WALL:
        yield f"a thread got a CPU for {noise.cpu_to_wall:.0%} of its time (at least {LEAST_CPU_TO_WALL:.0%} is quiet)"
    if noise.cpu_pressure is not None and noise.cpu_pressure > MOST_PRESSURE:
        yield f"tasks waited for a CPU {noise.cpu_pressure:.0%} of the time (up to {MOST_PRESSURE:.0%} is quiet)"
    if noise.waiting is not None and noise.waiting > MOST_WAITING_OVERALL:
        share, most = noise.waiting, MOST_WAITING_OVERALL
        yield f"the model's threads waited for a CPU {share:.0%} of the time (up to {most:.0%} is quiet)"
    if noise.steal is not None and noise.steal > MOST_STEAL:
        yield f"the hypervisor took {noise.steal:.0%} of the CPUs' time (up to {MOST_STEAL:.0%} is quiet)"
    if noise.drift is not None and noise.drift > MOST_DRIFT:
        yield f"a fixed piece of work varied by {noise.drift:.0%} in CPU time (up to {MOST_DRIFT:.0%} is quiet)"
