"""Progress of a search whose end is not known: so many steps done of those foreseen."""

from __future__ import annotations

from collections.abc import Callable


class Steps:
    """Counts steps and tells of each.

    Args:
        foreseen: how many there will be; more are counted when they come.
        told: called with (done, total).
    """

    def __init__(self, foreseen: int, told: Callable[[int, int], None] | None) -> None:
        self._total = foreseen
        self._told = told
        self._done = 0

    def foresee(self, more: int) -> None:
        """Expect more steps."""
        self._total += more

    def step(self) -> None:
        """Count one."""
        self._done += 1
        self._total = max(self._total, self._done)
        if self._told is not None:
            self._told(self._done, self._total)
