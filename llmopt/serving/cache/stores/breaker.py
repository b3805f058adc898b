"""A circuit breaker: who has failed several times in a row is left alone for a while, then tried by one caller.

Source: M. Nygard, "Release It!", 2nd edition, 2018, chapter 5, "Circuit Breaker".
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import StrEnum

FAILURES = 3
"""In a row, before it opens."""
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0


class State(StrEnum):
    """What a caller may do."""

    CLOSED = "closed"
    """Go on."""
    OPEN = "open"
    """Nothing, until the pause is over."""
    HALF_OPEN = "half-open"
    """The pause is over: one caller tries, and the others wait for what comes of it."""


class Breaker:
    """Counts failures in a row; each failed try doubles the pause. For many threads."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        failures: int = FAILURES,
        first_pause_s: float = FIRST_PAUSE_S,
        longest_pause_s: float = LONGEST_PAUSE_S,
    ) -> None:
        """Begin closed.

        Args:
            clock: seconds that only go forward.
            failures: in a row, before it opens.
            first_pause_s: how long it stays open at first.
            longest_pause_s: how long at most.
        """
        self._clock = clock
        self._most = failures
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._lock = threading.Lock()
        self._failed = 0
        self._pause_s = 0.0
        """0 while it is closed."""
        self._until_s = 0.0
        self._trying = False

    @property
    def state(self) -> State:
        """What a caller may do now."""
        if not self._pause_s:
            return State.CLOSED
        return State.OPEN if self._clock() < self._until_s else State.HALF_OPEN

    def enter(self) -> bool:
        """Return whether the caller may try; it then says what came of it with `succeeded` or `failed`.

        Of several callers who come when a pause is over, one may. Should it never say what came of it (it was
        cancelled), another one may after a pause.
        """
        if not self._pause_s:
            return True
        with self._lock:
            now_s = self._clock()
            if self._pause_s and now_s < self._until_s:
                return False
            if self._pause_s:
                self._until_s, self._trying = now_s + self._pause_s, True
            return True

    def succeeded(self) -> None:
        """Close it: there was an answer."""
        if self._failed:
            with self._lock:
                self._failed, self._pause_s, self._trying = 0, 0.0, False

    def failed(self) -> None:
        """Count a failure; open it at the last one in a row, and for longer when a try failed."""
        with self._lock:
            self._failed += 1
            if self._trying:
                self._pause_s = min(2 * self._pause_s, self._longest_pause_s)
            elif self._failed >= self._most and not self._pause_s:
                self._pause_s = self._first_pause_s
            else:
                return  # one of those that were under way when it opened says nothing new
            self._trying = False
            self._until_s = self._clock() + self._pause_s
