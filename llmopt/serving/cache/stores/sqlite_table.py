"""What the tables of an SQLite store hold, and how entries get in, make room, and go.

Entries make room in the order of their places; one that was read since it got its place gets a new one instead
(the second chance of F. J. Corbato, "A Paging Experiment with the Multics System", 1968). So a read needs no write:
that an entry was used is noted once, together with the next answers that are kept.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

from llmopt.serving.cache.entry import Entry
from llmopt.serving.cache.stores.store import TenantStats, added_usd

READ = "SELECT bodies.value, entries.used FROM entries JOIN bodies USING (id) WHERE entries.key = ?"
_LOOKED_AT, _PURGED_AT_ONCE = 64, 512
WRITE_WAIT_S, ASK_EVERY_S = 5.0, 0.003

Row = tuple[str, Entry, bytes]
"""Key, entry, and the entry as bytes."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What a file holds."""

    size_bytes: int
    """Of the answers."""
    entries: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What `stats` tells of a file."""

    tenants: tuple[TenantStats, ...] = ()
    expired: int = 0
    oldest_s: float | None = None
    newest_s: float | None = None
    usd: Decimal | None = None


def parted(entries: Mapping[str, tuple[Entry, bytes]], at_once_bytes: int) -> Iterator[list[Row]]:
    """Split entries into parts of about a number of bytes."""
    rows: list[Row] = []
    size = 0
    for key, (entry, data) in entries.items():
        rows.append((key, entry, data))
        size += len(data)
        if size >= at_once_bytes:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write in a transaction, which is undone when it fails."""
    _begin(connection)
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def totals(connection: sqlite3.Connection) -> Totals:
    """Return what is there."""
    return Totals(*connection.execute("SELECT size, entries FROM totals").fetchone())


def keep(connection: sqlite3.Connection, rows: Sequence[Row], max_bytes: int, max_entries: int) -> int:
    """Keep entries in place of those with the same keys, and return how many others made room for them.

    Room is made first: new ones, which nobody has read yet, would be the first to go where all others have been read.
    """
    connection.executemany("DELETE FROM entries WHERE key = ?", [(key,) for key, _, _ in rows])
    # The clock is the caller's: what is being stored says what time it is.
    newest_s = max(entry.stored_at_s for _, entry, _ in rows)
    connection.execute("DELETE FROM entries WHERE expires_s <= ?", (newest_s,))
    size = sum(len(entry.body) for _, entry, _ in rows)
    evicted = make_room(connection, max(0, max_bytes - size), max(0, max_entries - len(rows)))
    numbered = list(enumerate(rows, _next_place(connection)))
    connection.executemany("INSERT INTO bodies VALUES (?, ?)", [(place, data) for place, (_, _, data) in numbered])
    connection.executemany(
        "INSERT INTO entries VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?)",
        [_columns(place, key, entry) for place, (key, entry, _) in numbered],
    )
    return evicted + make_room(connection, max_bytes, max_entries)


def mark_used(connection: sqlite3.Connection, keys: Iterable[str]) -> None:
    """Note that entries were read."""
    connection.executemany("UPDATE entries SET used = 1 WHERE key = ? AND used = 0", [(key,) for key in keys])


def make_room(connection: sqlite3.Connection, max_bytes: int, max_entries: int) -> int:
    """Delete entries until the rest is within the bounds, and return how many."""
    evicted, found = 0, totals(connection)
    size, entries = found.size_bytes, found.entries
    while entries and (size > max_bytes or entries > max_entries):
        chances, gone = [], []
        for key, each, used in connection.execute(
            "SELECT key, size, used FROM entries ORDER BY place LIMIT ?", (_LOOKED_AT,)
        ).fetchall():
            if size <= max_bytes and entries <= max_entries:
                break
            if used:
                chances.append(key)
            else:
                gone.append((key,))
                size, entries = size - each, entries - 1
        if chances:
            places = enumerate(chances, _next_place(connection))
            connection.executemany("UPDATE entries SET place = ?, used = 0 WHERE key = ?", list(places))
        connection.executemany("DELETE FROM entries WHERE key = ?", gone)
        evicted += len(gone)
    return evicted


def purge(connection: sqlite3.Connection, tenant: str | None, model: str | None, key: str | None) -> int:
    """Delete the entries that fit, overwrite their bytes, and return how many they were.

    Some at a time: the write-ahead log stays small, and others may write in between.
    """
    connection.execute("PRAGMA secure_delete = ON")
    wanted = [("tenant", column(tenant)), ("model", column(model)), ("key", column(key))]
    given = [(name, value) for name, value in wanted if value is not None]
    query = "SELECT key FROM entries WHERE key > ?" + "".join(f" AND {name} = ?" for name, _ in given)
    values, after, count = [value for _, value in given], "", 0
    while True:
        with transaction(connection):
            found = connection.execute(f"{query} ORDER BY key LIMIT {_PURGED_AT_ONCE}", (after, *values)).fetchall()
            connection.executemany("DELETE FROM entries WHERE key = ?", found)
        count += len(found)
        if len(found) < _PURGED_AT_ONCE:
            break
        after = found[-1][0]
    connection.execute("PRAGMA incremental_vacuum").fetchall()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return count


def figures(connection: sqlite3.Connection, now_s: float) -> Figures:
    """Count what is there, by tenant and model."""
    # SQLite adds in binary; money is added exactly.
    connection.create_aggregate("added_usd", 1, _AddedUsd)  # type: ignore[arg-type]  # the stubs know no methods
    rows = connection.execute(
        "SELECT tenant, model, count(*), sum(size), sum(expires_s <= ?), min(stored_s), max(stored_s), added_usd(usd) "
        "FROM entries GROUP BY tenant, model",
        (now_s,),
    ).fetchall()
    tenants = [TenantStats(_text(row[0]), _text(row[1]), row[2], row[3], added_usd([row[7]])) for row in rows]
    return Figures(
        tenants=tuple(sorted(tenants, key=lambda each: (-each.size_bytes, each.tenant, each.model))),
        expired=sum(row[4] for row in rows),
        oldest_s=min((row[5] for row in rows), default=None),
        newest_s=max((row[6] for row in rows), default=None),
        usd=added_usd(each.usd for each in tenants),
    )


def column(text: str | None) -> str | bytes | None:
    """Return a text as SQLite can hold it: one with half a surrogate pair, which JSON allows, as bytes."""
    if text is None:
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


class _AddedUsd:
    """`added_usd` as an aggregate of SQL."""

    def __init__(self) -> None:
        self._total: Decimal | None = None

    def step(self, usd: object) -> None:
        self._total = added_usd([self._total, usd if isinstance(usd, str) else ""])

    def finalize(self) -> str | None:
        return None if self._total is None else str(self._total)


def _begin(connection: sqlite3.Connection) -> None:
    """Wait for other processes to have written: asking often, since one that always writes leaves short gaps."""
    end_s = time.monotonic() + WRITE_WAIT_S
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end_s:
                raise
            time.sleep(ASK_EVERY_S)
        else:
            return


def _columns(place: int, key: str, entry: Entry) -> tuple[object, ...]:
    texts = column(entry.tenant), column(entry.model), column(entry.usd)
    return key, place, place, len(entry.body), entry.stored_at_s, entry.expires_at_s, *texts


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "surrogatepass")


def _next_place(connection: sqlite3.Connection) -> int:
    row = connection.execute(
        "SELECT max(ifnull((SELECT max(id) FROM bodies), 0), ifnull((SELECT max(place) FROM entries), 0))"
    ).fetchone()
    return int(row[0]) + 1
