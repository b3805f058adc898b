"""What other processes take of our CPUs during a load.

While a load runs, the threads of the model, of the event loop and of the batcher wait for each other by themselves, so
that waiting and pressure tell of nothing. What the CPUs did in all, less what this process and its children did, does.

Linux only: `/proc/stat` for each CPU, `/proc/<pid>/stat` and `children` of each thread (proc(5)).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

_IDLE, _IOWAIT, _STEAL = 3, 4, 7
_FIELDS = 8
_USER, _CHILDREN_SYSTEM = 11, 15
"""Of what follows the name in `/proc/<pid>/stat`: CPU time of a process and of its children that have ended."""


class Others:
    """Counts CPU time between `start` and `share`.

    Args:
        proc: the folder of processes.
        cpus: numbers of those that this process may use; None: ask.
        clock: seconds, monotonic.
        tick_s: of the kernel's counters; None: ask.
    """

    def __init__(
        self,
        proc: Path = Path("/proc"),
        cpus: frozenset[int] | None = None,
        *,
        clock: Callable[[], float] = time.perf_counter,
        tick_s: float | None = None,
    ) -> None:
        self._proc = proc
        self._cpus = frozenset(_cpus()) if cpus is None else cpus
        self._clock = clock
        self._tick_s = tick_s or 1 / _ticks_per_s()
        self._began: tuple[float, int, int] | None = None

    def start(self) -> None:
        """Begin to count."""
        self._began = self._now()

    def share(self) -> float | None:
        """Return the share of the CPUs' time since `start` that others took; None where the system does not tell."""
        began, now = self._began, self._now()
        if began is None or now is None or now[0] <= began[0]:
            return None
        others = (now[1] - began[1]) - (now[2] - began[2])
        return max(0.0, others * self._tick_s / ((now[0] - began[0]) * len(self._cpus)))

    def _now(self) -> tuple[float, int, int] | None:
        """Return the time, the ticks in which our CPUs did anything, and those of our own processes."""
        busy = [
            sum(ticks for place, ticks in enumerate(counts) if place not in (_IDLE, _IOWAIT, _STEAL))
            for cpu, counts in self._counts()
            if cpu in self._cpus
        ]
        if not self._cpus or len(busy) != len(self._cpus):
            return None
        return self._clock(), sum(busy), self._own("self", set())

    def _counts(self) -> list[tuple[int, list[int]]]:
        found = []
        for line in _read(self._proc / "stat").splitlines():
            name, *fields = line.split()
            if name.startswith("cpu") and name[3:].isdigit():
                found.append((int(name[3:]), [int(field) for field in fields[:_FIELDS]]))
        return found

    def _own(self, process: str, seen: set[str]) -> int:
        """Return the ticks of a process and all below it."""
        seen.add(process)
        fields = _read(self._proc / process / "stat").rpartition(")")[2].split()
        ticks = sum(int(field) for field in fields[_USER:_CHILDREN_SYSTEM]) if len(fields) > _CHILDREN_SYSTEM else 0
        for task in _listed(self._proc / process / "task"):
            for child in _read(task / "children").split():
                if child not in seen:
                    ticks += self._own(child, seen)
        return ticks


def _cpus() -> set[int]:
    affinity = getattr(os, "sched_getaffinity", None)
    return affinity(0) if affinity is not None else set()


def _ticks_per_s() -> int:
    return os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def _read(path: Path) -> str:
    """Return the text of a small file; nothing where it is not there, may not be read, or its process has ended."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
