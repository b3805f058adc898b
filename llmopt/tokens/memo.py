"""A bounded memory of what texts counted to: prompts repeat, and so do their beginnings.

Two generations instead of a list by last use: what is asked for again moves to the young one, and when that is full
the old one is dropped whole. Looking up costs one or two dictionary reads and no bookkeeping.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Value = TypeVar("Value")
_ENTRY_BYTES = 150
"""Rough cost of an entry beside its text: the slot in the table and the value."""
DEFAULT_BYTES = 64 * 2**20


@dataclass(slots=True)
class Memo(Generic[Value]):
    """Values by text, within `max_bytes` of memory (roughly), least recently used first out."""

    max_bytes: int = DEFAULT_BYTES
    hits: int = 0
    misses: int = 0
    _young: dict[str, Value] = field(default_factory=dict)
    _old: dict[str, Value] = field(default_factory=dict)
    _young_bytes: int = 0

    def get(self, text: str) -> Value | None:
        """Return the value of `text`, or None."""
        found = self._young.get(text)
        if found is None:
            found = self._old.get(text)
            if found is None:
                self.misses += 1
                return None
            self._store(text, found)
        self.hits += 1
        return found

    def put(self, text: str, value: Value) -> None:
        """Remember the value of `text`; one that would take more than an eighth of the memory is not kept."""
        if _bytes_of(text) <= self.max_bytes // 8:
            self._store(text, value)

    def _store(self, text: str, value: Value) -> None:
        if text not in self._young:
            self._young_bytes += _bytes_of(text)
        if self._young_bytes > self.max_bytes // 2:
            self._old, self._young = self._young, {}
            self._young_bytes = _bytes_of(text)
        self._young[text] = value

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

    @property
    def hit_rate(self) -> float:
        """Share of the look-ups that were answered; 0 when there were none."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else 0.0


def _bytes_of(text: str) -> int:
    return sys.getsizeof(text) + _ENTRY_BYTES
