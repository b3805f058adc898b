"""Count rejected records by kind of reason, and remember where the first of each is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from llmopt.cost.result import Rejected

_VARIABLE = re.compile(r"'[^']*'|-?\d+")


@dataclass(frozen=True, slots=True)
class Reject:
    """Records rejected for one kind of reason."""

    reason: str
    """Of the first one."""
    count: int
    file: str
    """Of the first one."""
    line: int
    """Of the first one, from 1."""


class Rejects:
    """Rejected records by kind of reason, each with the first place."""

    def __init__(self) -> None:
        self._found: dict[str, Reject] = {}

    def add(self, reason: str, file: str, line: int) -> None:
        """Count one rejected record; `reason` may hold values, records with other values count with it."""
        self.take(Reject(reason, 1, file, line))

    def take(self, found: Reject) -> None:
        """Count records that were rejected for one kind of reason."""
        kind = _VARIABLE.sub("", found.reason)
        known = self._found.get(kind, Reject(found.reason, 0, found.file, found.line))
        self._found[kind] = Reject(known.reason, known.count + found.count, known.file, known.line)

    def merge(self, other: Rejects, lines_before: Mapping[str, int] | None = None) -> None:
        """Add what another part of the log rejected, which comes after this one.

        Args:
            other: the other part's; unchanged.
            lines_before: file -> lines of it that lie before the other part.
        """
        for found in other.kinds():
            before = (lines_before or {}).get(found.file, 0)
            self.take(Reject(found.reason, found.count, found.file, found.line + before))

    def kinds(self) -> tuple[Reject, ...]:
        """Return one entry a kind of reason, in the order in which they were met."""
        return tuple(self._found.values())

    def listed(self) -> tuple[Rejected, ...]:
        """Return the reasons, most frequent first."""
        found = [Rejected(one.reason, one.count, f"{one.file}:{one.line}") for one in self.kinds()]
        return tuple(sorted(found, key=lambda item: (-item.count, item.first, item.reason)))

    @property
    def count(self) -> int:
        """How many records were rejected."""
        return sum(found.count for found in self.kinds())
