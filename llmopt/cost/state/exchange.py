"""Take a part out of a total and put another in its place, without adding up the rest again.

Counts can be taken back, the first and the last time of many records cannot: what the others' are is only known where
the part taken out did not have the extreme, or where the part put in has it again. Else the total must be made anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from llmopt.core.ledger import Entry, Ledger
from llmopt.core.money import EXACT
from llmopt.core.usage import BUCKETS, Usage
from llmopt.cost.partial import Partial

_COUNTERS = ("seen", "skipped", "duplicates")


def summed(parts: Iterable[Partial]) -> Partial:
    """Add up what is final in parts."""
    total = Partial()
    for part in parts:
        total.ledger.merge(part.ledger)
        for name in _COUNTERS:
            setattr(total, name, getattr(total, name) + getattr(part, name))
    return total


def exchanged(total: Partial, old: Partial, new: Partial) -> Partial | None:
    """Return the total with `new` in the place of `old`; None where it must be added up again from all parts."""
    ledger = Ledger()
    olds, news = dict(old.ledger), dict(new.ledger)
    for key, entry in total.ledger:
        rest = _without(entry, olds.pop(key, None), news.get(key))
        if rest is None:
            return None
        if rest.records:
            ledger.add(key, rest)
    if olds:
        return None
    ledger.merge(new.ledger)
    found = Partial(ledger=ledger)
    for name in _COUNTERS:
        setattr(found, name, getattr(total, name) - getattr(old, name) + getattr(new, name))
    return found


def _without(entry: Entry, old: Entry | None, new: Entry | None) -> Entry | None:
    """Return the entry without `old`, of which `new` comes back; None where that cannot be told.

    Its first and last time may be too wide where `new` makes them so again.
    """
    if old is None:
        return entry
    if entry.records == old.records:
        return Entry() if entry == old else None
    if entry.records < old.records or entry.counted is not None:
        return None
    if old.reported_usd is None or entry.reported_usd is None:
        return _less(entry, old, new)
    if new is None or new.reported_usd is None:
        return None  # whether the rest has reported costs is only sure where some come back
    rest = _less(entry, old, new)
    return rest and replace(rest, reported_usd=EXACT.subtract(entry.reported_usd, old.reported_usd))


def _less(entry: Entry, old: Entry, new: Entry | None) -> Entry | None:
    first, last = (new.first, new.last) if new is not None else (None, None)
    if old.first is not None and old.first == entry.first and (first is None or first > old.first):
        return None
    if old.last is not None and old.last == entry.last and (last is None or last < old.last):
        return None
    usage = Usage(*(getattr(entry.usage, name) - getattr(old.usage, name) for name in BUCKETS))
    return replace(
        entry,
        records=entry.records - old.records,
        requests=entry.requests - old.requests,
        usage=usage,
        untimed=entry.untimed - old.untimed,
        naive=entry.naive - old.naive,
    )
