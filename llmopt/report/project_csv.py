"""Projections as one table for spreadsheets: a row for each step of each plan, those that are off below."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt.report.project_tables import running
from llmopt.report.project_words import share
from llmopt.report.table import Cell, Column, Table
from llmopt.savings.project.result import Projection

BASELINE = "baseline"
_COLUMNS = (
    Column("plan", "Plan"),
    Column("lever", "Step"),
    Column("on", "On"),
    Column("saved_usd", "Saved", "money"),
    Column("saved_ratio", "Of the bill", "percent"),
    Column("left_usd", "Bill", "money"),
    Column("alone_usd", "Alone", "money"),
    Column("last_in_usd", "Last in", "money"),
    Column("low_usd", "Saved at least", "money"),
    Column("high_usd", "At most", "money"),
    Column("own_usd", "Own cost", "money"),
    Column("calls", "Calls", "int"),
    Column("unseen", "Not seen", "int"),
    Column("potential_usd", "Potential", "money"),
)


def csv_of(results: Sequence[Projection]) -> Table:
    """Return the rows of all plans: the log as it is, each lever that is on in turn, then those that are off."""
    rows = [row for result in results for row in _rows(result)]
    return Table("steps", "Steps", _COLUMNS, tuple(rows))


def _rows(result: Projection) -> list[tuple[Cell, ...]]:
    replay = result.replay
    potential = {one.name: one.potential_usd for one in result.checklist}
    rows: list[tuple[Cell, ...]] = [
        (result.name, BASELINE, None, None, None, replay.baseline_usd, *(None,) * 5, replay.calls, None, None)
    ]
    for lever, left in zip(replay.levers, running(replay.baseline_usd, replay.levers), strict=True):
        saved: tuple[Cell, ...] = (lever.saved_usd, share(lever.saved_usd, replay.baseline_usd), left)
        alone: tuple[Cell, ...] = (lever.alone_usd, lever.last_in_usd, lever.low_usd, lever.high_usd, lever.own_usd)
        beside: tuple[Cell, ...] = (lever.calls, lever.unseen, potential.get(lever.name))
        rows.append((result.name, lever.name, "yes", *saved, *alone, *beside))
    off = [one for one in result.checklist if not one.on]
    rows += [(result.name, one.name, "no", *(None,) * 10, one.potential_usd) for one in off]
    return rows
