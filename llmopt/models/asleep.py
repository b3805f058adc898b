"""Wait until the threads of other models have fallen asleep, so that they do not take the CPU from the one timed next.

Pools of threads spin for a while after their work in case there is more: milliseconds for OpenMP of GCC and OpenVINO,
a tenth of a second for ONNX Runtime, longer for OpenMP of Intel. A thread that spins is running for
the system (state `R` in `/proc/PID/task/TID/stat`, proc(5)), so that is what is looked at; where it cannot be, a short
sleep has to do.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

MOST_S = 0.4
"""Longer than any pool spins by default; who still runs then has work of its own."""
BLIND_S = 0.05
"""To wait where the system does not tell."""
_STEP_S = 0.001
_RUNNING = b"R"


def wait_asleep(
    pids: Sequence[int],
    *,
    but: int | None = None,
    proc: Path = Path("/proc"),
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], object] = time.sleep,
) -> bool:
    """Wait until no thread of some processes runs, and say whether that came true.

    Args:
        pids: numbers of the processes; one that is gone is asleep.
        but: number of a thread that does not count.
        proc: where the system tells of processes.
        clock: seconds, monotonic.
        sleep: waits.
    """
    if not (proc / "self" / "task").is_dir():
        sleep(BLIND_S)
        return True
    end_s = clock() + MOST_S
    while any(_runs(proc / str(pid) / "task", str(but)) for pid in pids):
        if clock() >= end_s:
            return False
        sleep(_STEP_S)
    return True


def wait_alone() -> bool:
    """Wait until no thread of this process runs but the one that calls, and say whether that came true."""
    return wait_asleep((os.getpid(),), but=threading.get_native_id())


def _runs(tasks: Path, but: str) -> bool:
    """Say whether a thread runs or waits for a CPU; the name before its state may hold anything, brackets too."""
    try:
        found = [task / "stat" for task in tasks.iterdir() if task.name != but]
        states = [stat.read_bytes().rpartition(b") ")[2][:1] for stat in found]
    except OSError:  # a thread that ended meanwhile: look again
        return tasks.is_dir()
    return _RUNNING in states
