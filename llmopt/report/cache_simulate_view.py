"""A simulated cache for people and for machines: what it would have saved by time to live, size, tenant and model."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from llmopt.core.money import EXACT, dollars
from llmopt.report.as_json import Json, document, plain
from llmopt.report.cache_simulate_notes import counted, kept_for, notes, room
from llmopt.report.estimate_view import short
from llmopt.report.figures import plural
from llmopt.report.table import Cell, Column, Note, Report, Table
from llmopt.report.text import percent
from llmopt.savings.caching_result import CacheSimulation, Part, Setting
from llmopt.savings.projection import Projection

_MILLIONTH = Decimal("0.000001")
_HITS = (
    Column("ttl_s", "TTL", "number", machine=True),
    Column("ttl", "Kept for", people=True),
    Column("size_bytes", "Bound", "int", machine=True),
    Column("size", "Size", people=True),
    Column("hits", "Hits", "int", priority=2),
    Column("hit_rate", "Hit rate", "percent"),
    Column("hit_rate_of_all", "Of all requests", "percent", priority=3),
    Column("saved_usd", "Saved", "money"),
    Column("saved_rate", "Dollar rate", "percent", priority=1),
    Column("saved_rate_of_all", "Of the bill", "percent", priority=3),
    Column("unpriced_hits", "Hits without a price", "int", priority=4, optional=True),
    Column("shared", "Asked at once", "int", priority=4, optional=True),
    Column("shared_usd", "Saved by sharing", "money", priority=4, optional=True),
    Column("evicted", "Evicted", "int", priority=6, optional=True),
    Column("too_large", "Too large", "int", priority=6, optional=True),
    Column("entries", "Answers at most", "int", priority=7),
    Column("peak_bytes", "Held at most", "bytes", priority=5),
)
_OF_ALL = ("hit_rate_of_all", "saved_rate_of_all")
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
    result: CacheSimulation, *, projection: Projection | None = None, top: int | None = None, brief: bool = False
) -> Report:
    """Return a simulation for people.

    Args:
        result: the replayed log.
        projection: the best setting at a traffic of so many requests a day; None: nobody asked.
        top: tenants and models shown, the others added up in one row; None: all.
        brief: without the lines on where the numbers come from.
    """
    tables = [_settings(result)]
    chosen = best(result)
    if chosen is not None:
        at = _with(result.settings[chosen])
        if len(result.tenants) > 1 or any(part.name is not None for part in result.tenants):
            tables.append(_parts("tenants", result.tenant, f"By {result.tenant}, {at}", result.tenants, chosen, top))
        tables.append(_parts("models", "model", f"By model, {at}", result.models, chosen, top))
    tables += [table for table in (_left_out(result), _rejected(result)) if table.rows]
    said = [*_projected(projection), *notes(result, brief=brief)]
    return Report("Cache simulation", _headline(result), tuple(table for table in tables if table.rows), tuple(said))


def payload(
    result: CacheSimulation, *, projection: Projection | None = None, failed_checks: Sequence[str] = ()
) -> dict[str, Json]:
    """Return a simulation as the document of `llmopt.cache-simulate/1`.

    Args:
        result: the replayed log.
        projection: the best setting at a traffic of so many requests a day.
        failed_checks: a line for each check that does not hold.
    """
    body = plain(result)
    assert isinstance(body, dict)  # noqa: S101 - a dataclass becomes a dict
    chosen = best(result)
    body |= {
        "decided": result.decided,
        "decided_usd": plain(_decided_usd(result)),
        "best": None if chosen is None else plain(result.settings[chosen]),
        "projection": None if projection is None else _projection(projection),
        "failed_checks": list(failed_checks),
    }
    return document("cache-simulate", body)


def best(result: CacheSimulation) -> int | None:
    """Return the place of the setting that saves most, of equals the first; None where nothing was simulated."""
    if not result.simulated or not result.settings:
        return None
    return max(range(len(result.settings)), key=lambda at: (*_worth(result.settings[at]), -at))


def saved_share(result: CacheSimulation) -> Decimal:
    """Return which part of the whole bill the best setting saves; 0 where there is none."""
    chosen = best(result)
    if chosen is None or not result.cost_usd:
        return Decimal(0)
    return EXACT.divide(_worth(result.settings[chosen])[0], result.cost_usd)


def _worth(setting: Setting) -> tuple[Decimal, int]:
    """Return the dollars that a setting saves, and the requests, where nothing has a price."""
    return EXACT.add(setting.saved_usd, setting.shared_usd), setting.hits + setting.shared


def _headline(result: CacheSimulation) -> str:
    chosen = best(result)
    if chosen is None:
        return f"None of {plural(result.requests, 'request')} can be simulated."
    setting = result.settings[chosen]
    rate = percent(_ratio(setting.hits, result.decided) or Decimal(0))
    saved = f"{dollars(setting.saved_usd)} of {dollars(result.cost_usd)} saved"
    part = _ratio(setting.saved_usd, result.cost_usd)
    share = "" if part is None else f" ({percent(part)})"
    return (
        f"{setting.hits:,} of {plural(result.decided, 'request')} are hits ({rate}), {saved}{share}, "
        f"{_with(setting)}{_flight(setting)}{_unsaid(result)}."
    )


def _flight(setting: Setting) -> str:
    """Say what asking once saves besides, where requests come while the same one is being answered."""
    if not setting.shared:
        return ""
    return f"; {setting.shared:,} more came while the same one was being answered ({dollars(setting.shared_usd)})"


def _unsaid(result: CacheSimulation) -> str:
    """Say of how many requests nothing can be said."""
    left = result.requests - result.decided
    return f"; not known of {left:,} more" if left else ""


def _with(setting: Setting) -> str:
    bound = "" if setting.size_bytes is None else f" within {room(setting.size_bytes)}"
    return f"with answers kept for {kept_for(setting)}{bound}"


def _settings(result: CacheSimulation) -> Table:
    whole = result.decided == result.requests
    columns = tuple(
        Column(one.name, one.label, one.kind, one.priority, machine=True) if whole and one.name in _OF_ALL else one
        for one in _HITS
    )
    rows = tuple(_hits(one, result) for one in result.settings) if result.simulated else ()
    return Table("settings", "By time to live and size", columns, rows)


def _hits(setting: Setting, result: CacheSimulation) -> tuple[Cell, ...]:
    return (
        Decimal(repr(setting.ttl_s)),
        kept_for(setting),
        setting.size_bytes,
        room(setting.size_bytes),
        setting.hits,
        _ratio(setting.hits, result.decided),
        _ratio(setting.hits, result.requests),
        setting.saved_usd,
        _ratio(setting.saved_usd, _decided_usd(result)),
        _ratio(setting.saved_usd, result.cost_usd),
        setting.unpriced_hits,
        setting.shared,
        setting.shared_usd,
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
        Column("hit_share", "Of these", "percent"),
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
    cost = sum((one.simulated_usd for one in parts), Decimal(0))
    saved = sum((one.settings[chosen].saved_usd for one in parts), Decimal(0))
    return (name, requests, hits, _ratio(hits, requests), cost, saved, _ratio(saved, cost))


def _left_out(result: CacheSimulation) -> Table:
    rows = tuple(
        (one.reason, one.requests, one.cost_usd, one.unpriced, "yes" if one.known else "no", one.first)
        for one in result.left_out
    )
    unknown = sum(one.requests for one in result.left_out if not one.known)
    text = f"The log says too little of {plural(unknown, 'request')} to tell hits from misses."
    return Table("left_out", "Not simulated", _LEFT_OUT, rows, notes=(Note(text, "warning"),) if unknown else ())


def _rejected(result: CacheSimulation) -> Table:
    columns = (Column("reason", "Reason"), Column("count", "Records", "int"), Column("first", "First at"))
    rows = tuple((one.reason, one.count, one.first) for one in result.rejected)
    count = sum(one.count for one in result.rejected)
    text = f"{counted(count, 'record was', 'records were')} rejected."
    return Table("rejected", "Rejected", columns, rows, notes=(Note(text, "warning"),) if rows else ())


def _projected(projection: Projection | None) -> list[Note]:
    if projection is None:
        return []
    saved = f"{short(projection.saved_usd)} a day, {short(projection.saved_month_usd)} a month (30 days)"
    return [
        Note(
            f"At {plural(projection.calls_per_day, 'request')} a day like these: {short(projection.before_usd)} a day "
            f"becomes {short(projection.after_usd)}; saved {saved}, {short(projection.saved_year_usd)} a year."
        )
    ]


def _projection(projection: Projection) -> Json:
    body = plain(projection)
    assert isinstance(body, dict)  # noqa: S101 - a dataclass becomes a dict
    names = ("saved_usd", "saved_month_usd", "saved_year_usd", "saved_share")
    return {**body, **{name: plain(getattr(projection, name)) for name in names}}


def _decided_usd(result: CacheSimulation) -> Decimal:
    """Return what the requests cost of which the log says whether a cache may answer them."""
    return sum((one.cost_usd for one in result.left_out if one.known), result.simulated_usd)


def _ratio(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    return EXACT.divide(Decimal(part), Decimal(whole)).quantize(_MILLIONTH) if whole else None
