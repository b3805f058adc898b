"""Standard input while it comes: a thread reads it, and whoever looks takes what is there."""

from __future__ import annotations

import os
import queue
import threading
from contextlib import suppress
from pathlib import Path

_BLOCK = 1 << 20
_MOST_BLOCKS = 64
"""Read ahead; then the writer waits."""


class Stream:
    """What comes through a pipe.

    Args:
        descriptor: of the pipe; read below Python's own buffer, which a thread that waits would keep locked at the end.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._blocks: queue.Queue[bytes] = queue.Queue(_MOST_BLOCKS)
        self.ended = False
        """Whether all of it was taken."""
        threading.Thread(target=self._pump, daemon=True, name="llmopt-stdin").start()

    def take(self, target: Path) -> None:
        """Append what has come to a file."""
        with target.open("ab") as out:
            while not self.ended:
                try:
                    block = self._blocks.get_nowait()
                except queue.Empty:
                    return
                self.ended = not block
                out.write(block)

    def _pump(self) -> None:
        with suppress(OSError):  # a pipe that breaks has ended
            while block := os.read(self._descriptor, _BLOCK):
                self._blocks.put(block)
        self._blocks.put(b"")
