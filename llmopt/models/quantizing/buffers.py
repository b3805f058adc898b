"""How much memory a run may use: chunks and threads that fit beside what the process holds already."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from llmopt.models.quantizing.arithmetic import BUFFER_BYTES_PER_CHUNK_BYTE
from llmopt.models.quantizing.rules import LONGEST_ROW

_STATM = Path("/proc/self/statm")
CHUNK_BYTES = 1 << 20
"""Read at once. Of 0.5, 1, 2 and 4 MiB this took the least processor time: smaller ones pay for calls, larger ones
leave the cache."""
_LEAST_BYTES = 4 * LONGEST_ROW
"""One row of 32-bit numbers."""
_REST_BYTES = 24 << 20
"""For what is allocated beside the buffers: stacks of threads, libraries that load late, the plan itself."""


@dataclass(frozen=True, slots=True)
class Buffers:
    """What a run computes with."""

    threads: int
    chunk_bytes: int


def buffers(max_memory_bytes: int, threads: int) -> Buffers:
    """Return as many threads as asked for, with chunks that fit; fewer threads where even the least do not.

    Args:
        max_memory_bytes: of the whole process.
        threads: asked for.
    """
    free = max_memory_bytes - held_bytes() - _REST_BYTES
    fitting = max(1, min(threads, free // (_LEAST_BYTES * BUFFER_BYTES_PER_CHUNK_BYTE)))
    chunk = min(CHUNK_BYTES, max(_LEAST_BYTES, free // (fitting * BUFFER_BYTES_PER_CHUNK_BYTE)))
    return Buffers(fitting, chunk // 64 * 64)


def held_bytes() -> int:
    """Return the memory that this process holds; 0 where the system cannot tell."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return 0
