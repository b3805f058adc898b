"""Beside the work: how far a search is whose end is not known, and how much memory was held meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from llmopt.models.memory import ProcessPeak


class Steps:
    """Counts steps and tells of each.

    Args:
        foreseen: how many there will be; more are counted when they come.
        told: called with (done, total, what is being done).
    """

    def __init__(self, foreseen: int, told: Callable[[int, int, str], None] | None) -> None:
        self._total = foreseen
        self._told = told
        self._done = 0

    def foresee(self, more: int) -> None:
        """Expect more steps."""
        self._total += more

    def tell(self, text: str) -> None:
        """Say what is being done."""
        if self._told is not None:
            self._told(self._done, self._total, text)

    @contextmanager
    def during(self, text: str) -> Iterator[None]:
        """Say what is being done, and count a step when it is."""
        self.tell(text)
        yield
        self._done += 1
        self._total = max(self._total, self._done)
        self.tell(text)


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
