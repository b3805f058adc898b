"""Whether the machine is quiet: a small calibration kernel between batches, and who waited for a CPU meanwhile.

A reading lets the model's threads fall asleep (OpenMP spins for some milliseconds after its work), then runs a kernel
of known work on one thread while nothing else of ours runs. `llmopt.bench.readings` says what is too much and why.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from llmopt.bench.handover import handover as pair
from llmopt.bench.host import Host
from llmopt.bench.readings import Reading, summary
from llmopt.bench.result import Noise

SETTLE_S = 0.004
"""Longer than idle threads of OpenMP spin by default."""
_STEPS = 100_000
"""Of the kernel: some milliseconds."""
_FINE_S = 1e-4
"""Resolution that a clock needs to time the kernel."""
FINE_CPU_CLOCK = time.thread_time if time.get_clock_info("thread_time").resolution <= _FINE_S else None
"""Clock of this thread's CPU time; None where it is too coarse for the kernel, as on Windows."""

_ALONE = threading.Lock()
"""Guards of several devices run in threads of one process, and their kernels would take the interpreter from each
other."""


class Machine(Protocol):
    """Counters of the operating system; `llmopt.bench.host.Host` is the real one."""

    def pressure_s(self) -> float | None:
        """Return for how long some task has waited for a CPU."""
        ...

    def waited_s(self) -> float | None:
        """Return for how long our threads have waited for a CPU."""
        ...

    def stolen(self) -> tuple[int, int] | None:
        """Return the ticks that the hypervisor gave to others, and all ticks."""
        ...


def kernel() -> int:
    """Do a known amount of work on one thread."""
    state = 1
    for step in range(_STEPS):
        state = (state * 3 + step) & 0xFFFF
    return state


def _unread() -> None:
    """Stand for a hand-over that is not read."""


class Guard:
    """Looks at the machine between batches.

    Args:
        machine: counters of the system; None for the real ones.
        clock: seconds, monotonic.
        cpu_clock: CPU seconds of this thread; None where there is no fine one.
        work: the calibration kernel.
        sleep: waits until threads have fallen asleep.
        handover: reads the time of a hand-over between CPUs; None for the real one, where it means something.
    """

    def __init__(
        self,
        *,
        machine: Machine | None = None,
        clock: Callable[[], float] = time.perf_counter,
        cpu_clock: Callable[[], float] | None = FINE_CPU_CLOCK,
        work: Callable[[], object] = kernel,
        sleep: Callable[[float], object] = time.sleep,
        handover: Callable[[], float | None] | None = None,
    ) -> None:
        self._pair = None if handover else pair()
        self._handover = handover or (self._pair.read_s if self._pair else _unread)
        self._machine = Host() if machine is None else machine
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._work = work
        self._sleep = sleep
        self._readings: list[Reading] = []
        self._stolen = self._machine.stolen()
        self._waited = self._machine.waited_s()
        self._last_s = clock()

    @property
    def last_s(self) -> float:
        """When the last reading ended, by the guard's clock."""
        return self._last_s

    def reading(self, *, waits: bool = False) -> Reading:
        """Run the calibration kernel now (some milliseconds) and return what it showed.

        Args:
            waits: whether to count the time that our threads waited for a CPU since the last reading; not where they
                wait for each other (more threads than CPUs, clients beside a server).
        """
        elapsed_s = self._clock() - self._last_s
        waited = self._machine.waited_s()
        waiting = None
        if waits and waited is not None and self._waited is not None and elapsed_s > 0:
            waiting = max(waited - self._waited, 0.0) / elapsed_s
        with _ALONE:
            self._sleep(SETTLE_S)
            reading = self._calibrated(waiting, elapsed_s)
        self._readings.append(reading)
        self._waited = self._machine.waited_s()
        self._last_s = self._clock()
        return reading

    def recall(self, readings: Sequence[Reading]) -> None:
        """Add readings of an earlier part of the same run."""
        self._readings.extend(readings)

    def noise(self) -> Noise:
        """Return what all readings so far say together; a machine that nobody looked at is quiet."""
        return summary(self._readings, self._stolen_share())

    def _calibrated(self, waiting: float | None, elapsed_s: float) -> Reading:
        """Run the kernel and return what it and the system say of that time."""
        before_s, began_s = self._machine.pressure_s(), self._clock()
        cpu_s = self._cpu_clock() if self._cpu_clock else 0.0
        self._work()
        cpu_s = self._cpu_clock() - cpu_s if self._cpu_clock else 0.0
        kernel_s = max(self._clock() - began_s, 1e-9)
        after_s = self._machine.pressure_s()
        known = before_s is not None and after_s is not None
        return Reading(
            kernel_s,
            cpu_to_wall=min(cpu_s / kernel_s, 1.0) if self._cpu_clock else None,
            pressure=min(((after_s or 0.0) - (before_s or 0.0)) / kernel_s, 1.0) if known else None,
            waiting=waiting,
            elapsed_s=elapsed_s,
            handover_s=self._handover(),
        )

    def close(self) -> None:
        """End the process that helps to read; also done when the guard is forgotten."""
        if self._pair:
            self._pair.close()
        self._handover = _unread

    def _stolen_share(self) -> float | None:
        now = self._machine.stolen()
        if now is None or self._stolen is None or now[1] <= self._stolen[1]:
            return None
        return (now[0] - self._stolen[0]) / (now[1] - self._stolen[1])
