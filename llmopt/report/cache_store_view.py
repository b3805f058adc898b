"""A store of the response cache for people and for machines: what it holds, and what was deleted from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from llmopt.report.as_json import Json, document, plain
from llmopt.report.figures import plural
from llmopt.report.table import Cell, Column, Note, Report, Table
from llmopt.report.text import byte_size, iso
from llmopt.serving.cache.stores.store import StoreStats, TenantStats, added_usd

_HELD = (
    Column("tenant", "Tenant"),
    Column("model", "Model"),
    Column("entries", "Answers", "int"),
    Column("size_bytes", "Size", "bytes", priority=1),
    Column("usd", "Cost", "money", priority=2, optional=True),
)
_PURGED = (
    Column("deleted", "Deleted", "int"),
    Column("tenant", "Tenant", optional=True),
    Column("model", "Model", optional=True),
    Column("key", "Key", optional=True),
)
_OF_THE_PROCESS = ("max_bytes", "evicted")
"""What each process that opens a store sets or counts for itself: it says nothing of the store."""


@dataclass(frozen=True, slots=True)
class Purged:
    """What was deleted from a store."""

    store: str
    """As shown: without a password."""
    deleted: int
    """Answers."""
    tenant: str | None
    """Of this tenant only; None: of all, empty: of none."""
    model: str | None
    """Of this model only; None: of all."""
    key: str | None
    """This answer only; None: all."""


def without_password(where: str) -> str:
    """Return the place of a store as it may be shown: `redis://ada:secret@host/0` is `redis://ada:***@host/0`."""
    if "://" not in where:
        return where
    try:
        parts = urlsplit(where)
    except ValueError:
        return f"{where.partition('://')[0]}://***"
    user, at, host = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    shown = f"{name}{':***' if colon else ''}{at}{host}"
    query = [(key, "***" if "pass" in key.lower() else value) for key, value in parse_qsl(parts.query)]
    return urlunsplit((parts.scheme, shown, parts.path, urlencode(query, safe="*/"), ""))


def stats_view(where: str, stats: StoreStats, *, top: int | None = None) -> Report:
    """Return what a store holds, by tenant and model.

    Args:
        where: the store, as the user named it.
        stats: what it holds.
        top: rows shown, the others added up in one; None: all.
    """
    table = Table("tenants", "Held by tenant and model", _HELD, _rows(stats.tenants, top), _total(stats))
    return Report("Response cache", _headline(where, stats), (table,) if table.rows else (), tuple(_notes(stats)))


def stats_payload(where: str, stats: StoreStats) -> dict[str, Json]:
    """Return what a store holds as the document of `llmopt.cache.stats/1`; instants in UTC beside Unix times."""
    body = plain(stats)
    assert isinstance(body, dict)  # noqa: S101 - a dataclass becomes a dict
    for name in _OF_THE_PROCESS:
        del body[name]
    times: dict[str, Json] = {"oldest": _instant(stats.oldest_s), "newest": _instant(stats.newest_s)}
    return document("cache.stats", {"store": without_password(where), **body, **times})


def purge_view(purged: Purged) -> Report:
    """Return what was deleted."""
    row: tuple[Cell, ...] = (purged.deleted, purged.tenant, purged.model, purged.key)
    head = f"{plural(purged.deleted, 'answer')}{_chosen(purged)} deleted from {purged.store}."
    return Report("Response cache", head, (Table("purged", "", _PURGED, (row,)),))


def purge_payload(purged: Purged) -> dict[str, Json]:
    """Return what was deleted as the document of `llmopt.cache.purge/1`."""
    body: Any = plain(purged)
    return document("cache.purge", body)


def _chosen(purged: Purged) -> str:
    """Say in words which answers were to go; empty for all."""
    of = [
        f" of {f'{kind} {name}' if name else f'no {kind}'}"
        for kind, name in (("tenant", purged.tenant), ("model", purged.model))
        if name is not None
    ]
    return "".join(of) + (" under this key" if purged.key is not None else "")


def _headline(where: str, stats: StoreStats) -> str:
    held = f"{plural(stats.entries, 'answer')}, {_size(stats.size_bytes)}"
    return f"{held}, in {without_password(where)} ({stats.kind})."


def _rows(tenants: Sequence[TenantStats], top: int | None) -> tuple[tuple[Cell, ...], ...]:
    shown = tenants if top is None else tenants[:top]
    rows: list[tuple[Cell, ...]] = [
        (one.tenant or None, one.model or None, one.entries, one.size_bytes, one.usd) for one in shown
    ]
    rest = tenants[len(shown) :]
    if rest:
        entries, size = sum(one.entries for one in rest), sum(one.size_bytes for one in rest)
        rows.append((f"({plural(len(rest), 'other')})", "", entries, size, added_usd(one.usd for one in rest)))
    return tuple(rows)


def _total(stats: StoreStats) -> tuple[Cell, ...] | None:
    return ("total", "", stats.entries, stats.size_bytes, stats.usd) if stats.tenants else None


def _notes(stats: StoreStats) -> list[Note]:
    notes = []
    if stats.oldest_s is not None and stats.newest_s is not None:
        notes.append(Note(f"Stored from {_instant(stats.oldest_s)} to {_instant(stats.newest_s)}."))
    if stats.usd is not None:
        notes.append(Note("Cost: what the stored answers had cost, as far as their entries say."))
    if stats.expired:
        notes.append(Note(f"{plural(stats.expired, 'answer')} past their time: never served, and deleted in passing."))
    if stats.errors:
        notes.append(Note(f"{plural(stats.errors, 'operation')} failed: {stats.last_error}", "warning"))
    return notes


def _instant(unix_s: float | None) -> str | None:
    """Return a Unix time as `2026-03-02T09:15:00Z`."""
    return None if unix_s is None else iso(datetime.fromtimestamp(int(unix_s), UTC))


def _size(size_bytes: int) -> str:
    return byte_size(Decimal(size_bytes))
