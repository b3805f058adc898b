"""A simulated cache for people and for machines: what it would have saved by time to live, size, tenant and model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from llmopt.report.as_json import Json, document, plain
from llmopt.report.cache_simulate_best import best, headline, named, nothing_priced, ratio, recommended, saved_monthly
from llmopt.report.cache_simulate_chart import charts
from llmopt.report.cache_simulate_notes import counted, kept_for, notes, room
from llmopt.report.estimate_view import short
from llmopt.report.figures import plural
from llmopt.report.table import Cell, Column, Note, Report, Table
from llmopt.savings.caching_result import CacheSimulation, Part, Setting
from llmopt.savings.daily import DayBill

_HITS = (
    Column("ttl_s", "TTL", "number", machine=True),
    Column("ttl", "Kept for", people=True),
    Column("size_bytes", "Bound", "int", machine=True),
    Column("size", "Size", people=True),
    Column("hits", "Hits", "int", priority=3),
    Column("hit_rate", "Hit rate", "percent", priority=1, bar=True),
    Column("hit_rate_of_all", "Of all requests", "percent", priority=3),
    Column("saved_usd", "Saved", "money"),
    Column("saved_rate", "Dollar rate", "percent", priority=2),
    Column("saved_rate_of_all", "Of the bill", "percent", priority=3),
    Column("unpriced_hits", "Hits without a price", "int", priority=4, optional=True),
    Column("shared", "Asked at once", "int", priority=4, optional=True),
    Column("shared_usd", "Saved by sharing", "money", priority=4, optional=True),
    Column("evicted", "Evicted", "int", priority=6, optional=True),
    Column("too_large", "Too large", "int", priority=6, optional=True),
    Column("entries", "Answers at most", "int", priority=7),
    Column("peak_bytes", "Held at most", "bytes", priority=5),
)
_OF_ALL = {"hit_rate_of_all", "saved_rate_of_all"}
"""Columns that repeat others where the log says enough of every request."""
_LEFT_OUT = (
    Column("reason", "Reason"),
    Column("requests", "Requests", "int"),
    Column("cost_usd", "Cost", "money", priority=1),
    Column("unpriced", "Without a price", "int", priority=2, optional=True),
    Column("known", "Known", machine=True),
    Column("first", "First at", priority=3),
)


def view(
    result: CacheSimulation,
    *,
    projection: DayBill | None = None,
    top: int | None = None,
    brief: bool = False,
    dated: bool = False,
) -> Report:
    """Return a simulation for people.

    Args:
        result: the replayed log.
        projection: the best setting at a traffic of so many requests a day; None: nobody asked.
        top: tenants and models shown, the others added up in one row; None: all.
        brief: without the lines on where the numbers come from.
        dated: only a part of the log was asked for, by time.
    """
    tables = [_settings(result)]
    chosen = best(result)
    if chosen is not None:
        at = f"with answers kept for {named(result.settings[chosen])}"
        if len(result.tenants) > 1 or any(part.name is not None for part in result.tenants):
            tables.append(_parts("tenants", result.tenant, f"By {result.tenant}, {at}", result.tenants, chosen, top))
        tables.append(_parts("models", "model", f"By model, {at}", result.models, chosen, top))
    tables += [table for table in (_left_out(result), _rejected(result)) if table.rows]
    said = [*_projected(projection), *notes(result, brief=brief, dated=dated)]
    shown = tuple(table for table in tables if table.rows)
    return Report(
        "Cache simulation",
        headline(result),
        shown,
        tuple(said),
        csv=tables[0],
        charts=charts(result),
        subject=next(iter(result.files), ""),
    )


def payload(
    result: CacheSimulation, *, projection: DayBill | None = None, failed_checks: Sequence[str] = ()
) -> dict[str, Json]:
    """Return a simulation as the document of `llmopt.cache.simulate/1`.

    Args:
        result: the replayed log.
        projection: the best setting at a traffic of so many requests a day.
        failed_checks: a line for each check that does not hold.
    """
    body = plain(result)
    assert isinstance(body, dict)  # noqa: S101 - a dataclass becomes a dict
    chosen, begin, month = best(result), recommended(result), saved_monthly(result)
    parts = {name: [_own(one) for one in getattr(result, name)] for name in ("tenants", "models")}
    body |= {
        **parts,
        "decided": result.decided,
        "decided_usd": plain(_decided_usd(result)),
        "best": None if chosen is None else plain(result.settings[chosen]),
        "recommended": None if begin is None else plain(result.settings[begin]),
        "saved_monthly_usd": None if month is None else plain(month),
        "projection": None if projection is None else _projection(projection),
        "failed_checks": list(failed_checks),
    }
    return document("cache.simulate", body)


def _own(part: Part) -> Json:
    """Return a tenant or model for machines, without what is known of the whole cache only."""
    body, shared = plain(part), ("too_large", "peak_bytes", "entries")
    assert isinstance(body, dict)  # noqa: S101 - a dataclass becomes a dict
    settings = [plain(one) for one in part.settings]
    kept = [
        {name: value for name, value in one.items() if name not in shared} for one in settings if isinstance(one, dict)
    ]
    return {**body, "settings": list[Json](kept)}


def _settings(result: CacheSimulation) -> Table:
    needless = _OF_ALL if result.decided == result.requests else set()
    if all(one.size_bytes is None for one in result.settings):
        needless = needless | {"size"}
    columns = tuple(replace(one, machine=True) if one.name in needless else one for one in _HITS)
    rows = tuple(_hits(one, result) for one in result.settings) if result.simulated else ()
    return Table("settings", "By time to live and size", columns, rows)


def _hits(setting: Setting, result: CacheSimulation) -> tuple[Cell, ...]:
    return (
        Decimal(repr(setting.ttl_s)),
        kept_for(setting),
        setting.size_bytes,
        room(setting.size_bytes),
        setting.hits,
        ratio(setting.hits, result.decided),
        ratio(setting.hits, result.requests),
        _dollars(setting.saved_usd, setting.hits, setting.unpriced_hits),
        ratio(setting.saved_usd, _decided_usd(result)),
        ratio(setting.saved_usd, result.cost_usd),
        setting.unpriced_hits,
        setting.shared,
        None if nothing_priced(result) else setting.shared_usd,
        setting.evicted,
        setting.too_large,
        setting.entries,
        setting.peak_bytes,
    )


def _parts(name: str, label: str, title: str, parts: Sequence[Part], chosen: int, top: int | None) -> Table:
    """Return what the best setting does for each tenant or model."""
    columns = (
        Column(label, label.capitalize()),
        Column("simulated", "Simulated", "int", priority=2),
        Column("hits", "Hits", "int", priority=1),
        Column("hit_share", "Of these", "percent", bar=True),
        Column("simulated_usd", "Cost", "money", priority=2),
        Column("saved_usd", "Saved", "money"),
        Column("saved_share", "Of this", "percent", priority=1),
    )
    shown = parts if top is None else parts[:top]
    rows = [_part(one.name, [one], chosen) for one in shown]
    rest = parts[len(shown) :]
    if rest:
        rows.append(_part(f"({plural(len(rest), 'other')})", rest, chosen))
    return Table(name, title, columns, tuple(rows), _part("total", parts, chosen) if len(parts) > 1 else None)


def _part(name: str | None, parts: Sequence[Part], chosen: int) -> tuple[Cell, ...]:
    requests, hits = sum(one.simulated for one in parts), sum(one.settings[chosen].hits for one in parts)
    unpriced = sum(one.settings[chosen].unpriced_hits for one in parts)
    cost = sum((one.simulated_usd for one in parts), Decimal(0))
    saved = sum((one.settings[chosen].saved_usd for one in parts), Decimal(0))
    shown = _dollars(saved, hits, unpriced)
    return (
        name,
        requests,
        hits,
        ratio(hits, requests),
        cost if cost or not unpriced else None,
        shown,
        ratio(saved, cost),
    )


def _dollars(usd: Decimal, count: int, unpriced: int) -> Decimal | None:
    """Return what hits cost; None where there are some and none has a price: that is unknown, and not nothing."""
    return None if count and count == unpriced else usd


def _left_out(result: CacheSimulation) -> Table:
    rows = tuple(
        (one.reason, one.requests, one.cost_usd, one.unpriced, "yes" if one.known else "no", one.first)
        for one in result.left_out
    )
    return Table("left_out", "Not simulated", _LEFT_OUT, rows, notes=tuple(_left_out_notes(result)))


def _left_out_notes(result: CacheSimulation) -> list[Note]:
    from llmopt.savings.candidates import SAMPLES, UNKNOWN  # simulating loaded it; `cache stats` does without

    notes = []
    unknown = sum(one.requests for one in result.left_out if not one.known)
    if unknown:
        text = f"The log says too little of {plural(unknown, 'request')} to tell hits from misses."
        notes.append(Note(text, "warning"))
    if {SAMPLES, UNKNOWN} & {one.reason for one in result.left_out}:
        notes.append(Note("With --cache-sampled, those that sample, or do not say, are simulated as well."))
    return notes


def _rejected(result: CacheSimulation) -> Table:
    columns = (Column("reason", "Reason"), Column("count", "Records", "int"), Column("first", "First at"))
    rows = tuple((one.reason, one.count, one.first) for one in result.rejected)
    count = sum(one.count for one in result.rejected)
    text = f"{counted(count, 'record was', 'records were')} rejected."
    return Table("rejected", "Rejected", columns, rows, notes=(Note(text, "warning"),) if rows else ())


def _projected(projection: DayBill | None) -> list[Note]:
    if projection is None:
        return []
    saved = f"{short(projection.saved_usd)} a day, {short(projection.saved_month_usd)} a month (30 days)"
    return [
        Note(
            f"At {plural(projection.calls_per_day, 'request')} a day like these: {short(projection.before_usd)} a day "
            f"becomes {short(projection.after_usd)}; saved {saved}, {short(projection.saved_year_usd)} a year."
        )
    ]


def _projection(projection: DayBill) -> Json:
    body = plain(projection)
    assert isinstance(body, dict)  # noqa: S101 - a dataclass becomes a dict
    names = ("saved_usd", "saved_month_usd", "saved_year_usd", "saved_share")
    return {**body, **{name: plain(getattr(projection, name)) for name in names}}


def _decided_usd(result: CacheSimulation) -> Decimal:
    """Return what the requests cost of which the log says whether a cache may answer them."""
    return sum((one.cost_usd for one in result.left_out if one.known), result.simulated_usd)
