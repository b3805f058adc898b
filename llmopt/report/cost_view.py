"""`CostReport` as a report for people and as a JSON document for machines."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from llmopt.core.money import EXACT, dollars
from llmopt.cost.baseline import Comparison
from llmopt.cost.result import CostReport, Group, Totals
from llmopt.report.as_json import Json, document, plain
from llmopt.report.cost_charts import charts
from llmopt.report.cost_findings import cost_findings, subject
from llmopt.report.cost_tables import compared, rejected, resolved, unpriced
from llmopt.report.table import Cell, Column, Note, PriceStamp, Report, Table
from llmopt.report.text import iso, percent

FIGURES: tuple[Column, ...] = (
    Column("requests", "requests", "int", priority=2),
    Column("input_tokens", "input", "int", priority=3),
    Column("input_uncached_tokens", "uncached", "int", priority=6),
    Column("cache_read_tokens", "cache read", "int", priority=5, optional=True),
    Column("cache_write_tokens", "cache write", "int", priority=7, optional=True),
    Column("output_tokens", "output", "int", priority=4),
    Column("reasoning_tokens", "reasoning", "int", priority=8, optional=True),
    Column("estimated_input_tokens", "counted input", "int", priority=9, optional=True),
    Column("estimated_output_tokens", "counted output", "int", priority=9, optional=True),
    Column("reported_usd", "log says", "money", priority=10, optional=True),
    Column("cost_low_usd", "low", "money", priority=11, optional=True),
    Column("cost_high_usd", "high", "money", priority=11, optional=True),
    Column("cost_usd", "cost", "money", leads=True),
)
"""The fields of `Totals` in the order of the table; tokens everywhere but in `requests` and the dollars.

The ends of the interval are left empty where nothing in the report is estimated.
"""


MILLIONTH = Decimal("0.000001")


def view(
    report: CostReport, *, top: int | None = None, comparison: Comparison | None = None, brief: bool = False
) -> Report:
    """Return `report` for people.

    Args:
        report: a priced log.
        top: show this many groups and add the others up in one row; None: all.
        comparison: the same log against a baseline.
        brief: without background (price rows, hints).
    """
    tables = [groups_table(report, top)]
    if comparison is not None:
        tables.append(compared(comparison, report.by, top))
    tables += [table for table in (unpriced(report), rejected(report)) if table.rows]
    if not brief and report.resolved:
        tables.append(resolved(report))
    return Report(
        "LLM cost",
        _headline(report),
        tuple(tables),
        tuple(_notes(report, brief=brief)),
        findings=tuple(cost_findings(report)),
        subject=subject(report),
        charts=charts(report),
        prices=PriceStamp(report.prices.date, report.prices.sha256),
    )


def payload(
    report: CostReport, *, comparison: Comparison | None = None, failed_checks: tuple[str, ...] = ()
) -> dict[str, Json]:
    """Return `report` as the document of `llmopt.cost/1`: every field, each group flat beside its key."""
    body = plain(report)
    assert isinstance(body, dict)  # noqa: S101 - a dataclass becomes a dict
    del body["days"]  # of charts only: JSON has them with --by day,model
    body["groups"] = [_flat(group) for group in report.groups]
    body["comparison"] = plain(comparison)
    body["failed_checks"] = list(failed_checks)
    return document("cost", body)


def groups_table(report: CostReport, top: int | None) -> Table:
    """Return the main table: one row a group, dearest first, and their sum."""
    keys = tuple(Column(name, name) for name in report.by)
    rows = [(*group.key.values(), *_figures(group.totals, report.total)) for group in report.groups[:top]]
    hidden = len(report.groups) - len(rows)
    if hidden:
        label: tuple[Cell, ...] = (f"({_count(hidden, 'other')})", *([""] * (len(keys) - 1)))
        rows = [*rows, (*label, *_figures(_others(report, len(rows)), report.total))]
    total = ("total", *([""] * (len(keys) - 1)), *_figures(report.total, report.total))
    return Table(
        name="groups",
        title=f"Cost by {', '.join(report.by)}",
        columns=(*keys, *FIGURES, Column("share", "share", "percent", priority=1, bar=True, leads=True)),
        rows=tuple(rows),
        total=total if rows and keys else None,
    )


def _figures(totals: Totals, whole: Totals) -> tuple[Cell, ...]:
    share = EXACT.divide(totals.cost_usd, whole.cost_usd).quantize(MILLIONTH) if whole.cost_usd else None
    cells = {column.name: getattr(totals, column.name) for column in FIGURES}
    if not whole.counted.estimated_requests:
        cells |= dict.fromkeys(("cost_low_usd", "cost_high_usd"))
    return (*cells.values(), share)


def _others(report: CostReport, shown: int) -> Totals:
    """Return what the groups that are not shown add up to: the total without those that are, which are few.

    What the log itself says is known of all of them, or unknown.
    """
    left: dict[str, Any] = {}
    for name in (column.name for column in FIGURES if column.name != "reported_usd"):
        value = getattr(report.total, name)
        for group in report.groups[:shown]:
            own = getattr(group.totals, name)
            value = EXACT.subtract(value, own) if isinstance(value, Decimal) else value - own
        left[name] = value
    said = [group.totals.reported_usd for group in report.groups[shown:]]
    known = [usd for usd in said if usd is not None]
    reported = sum(known, Decimal(0)) if len(known) == len(said) else None
    return Totals(reported_usd=reported, **left)


def _flat(group: Group) -> Json:
    totals = plain(group.totals)
    assert isinstance(totals, dict)  # noqa: S101 - a dataclass becomes a dict
    return {"key": plain(group.key), **totals}


def _headline(report: CostReport) -> str:
    total, period = report.total, report.period
    parts = [f"{dollars(total.cost_usd)} for {_count(total.requests, 'request')}"]
    if period.start and period.end:
        parts.append(f" from {_day(period.start)} to {_day(period.end)}")
    if report.monthly_usd is not None:
        parts.append(f", {dollars(report.monthly_usd)} a month at this rate")
    missing = sum(entry.requests for entry in report.unpriced)
    if missing:
        parts.append(f"; {_count(missing, 'more request')} without a price not included")
    return "".join(parts) + "."


def _sources(report: CostReport) -> str:
    """Say what was read as what."""
    formats = ", ".join(f"{name} {records:,}" for name, records in report.formats.items())
    return f"Read {_count(len(report.files), 'file')} as: {formats or 'nothing'}."


def _day(moment: datetime) -> str:
    return iso(moment)[:10]


def _notes(report: CostReport, *, brief: bool) -> list[Note]:
    notes = [Note(_accounting(report))]
    if report.total.counted.requests:
        notes.append(Note(_counted(report), "warning"))
    notes += [Note(warning, "warning") for warning in report.warnings]
    if not brief:
        notes.append(Note(_sources(report)))
        prices = report.prices
        notes.append(Note(f"Prices of {iso(prices.date)} (sha256 {prices.sha256[:12]})."))
        for hint in report.hints[:3]:
            notes.append(Note(f"Look next: {hint.title}, up to {dollars(hint.saving_usd)}: {hint.command}"))
    return notes


def _counted(report: CostReport) -> str:
    """Say how much of the cost is counted from text instead of billed, and how sure that is."""
    total, counted = report.total, report.total.counted
    share = percent(report.estimated_share) if report.estimated_share >= Decimal("0.001") else "less than 0.1%"
    low = total.counted_usd - (total.cost_usd - total.cost_low_usd)
    high = total.counted_usd + (total.cost_high_usd - total.cost_usd)
    span = f" (low {dollars(low)}, high {dollars(high)})" if counted.estimated_requests else ""
    estimated = f", {counted.estimated_requests:,} of them estimated" if counted.estimated_requests else ""
    return (
        f"Of which counted from text: {dollars(total.counted_usd)}{span}, {share} of the cost, "
        f"{_count(counted.requests, 'request')}{estimated}."
    )


def _accounting(report: CostReport) -> str:
    """Say what became of every record: the five parts add up to what was read."""
    dropped = sum(entry.count for entry in report.rejected)
    unknown = report.read - report.priced - report.free - report.duplicates - dropped
    skipped = f" ({_count(report.skipped, 'line')} of other kinds skipped)" if report.skipped else ""
    return (
        f"{_count(report.read, 'record')} read = {report.priced:,} priced + {report.free:,} free + "
        f"{unknown:,} unpriced + {report.duplicates:,} duplicates + {dropped:,} rejected{skipped}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
