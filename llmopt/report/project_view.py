"""Projections for people: one plan in full, or several side by side; and the arithmetic form."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt.core.money import EXACT, dollars
from llmopt.report import project_log_tables as of_log
from llmopt.report import project_tables as of_plan
from llmopt.report.figures import plural
from llmopt.report.project_chart import charts, multiplied
from llmopt.report.project_csv import csv_of
from llmopt.report.project_side_by_side import plans, saved_by_lever, side_by_side
from llmopt.report.project_words import headline
from llmopt.report.table import Cell, Column, Note, Report, Table
from llmopt.report.text import iso, percent
from llmopt.savings.project.result import Arithmetic, Projection


def view(results: Sequence[Projection], *, brief: bool = False, full: bool = False) -> Report:
    """Return projections of one log for people.

    Args:
        results: one for each plan, at least one; all of the same log.
        brief: without curves, remarks and the lines on where the numbers come from; of several plans, how they
            compare, but none in full.
        full: with the curves of a cache drawn, and those of a cache that the plan leaves out.
    """
    first = results[0]
    several = len(results) > 1
    tables = [plans(results), saved_by_lever(results)] if several else []
    for result in results:
        if several and brief:
            tables.append(of_plan.hurts(result, f"{result.name}: "))
        else:
            tables += _of_plan(result, f"{result.name}: " if several else "", brief=brief)
    prefix = f"{first.name}: " if several else ""
    levers = [lever.name for lever in first.replay.levers]
    curved = not brief and (full or "cache" in levers or not levers)
    checked = [of_plan.checklist(results)] if first.replay.calls else []
    tables += [*checked, *(of_log.curves(first, prefix) if curved else ()), *_of_log(first)]
    said = [] if brief else [Note(text) for text in _where_from(first)]
    warnings = dict.fromkeys(text for result in results for text in result.warnings)
    return Report(
        "Projection",
        side_by_side(results) if several else headline(first),
        tuple(table for table in tables if table.rows or table.notes),
        (*said, *(Note(text, "warning") for text in warnings)),
        tuple(of_log.plots(first, prefix)) if full else (),
        csv=csv_of(results),
        subject=next(iter(first.files), ""),
        charts=charts(results),
    )


def arithmetic_view(result: Arithmetic) -> Report:
    """Return savings multiplied, step by step."""
    columns = (
        Column("name", "Step"),
        Column("saved", "Said to save", "percent", priority=1),
        Column("before_usd", "Bill before", "money", priority=3),
        Column("after_usd", "Bill after", "money"),
        Column("saved_usd", "Saved", "money", priority=2),
    )
    rows = tuple(
        (one.name, one.saved, one.before_usd, one.after_usd, EXACT.subtract(one.before_usd, one.after_usd))
        for one in result.steps
    )
    total: tuple[Cell, ...] = (
        "all together",
        result.savings_ratio,
        result.baseline_usd,
        result.optimized_usd,
        result.savings_usd,
    )
    table = Table("steps", "Multiplied, step by step", columns, rows, total)
    head = (
        f"{dollars(result.baseline_usd)} becomes {dollars(result.optimized_usd)}: "
        f"{dollars(result.savings_usd)} saved ({percent(result.savings_ratio)})"
    )
    replay = "llmopt project LOGS replays your own log."
    if len(result.steps) == 1:
        said, note = f"{head}, if the step saves what it is said to.", replay
    else:
        said = f"{head}, if no two steps save the same dollar."
        note = f"They mostly do: a cache answers what routing would have made cheap. {replay}"
    return Report("Projection", said, (table,), (Note(note),), charts=multiplied(result))


def _of_plan(result: Projection, prefix: str, *, brief: bool) -> list[Table]:
    if not result.replay.levers:
        return []
    # Where nothing has a price nobody knows what is saved: rows of $0.00 would say that nothing is.
    priced = (of_plan.waterfall, of_plan.month, of_plan.brochure, of_plan.hurts)
    tables = [table(result, prefix) for table in (priced if result.replay.baseline_usd else ())]
    return tables if brief else [*tables, of_plan.remarks(result, prefix)]


def _of_log(result: Projection) -> list[Table]:
    return [of_log.divergences(result), of_log.left_out(result), of_log.rejected(result)]


def _where_from(result: Projection) -> list[str]:
    """Say what was read."""
    read = f"{plural(result.replay.calls, 'call')} of {plural(len(result.files), 'file')}"
    if not result.replay.calls:
        return [f"{read}."]
    if result.first is None or result.last is None:
        return [f"{read}; none of them says when it was made."]
    start, end = (iso(one.replace(microsecond=0)) for one in (result.first, result.last))
    return [f"{read}, from {start} to {end}; every cache is empty at first. Seed {result.seed}."]
