"""What the operating system tells of how busy the machine is: waiting for a CPU, pressure, stolen time.

Linux tells all of it in small files; elsewhere, or where a file may not be read, a reading is None. Sources: the
kernel's Documentation/accounting/psi.rst, Documentation/scheduler/sched-stats.rst (`schedstat` of a task: nanoseconds
on a CPU, nanoseconds waiting for one, time slices) and proc(5) for `/proc/stat` and `children`.
"""

from __future__ import annotations

from pathlib import Path

_SELF = "self"


class Host:
    """Reads counters that only grow; the difference of two readings is what happened between them.

    Args:
        proc: the folder of processes.
        pressure: files of CPU pressure, the first one that can be read is used: that of our own control group tells of
            this container only, the other one of the whole machine.
    """

    def __init__(
        self,
        proc: Path = Path("/proc"),
        pressure: tuple[Path, ...] = (Path("/sys/fs/cgroup/cpu.pressure"), Path("/proc/pressure/cpu")),
    ) -> None:
        self._proc = proc
        self._pressure = pressure

    def pressure_s(self) -> float | None:
        """Return for how long some task has waited for a CPU (PSI, `some`)."""
        for path in self._pressure:
            fields = _read(path).split()
            if len(fields) > 4 and fields[0] == "some" and fields[4].startswith("total="):
                return int(fields[4].removeprefix("total=")) / 1e6
        return None

    def waited_s(self) -> float | None:
        """Return for how long the threads of this process and of its children have waited for a CPU, all together."""
        own = _tasks(self._proc / _SELF / "task")
        processes = [_SELF, *(child for task in own for child in _read(task / "children").split())]
        waits = [_waited_ns(task) for name in processes for task in _tasks(self._proc / name / "task")]
        known = [wait for wait in waits if wait is not None]
        return sum(known) / 1e9 if known else None

    def stolen(self) -> tuple[int, int] | None:
        """Return the ticks that the hypervisor gave to other machines, and all ticks."""
        fields = _read(self._proc / "stat").split("\n", 1)[0].split()
        if len(fields) < 9 or fields[0] != "cpu":
            return None
        ticks = [int(field) for field in fields[1:9]]
        return ticks[7], sum(ticks)


def _read(path: Path) -> str:
    """Return the text of a small file; nothing where it is not there, may not be read, or its task has ended."""
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""


def _tasks(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _waited_ns(task: Path) -> int | None:
    fields = _read(task / "schedstat").split()
    return int(fields[1]) if len(fields) == 3 else None
