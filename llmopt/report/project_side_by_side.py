"""Several plans on one log, beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from llmopt.core.money import dollars
from llmopt.report.figures import plural
from llmopt.report.project_words import between, is_blind, label, long
from llmopt.report.table import Cell, Column, Table
from llmopt.report.text import clean, percent
from llmopt.savings.project.plan import LEVERS
from llmopt.savings.project.result import Projection, Replay

_PLANS = (
    Column("plan", "Plan"),
    Column("optimized_usd", "Bill", "money", priority=1),
    Column("savings_usd", "Saved", "money", priority=2),
    Column("savings_ratio", "Of the bill", "percent"),
    Column("month_usd", "Saved a month", "money", priority=3),
    Column("range", "95 % interval", priority=5),
    Column("brochure_ratio", "Brochure claims", "percent", priority=4),
    Column("levers", "Levers", priority=6),
)


def side_by_side(results: Sequence[Projection]) -> str:
    """Return the answer for several plans: which one saves most."""
    best = max(results, key=lambda one: one.replay.savings_usd)
    replay = best.replay
    log = f"{plural(len(results), 'plan')} on this log of {plural(replay.calls, 'call')} ({long(best)})"
    if not replay.baseline_usd:
        return f"{log}: nothing has a price above $0, no saving can be told."
    saved = f"{dollars(replay.savings_usd)} of {dollars(replay.baseline_usd)} ({percent(replay.savings_ratio)})"
    if replay.savings_usd <= 0:
        return f"{log}: none saves anything."
    return f"{log}: {best.name!r} saves most, {saved}."


def plans(results: Sequence[Projection]) -> Table:
    """Return a row for each plan, below one for the log as it is."""
    baseline: tuple[Cell, ...] = ("the log as it is", results[0].replay.baseline_usd, *("",) * (len(_PLANS) - 2))
    return Table("plans", "Plans side by side", _PLANS, (baseline, *(_row(one) for one in results)))


def saved_by_lever(results: Sequence[Projection]) -> Table:
    """Return what each lever saves in each plan: a row a lever, a column a plan."""
    on = {lever.name for result in results for lever in result.replay.levers}
    names = [*(name for name in LEVERS if name in on), *sorted(on - set(LEVERS))]
    columns = [
        Column(f"plan_{at}", clean(result.name), "money", priority=at - 1) for at, result in enumerate(results, 1)
    ]
    saved = [_saved(result.replay) for result in results]
    rows = tuple((label(name), *(of.get(name, "") for of in saved)) for name in names)
    total: tuple[Cell, ...] = ("all together", *(result.replay.savings_usd for result in results))
    head = Column("lever", "Lever")
    return Table("saved", "Saved by lever (share in all orders)", (head, *columns), rows, total if rows else None)


def _saved(replay: Replay) -> dict[str, Decimal | None]:
    return {lever.name: None if is_blind(lever, replay) else lever.saved_usd for lever in replay.levers}


def _row(result: Projection) -> tuple[Cell, ...]:
    replay, month = result.replay, result.monthly
    of_month: tuple[Cell, ...] = (month.savings_usd, between(month.low, month.high)) if month else (None, None)
    levers = ", ".join(label(lever.name) for lever in replay.levers)
    bill = (replay.optimized_usd, replay.savings_usd, replay.savings_ratio)
    return (result.name, *bill, *of_month, result.brochure.savings_ratio, levers)
