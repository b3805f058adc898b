"""What the system tells of this machine's processor; loads no heavy library."""

from __future__ import annotations

import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
"""The file in which Linux tells of processors."""


def processor_name(cpuinfo: Path = CPUINFO) -> str:
    """Return the name that Linux has for the processor, elsewhere what Python knows; never empty.

    Args:
        cpuinfo: the file in which Linux tells it.
    """
    return told(cpuinfo, "model name") or platform.processor() or platform.machine() or "unknown"


def told(cpuinfo: Path, *fields: str) -> str | None:
    """Return the first value of any of the fields; None where the file is not there or has none of them.

    Args:
        cpuinfo: the file in which Linux tells it.
        fields: what lines begin with.
    """
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(fields)), None)
