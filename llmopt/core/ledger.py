"""A mergeable total of records, keyed by all that their price depends on.

Adding is associative and commutative, so a log may be read in any order, in parts, on several machines: merging
the parts gives what reading the whole gives. Pricing comes afterwards, once a key, in exact decimals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import reduce

from llmopt.core.counted import Counted
from llmopt.core.money import EXACT
from llmopt.core.usage import Usage


@dataclass(frozen=True, slots=True)
class Key:
    """What the records of one ledger entry share."""

    format: str
    outcome: int
    """As `llmopt.cost.spec.row.Outcome`; records of one entry have the same fate."""
    model: str | None = None
    """As logged."""
    provider: str | None = None
    """As logged."""
    tier: str = "default"
    epoch: date | None = None
    """First UTC day of the stretch between two price changes (of any model) that the records lie in; None when
    they have no timestamp."""
    minute: int = 0
    """First minute of the part of the day, for models with prices by the hour."""
    band: int = 0
    """Largest long-context threshold that each record's input exceeds, in tokens; 0 for none."""
    groups: tuple[str | None, ...] = ()
    """Values of the groups asked for, in the order asked."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the records of one key add up to."""

    records: int = 0
    requests: int = 0
    """More than `records` where a record adds up several requests."""
    usage: Usage = field(default_factory=Usage)
    reported_usd: Decimal | None = None
    """Sum of what the log says the records cost; None when none says."""
    first: datetime | None = None
    last: datetime | None = None
    untimed: int = 0
    """Records without a readable timestamp."""
    naive: int = 0
    """Records whose time zone was assumed to be UTC."""
    counted: Counted | None = None
    """The part of `usage` that was counted from text instead of billed; None where all was billed."""

    def __add__(self, other: Entry) -> Entry:
        costs = [cost for cost in (self.reported_usd, other.reported_usd) if cost is not None]
        firsts = [stamp for stamp in (self.first, other.first) if stamp is not None]
        lasts = [stamp for stamp in (self.last, other.last) if stamp is not None]
        return Entry(
            records=self.records + other.records,
            requests=self.requests + other.requests,
            usage=self.usage + other.usage,
            reported_usd=reduce(EXACT.add, costs) if costs else None,
            first=min(firsts, default=None),
            last=max(lasts, default=None),
            untimed=self.untimed + other.untimed,
            naive=self.naive + other.naive,
            counted=_both(self.counted, other.counted),
        )


class Ledger:
    """Entries by key."""

    def __init__(self) -> None:
        self._entries: dict[Key, Entry] = {}

    def add(self, key: Key, entry: Entry) -> None:
        """Add records to the entry of `key`."""
        known = self._entries.get(key)
        self._entries[key] = entry if known is None else known + entry

    def merge(self, other: Ledger) -> None:
        """Add everything of another ledger to this one."""
        for key, entry in other:
            self.add(key, entry)

    def __iter__(self) -> Iterator[tuple[Key, Entry]]:
        return iter(self._entries.items())

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ledger) and self._entries == other._entries

    __hash__ = None  # type: ignore[assignment]  # a ledger changes

    def records(self, outcome: int) -> int:
        """Return how many records met this fate."""
        return sum(entry.records for key, entry in self if key.outcome == outcome)


def _both(one: Counted | None, other: Counted | None) -> Counted | None:
    """Add up what either may lack; most entries lack both, and then nothing is added."""
    if one is None or other is None:
        return one or other
    return one + other
