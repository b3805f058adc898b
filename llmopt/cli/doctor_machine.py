"""The machine, as far as it decides how fast llmopt is: processors, memory, GPUs, the terminal."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from decimal import Decimal
from importlib import metadata
from pathlib import Path

from llmopt import __version__
from llmopt.bench.environment import cpu_count
from llmopt.core.diagnosis import Finding
from llmopt.models import nvml
from llmopt.report.text import byte_size

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_LITTLE_BYTES = 2 * 2**30
_KIB = 1024


def program() -> Iterator[Finding]:
    """Yield what runs here, and where it writes to."""
    yield Finding("program", "llmopt", f"{__version__}, in {Path(__file__).parents[1]}")
    yield Finding("program", "python", f"{platform.python_version()}, {sys.executable}")
    yield Finding("program", "platform", f"{platform.system()} {platform.release()} {platform.machine()}")
    encoding = (sys.stdout.encoding or "").lower()
    if sys.stdout.isatty():
        color = "no colour" if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else "colour"
        columns = shutil.get_terminal_size().columns
        yield Finding("program", "output", f"a terminal of {columns} columns, {color}, {encoding}")
    else:
        yield Finding("program", "output", f"no terminal: plain text, never cut, {encoding}")


def machine() -> Iterator[Finding]:
    """Yield processors, memory and GPUs."""
    cores = cpu_count()
    yield Finding("machine", "processors", f"{cores} of {os.cpu_count() or cores} for this process")
    yield _memory()
    for name in _THREADS:
        value = os.environ.get(name)
        if value:
            few = value.isdecimal() and int(value) < cores
            hint = f"models use {value} of {cores} processors; unset it for all" if few else ""
            yield Finding("machine", name, value, "note" if few else "ok", hint)
    yield from _gpus()


def _memory() -> Finding:
    total = _meminfo().get("MemTotal")
    if total is None:
        return Finding("machine", "memory", "unknown", "note")
    limit = min([total, *_cgroup_limits()])
    inside = f" of {byte_size(Decimal(total))}, by the limit of the container" if limit < total else ""
    value = f"{byte_size(Decimal(limit))}{inside}"
    if limit < _LITTLE_BYTES:
        return Finding("machine", "memory", value, "note", "give --memory 128MB where a run is killed")
    return Finding("machine", "memory", value)


def _meminfo(path: Path = Path("/proc/meminfo")) -> dict[str, int]:
    """Return bytes by name; nothing where the system has no such file."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    fields = [line.split() for line in lines]
    return {name.rstrip(":"): int(size) * _KIB for name, size, *_ in fields}


def _cgroup_limits() -> list[int]:
    found = []
    for path in _LIMITS:
        try:
            text = path.read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdecimal():
            found.append(int(text))
    return found


def _gpus() -> Iterator[Finding]:
    names = nvml.names()
    torch = _version("torch")
    for number, name in enumerate(names):
        idle = torch is not None and "+cpu" in torch
        hint = "torch here is a build for processors: install the one for CUDA" if idle else ""
        yield Finding("machine", f"GPU {number}", name, "problem" if idle else "ok", hint)
    if not names:
        seen = "none" if nvml.MODULE is not None else "none is seen; nvidia-ml-py, which would tell, is not installed"
        hint = "" if nvml.MODULE is not None else "pip install 'llmopt[bench]'"
        yield Finding("machine", "GPU", seen, "ok" if nvml.MODULE is not None else "note", hint)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
