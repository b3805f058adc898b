"""The tables beside the main one of a priced log: price rows, what has no price, rejects, a comparison."""

from __future__ import annotations

from decimal import Decimal

from llmopt.core.money import EXACT
from llmopt.cost.baseline import Change, Comparison
from llmopt.cost.result import CostReport
from llmopt.report.table import Cell, Column, Note, Table


def resolved(report: CostReport) -> Table:
    """Return which price row each logged model name was priced at."""
    columns = (
        Column("model", "model"),
        Column("price_id", "priced as"),
        Column("provider", "provider", priority=4),
        Column("tier", "tier", priority=3),
        Column("effective_from", "since", "date", priority=2),
        Column("requests", "requests", "int", priority=1),
        Column("rule", "matched by", priority=2),
        Column("band", "long context", priority=1, optional=True),
    )
    rows = tuple(tuple(getattr(row, column.name) for column in columns) for row in report.resolved)
    return Table("resolved", "Prices used", columns, rows, detail=True)


def unpriced(report: CostReport) -> Table:
    """Return the requests that have no price, with the known model that was perhaps meant."""
    columns = (
        Column("model", "model"),
        Column("requests", "requests", "int"),
        Column("input_tokens", "input", "int", priority=2),
        Column("output_tokens", "output", "int", priority=2),
        Column("reason", "reason"),
        Column("suggestion", "did you mean", optional=True),
    )
    rows = tuple(tuple(getattr(row, column.name) for column in columns) for row in report.unpriced)
    count = sum(entry.requests for entry in report.unpriced)
    text = f"{count:,} {'request has' if count == 1 else 'requests have'} no price: not in the total."
    return Table("unpriced", "Without a price", columns, rows, notes=(Note(text, "warning"),) if count else ())


def rejected(report: CostReport) -> Table:
    """Return the records that could not be read, one row a reason."""
    columns = (Column("reason", "reason"), Column("count", "records", "int"), Column("first", "first at"))
    rows = tuple((entry.reason, entry.count, entry.first) for entry in report.rejected)
    count = sum(entry.count for entry in report.rejected)
    text = f"{count:,} {'record was' if count == 1 else 'records were'} rejected and not priced."
    return Table("rejected", "Rejected", columns, rows, notes=(Note(text, "warning"),) if count else ())


def compared(comparison: Comparison, by: tuple[str, ...], top: int | None) -> Table:
    """Return the difference to the baseline, a row a group, tokens and prices apart."""
    columns = (
        *(Column(name, name) for name in by),
        Column("before_usd", "before", "money", priority=2),
        Column("now_usd", "now", "money", priority=1),
        Column("difference_usd", "difference", "money"),
        Column("token_effect_usd", "by tokens", "money", priority=3),
        Column("price_effect_usd", "by price per token", "money", priority=3),
        Column("change", "change", "percent", priority=1),
    )
    shown = comparison.changes if top is None else comparison.changes[:top]
    rows = tuple((*change.key.values(), *_effects(change)) for change in shown)
    total = ("total", *([""] * (len(by) - 1)), *_effects(comparison.total)) if by else None
    return Table("comparison", "Against the baseline", columns, rows, total, tuple(_remarks(comparison, len(shown))))


def _effects(change: Change) -> tuple[Cell, ...]:
    grown = EXACT.divide(change.difference_usd, change.before_usd) if change.before_usd else None
    amounts: tuple[Decimal, ...] = (
        change.before_usd,
        change.now_usd,
        change.difference_usd,
        change.token_effect_usd,
        change.price_effect_usd,
    )
    return (*amounts, grown)


def _remarks(comparison: Comparison, shown: int) -> list[Note]:
    notes = []
    hidden = len(comparison.changes) - shown
    if hidden:
        notes.append(Note(f"{hidden:,} more groups in the total."))
    before, now = comparison.before_days, comparison.now_days
    if before is not None and now is not None and abs(before - now) > 0.1 * max(before, now):
        text = f"The baseline spans {before:.1f} days, this log {now:.1f}: costs are compared as they are."
        notes.append(Note(text, "warning"))
    return notes
