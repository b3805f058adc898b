"""From the totals of a state to a report: take the days and groups that are asked for, and price them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from llmopt.core.ledger import Entry, Key
from llmopt.cost.groups import BY_TIME, FROM_PRICE
from llmopt.cost.partial import Partial
from llmopt.cost.query import DUPLICATE
from llmopt.cost.read import Reading
from llmopt.cost.rejects import Reader
from llmopt.cost.sniff import Sniffer
from llmopt.cost.spec.row import Outcome
from llmopt.cost.state.asked import Asked
from llmopt.cost.state.balance import named_parts
from llmopt.cost.state.by_file import DAY
from llmopt.cost.state.changes import Known
from llmopt.cost.state.open_rows import ranking
from llmopt.cost.state.store import Set, Store


def reading_of(asked: Asked, store: Store, totals: Set, files: Sequence[Known]) -> Reading:
    """Return what reading all files at once would give.

    Args:
        asked: the days and groups.
        store: where the parts of odd files are.
        totals: brought up to date.
        files: all of them, in order.
    """
    reading = Reading(files=[known.shown for known in files])
    odd = _finished(asked, store, totals, files, reading)
    for part in (totals.final or Partial(), totals.ranked or Partial(), odd):
        reading.seen += part.seen
        reading.skipped += part.skipped
        reading.duplicates += part.duplicates
        for key, entry in part.ledger:
            _take(reading, asked, key, entry)
    reading.check()
    return reading


def _finished(asked: Asked, store: Store, totals: Set, files: Sequence[Known], reading: Reading) -> Partial:
    """Return what the records come to that were read one by one and have an identity; enter what was rejected."""
    odd = [known for known in files if known.is_odd]
    given = asked.prepared.settings
    settings = replace(asked.settings, since=given.since, until=given.until, dedupe=totals.dedupe)
    found = Partial()
    reader = Reader(Sniffer(settings.formats), settings.plan(), found)
    parts = dict(named_parts(store, odd))
    for known in odd:
        part = parts[known.id]
        reading.rejects.merge(part.rejects)
        reader.concede([], [], part.answers)
        for identity, kept in part.kept:
            reader.adopt(identity, kept)
    keys = reader.claims()[0]
    order = {known.id: known.shown for known in files if known.rows}
    if keys and order:
        paths = [store.row_path(name) for name in sorted({known.rows for known in files if known.rows})]
        with ranking(settings, paths, totals.variants) as rows:
            reader.concede(rows.booked(order, keys), [])
    reader.finish()
    return found


def _take(reading: Reading, asked: Asked, key: Key, entry: Entry) -> None:
    """Enter records of one key, if their day is asked for."""
    day = key.groups[DAY]
    if not asked.is_within(day):
        reading.skipped += entry.records
    elif key.outcome == DUPLICATE:
        reading.duplicates += entry.records
    elif key.outcome == Outcome.FREE:
        reading.free += entry.records
        reading.ledger.add(Key(key.format, key.outcome), entry)
    else:
        reading.ledger.add(_asked_key(asked, key, day), entry)


def _asked_key(asked: Asked, key: Key, day: str | None) -> Key:
    """Return the key under which a run without a state would enter the same records."""
    stamp = datetime.fromisoformat(day).replace(tzinfo=UTC) if day else None
    own = dict(zip(asked.settings.by, key.groups, strict=True))
    groups = tuple(
        (BY_TIME[name](stamp) if stamp else None) if name in ("day", "week", "month") else own[name]
        for name in asked.prepared.settings.by
        if name not in FROM_PRICE
    )
    return replace(key, epoch=asked.prepared.settings.keying.epoch(stamp), groups=groups)
