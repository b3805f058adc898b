"""How long a cache line takes from one CPU to the other and back: a ping-pong of two processes.

A hypervisor may move the two CPUs of a small machine apart, to other cores of its host, for seconds or minutes. Each of
the many hand-overs between the threads of a model then takes several times as long, and small batches take longer;
CPU time, pressure and single-thread kernels show nothing of it. With exactly two CPUs the pair that is measured
is the pair that the model uses; with more it would tell of any two, so it is not read.
"""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import tempfile
import time
import weakref

_PING, _PONG, _READY = 0, 128, 255
"""Where each side writes, on cache lines of their own; and what says that the partner spins."""
_ROUNDS, _TRIES = 200, 3
_PATIENCE_S = 0.005
"""How long a side spins for the other one, which may have no CPU."""
_PARTNER = f"""
import mmap, os, sys
os.sched_setaffinity(0, {{int(sys.argv[2])}})
line = mmap.mmap(int(sys.argv[1]), 4096)
while sys.stdin.buffer.read(1):
    line[{_PONG}] = {_READY}
    for turn in range(1, {_ROUNDS} + 1):
        spins = 0
        while line[{_PING}] != turn and spins < 100000:
            spins += 1
        if line[{_PING}] != turn:
            break
        line[{_PONG}] = turn
"""


class Handover:
    """Measures the hand-over between two CPUs; the partner sleeps between readings.

    Args:
        cpus: the one that reads, and the partner's.
    """

    def __init__(self, cpus: tuple[int, int]) -> None:
        self._cpus = cpus
        with tempfile.TemporaryFile() as file:
            file.truncate(4096)
            self._line = mmap.mmap(file.fileno(), 4096)
            self._partner = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _PARTNER, str(file.fileno()), str(cpus[1])],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(file.fileno(),),
                bufsize=0,
            )
        self._end = weakref.finalize(self, _ended, self._partner)

    def read_s(self) -> float | None:
        """Return the time of a way there and back, the shortest of a few tries; None where the partner got no CPU."""
        if not self._end.alive:
            return None
        allowed = os.sched_getaffinity(0)
        try:
            os.sched_setaffinity(0, {self._cpus[0]})
        except OSError:
            return None
        try:
            tries = [self._try() for _ in range(_TRIES)]
        finally:
            os.sched_setaffinity(0, allowed)
        return min((took_s for took_s in tries if took_s is not None), default=None)

    def close(self) -> None:
        """End the partner; garbage collection and the end of the process do so, too."""
        self._end()

    def _try(self) -> float | None:
        self._line[_PING] = self._line[_PONG] = 0
        try:
            if self._partner.stdin:
                self._partner.stdin.write(b"x")
        except OSError:
            return None
        if not self._awaited(_READY):
            return None
        began_s = time.perf_counter()
        for turn in range(1, _ROUNDS + 1):
            self._line[_PING] = turn
            if not self._awaited(turn):
                return None
        return (time.perf_counter() - began_s) / _ROUNDS

    def _awaited(self, value: int) -> bool:
        """Spin until the partner has written a value; say whether it did."""
        line = self._line
        for _ in range(200):
            if line[_PONG] == value:
                return True
        end_s = time.perf_counter() + _PATIENCE_S
        while line[_PONG] != value:
            if time.perf_counter() > end_s:
                return False
        return True


def _ended(partner: subprocess.Popen[bytes]) -> None:
    if partner.stdin:
        partner.stdin.close()
    partner.wait()


def handover() -> Handover | None:
    """Return what measures the hand-over; None unless this process has exactly two CPUs and may choose one (Linux)."""
    affinity = getattr(os, "sched_getaffinity", None)
    cpus = sorted(affinity(0)) if affinity is not None else []
    if len(cpus) != 2 or not sys.executable:
        return None
    try:
        return Handover((cpus[0], cpus[1]))
    except OSError:
        return None
