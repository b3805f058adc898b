"""The most memory that this process held during a batch, where the system can tell it.

Linux counts a high-water mark (`VmHWM` in `/proc/self/status`) that writing 5 to `/proc/self/clear_refs` takes back to
what is held now (proc(5)). Where that is not allowed, and on other systems, the mark only grows: a batch that pushed it
up is told its peak, of any other nothing is known.
"""

from __future__ import annotations

import sys
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class ProcessPeak:
    """High-water mark of the process between `start` and `read`.

    Args:
        status: file with the marks, as Linux writes it.
        clear: file that takes the mark back when a 5 is written to it.
    """

    def __init__(self, status: Path = _STATUS, clear: Path = _CLEAR) -> None:
        self._status = status
        self._clear = clear
        self._before: int | None = None

    def start(self) -> None:
        """Take the mark back; where that cannot be done, remember it."""
        try:
            self._clear.write_bytes(b"5")
        except OSError:
            self._before = self._mark()
        else:
            self._before = None

    def read(self) -> int | None:
        """Return the most bytes held since `start`; None where that cannot be told."""
        mark = self._mark()
        if mark is None or self._before is None:
            return mark
        return mark if mark > self._before else None

    def _mark(self) -> int | None:
        try:
            lines = self._status.read_bytes().splitlines()
        except OSError:
            return _from_resource()
        found = [line.split()[1] for line in lines if line.startswith(b"VmHWM:")]
        return int(found[0]) * 1024 if found else _from_resource()


def _from_resource() -> int | None:
    if resource is None:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
