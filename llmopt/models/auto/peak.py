"""Memory of this process while a report is made: the most it held, and how much of that was added on the way."""

from __future__ import annotations

from llmopt.models.memory import ProcessPeak


class Peak:
    """Measures from when it is made."""

    def __init__(self) -> None:
        self._peak = ProcessPeak()
        self._peak.start()
        self._before = self._peak.read() or 0

    def read(self) -> tuple[int, int]:
        """Return the most bytes held, and these above what was held at the start; 0 where they cannot be told."""
        most = self._peak.read() or self._before
        return most, max(most - self._before, 0)
