"""What a priced log looks like: dollars by day and model, or by group where the log has no days to tell apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from llmopt.core.money import EXACT
from llmopt.cost.result import CostReport, DaySpend
from llmopt.report.table import Bars, Chart, Layer, Meter, Meters, Note

MODELS = 8
"""Models with a colour of their own; the others share one."""
MOST_BARS = 62
"""Days that are drawn as days, and weeks as weeks; a longer log is drawn in longer periods."""
MOST_MONTHS = 120
MOST_PERIODS = 200
"""Beyond these only periods in which something was spent are drawn, the newest of them."""
GROUPS = 12
_PERIODS: Mapping[str, Callable[[date], date]] = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
    "year": lambda day: day.replace(month=1, day=1),
}
"""Period -> the first day of the one that a day lies in; weeks begin on Mondays."""
_LABELS = {"day": 10, "week": 10, "month": 7, "year": 4}
"""Characters of an ISO date that name a period."""


def charts(report: CostReport) -> tuple[Chart, ...]:
    """Return the charts of a report, the main one first; none where nothing was spent."""
    days = [one for one in report.days if one.cost_usd > 0]
    if len({one.day for one in days}) > 1:
        return (spend(days),)
    return _by_group(report)


def spend(days: Sequence[DaySpend]) -> Bars:
    """Return dollars over time by model, in days, weeks, months or years: whichever can be told apart.

    Args:
        days: at least one.
    """
    first, last = min(one.day for one in days), max(one.day for one in days)
    period = period_of(first, last)
    start = _PERIODS[period]
    models = _dearest(days)
    named = {model: place for place, model in enumerate(models[:MODELS])}
    sums: dict[tuple[date, int], Decimal] = defaultdict(Decimal)
    for one in days:
        key = start(one.day), named.get(one.model, MODELS)
        sums[key] = EXACT.add(sums[key], one.cost_usd)
    spent_in = sorted({when for when, _ in sums})
    periods = _without_gaps(spent_in, period)[-MOST_PERIODS:]
    layers = [
        Layer(model or "(no model)", tuple(sums[when, place] for when in periods)) for model, place in named.items()
    ]
    if len(models) > MODELS:
        label = f"{len(models) - MODELS:,} others"
        layers.append(Layer(label, tuple(sums[when, MODELS] for when in periods), rest=True))
    hidden = sum(1 for when in spent_in if when < periods[0])
    notes = (Note(f"{hidden:,} earlier {period}s are not drawn."),) if hidden else ()
    labels = tuple(when.isoformat()[: _LABELS[period]] for when in periods)
    return Bars("spend", f"Spend by {period} and model", period, labels, tuple(layers), notes=notes)


def period_of(first: date, last: date) -> str:
    """Return how long the periods of a span are drawn: `day`, `week`, `month` or `year`."""
    days = (last - first).days + 1
    if days <= MOST_BARS:
        return "day"
    if days <= MOST_BARS * 7:
        return "week"
    return "month" if days <= MOST_MONTHS * 30 else "year"


def _without_gaps(spent_in: list[date], period: str) -> list[date]:
    """Return the periods with those between them in which nothing was spent; not where there are too many."""
    found = [spent_in[0]]
    longest = {"day": 1, "week": 7, "month": 31, "year": 366}[period]
    while found[-1] < spent_in[-1] and len(found) <= MOST_PERIODS:
        found.append(_PERIODS[period](found[-1] + timedelta(days=longest)))
    return found if found[-1] == spent_in[-1] else spent_in


def _dearest(days: Sequence[DaySpend]) -> list[str]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for one in days:
        sums[one.model] = EXACT.add(sums[one.model], one.cost_usd)
    return sorted(sums, key=lambda model: (-sums[model], model))


def _by_group(report: CostReport) -> tuple[Chart, ...]:
    spent = [group for group in report.groups if group.totals.cost_usd > 0]
    if not spent or not report.by:
        return ()
    meters = tuple(
        Meter(", ".join(value or f"(no {name})" for name, value in group.key.items()), group.totals.cost_usd)
        for group in spent[:GROUPS]
    )
    more = len(spent) - len(meters)
    notes = (Note(f"{more:,} more are in the table."),) if more else ()
    return (Meters("groups-chart", f"Cost by {', '.join(report.by)}", meters, "money", notes=notes),)
