"""What goes wrong in a store: counted, kept for its figures, and logged once until it works again."""

from __future__ import annotations

from logging import getLogger
from threading import Lock

LOG = getLogger("llmopt.serving.cache")


class Faults:
    """Counts failures of one store."""

    def __init__(self, store: str) -> None:
        """Begin with none.

        Args:
            store: what the log calls it.
        """
        self.count = 0
        """Operations that failed."""
        self.last = ""
        """What was said last."""
        self._store = store
        self._failing: set[str] = set()
        self._lock = Lock()

    def note(self, doing: str, error: object) -> None:
        """Count a failure of something that the store does; the first one in a row is logged."""
        with self._lock:
            self.count += 1
            self.last = f"{doing}: {error}"
            first = doing not in self._failing
            self._failing.add(doing)
        if first:
            LOG.warning("%s: %s: %s; this counts as a miss until it works again", self._store, doing, error)

    def fine(self, doing: str) -> None:
        """Say that something works; its next failure is logged again."""
        if self._failing:
            with self._lock:
                self._failing.discard(doing)

    def renew_lock(self) -> None:
        """Take a new lock in a forked process: a thread that is not there may have held the old one."""
        self._lock = Lock()

    def say(self, what: str) -> None:
        """Log what users should know, and keep it as the last thing said."""
        self.last = what
        LOG.warning("%s", what)
