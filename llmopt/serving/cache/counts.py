"""How a cache has fared in this process: hits, misses, and why answers were not kept."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

from llmopt.serving.cache.entry import Found
from llmopt.serving.cache.refused import Refused
from llmopt.serving.cache.stores.faults import LOG
from llmopt.serving.cache.stores.forking import watch_forks

_HIT = Found.HIT
"""Members of an enumeration are slow to reach through its class, and slow to hash."""


@dataclass(frozen=True, slots=True)
class CacheCounts:
    """Counts of one `ResponseCache` since it was made."""

    hits: int = 0
    """Answers from the store, to the very same question."""
    semantic: int = 0
    """Answers from the store, to a question that says the same."""
    shared: int = 0
    """Answers of a call that another caller had begun."""
    misses: int = 0
    """Requests that the store had no answer to."""
    bypassed: int = 0
    """Requests that may not be answered from a store."""
    stored: int = 0
    """Answers handed to the store."""
    failed: int = 0
    """Calls of the model that raised, or were cancelled."""
    errors: int = 0
    """What the store or `price` raised, which no request has suffered from; faults of its own a store counts itself."""
    refused: dict[str, int] = field(default_factory=dict)
    """Answers that were not kept, by reason (`Refused`)."""


class Tally:
    """Counts from many threads."""

    def __init__(self) -> None:
        """Start at nothing."""
        self._lock = threading.Lock()
        self._found: Counter[Found] = Counter()
        self._refused: Counter[Refused] = Counter()
        self._hits = 0
        self._stored = 0
        self._failed = 0
        self._raised: Counter[str] = Counter()
        watch_forks(self)

    def before_fork(self) -> None:
        """Do nothing: no lock is waited for in the child."""

    def after_fork(self, *, child: bool) -> None:
        """Take a lock that no thread of the parent holds."""
        if child:
            self._lock = threading.Lock()

    def found(self, found: Found) -> None:
        """Count a request by where its answer came from."""
        with self._lock:
            if found is _HIT:  # the one that has to be fast
                self._hits += 1
            else:
                self._found[found] += 1

    def kept(self, refused: Refused | None) -> Refused | None:
        """Count an answer that was kept (None), or why it was not, and return that."""
        with self._lock:
            if refused is None:
                self._stored += 1
            else:
                self._refused[refused] += 1
        return refused

    def failed(self) -> None:
        """Count a call that raised."""
        with self._lock:
            self._failed += 1

    def raised(self, doing: str, error: Exception) -> None:
        """Count an error that no request suffers from; the first of a kind is logged."""
        with self._lock:
            self._raised[doing] += 1
            first = self._raised[doing] == 1
        if first:
            LOG.warning("%s raised %s: %s; requests go on without it", doing, type(error).__name__, error)

    def counts(self) -> CacheCounts:
        """Return the counts as they are now."""
        with self._lock:
            return CacheCounts(
                hits=self._hits,
                semantic=self._found[Found.SEMANTIC],
                shared=self._found[Found.SHARED],
                misses=self._found[Found.MISS],
                bypassed=self._found[Found.BYPASS],
                stored=self._stored,
                failed=self._failed,
                errors=self._raised.total(),
                refused={str(reason): count for reason, count in self._refused.most_common()},
            )
