"""The tables of a projection that are of its plan: the waterfall of its levers, the month, the checklist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from llmopt.core.money import EXACT, dollars
from llmopt.report.figures import plural
from llmopt.report.project_words import between, is_blind, label, share
from llmopt.report.table import Cell, Column, Note, Table
from llmopt.report.text import percent
from llmopt.savings.project.result import Check, Lever, Monthly, Projection

BAR = 10
"""Characters of the bar of the largest bill."""
MOST_REMARKS = 6
"""Of one lever, for people."""
_LEVERS = (
    Column("lever", "Step"),
    Column("saved_usd", "Saved", "money"),
    Column("saved_ratio", "Of the bill", "percent", priority=2),
    Column("left_usd", "Bill", "money", priority=1),
    Column("bar", "# left, - saved", priority=6, people=True, sketch=True),
    Column("alone_usd", "Alone", "money", priority=3),
    Column("last_in_usd", "Last in", "money", priority=4),
    Column("range", "Saved between", priority=5, optional=True, people=True),
    Column("own_usd", "Own cost", "money", priority=7, optional=True),
    Column("calls", "Calls", "int", priority=7),
    Column("unseen", "Not seen", "int", priority=8, optional=True),
)
_OF_SEVERAL = ("alone_usd", "last_in_usd")
"""Columns that repeat the first where there is one lever only."""
_NOT_TOLD: tuple[Cell, ...] = ("",) * 6
"""What the waterfall says of the log and of all levers together."""


def waterfall(result: Projection, prefix: str = "") -> Table:
    """Return the bill on its way from the log as it is, lever by lever, to what is left.

    Args:
        result: one plan.
        prefix: put before the title, and before the machine name; empty where there is one plan only.
    """
    replay = result.replay
    bills = running(replay.baseline_usd, replay.levers)
    widest = max([replay.baseline_usd, *bills], default=Decimal(0))
    first: tuple[Cell, ...] = ("", "", replay.baseline_usd, _bar(replay.baseline_usd, Decimal(0), widest))
    rows: list[tuple[Cell, ...]] = [("the log as it is", *first, *_NOT_TOLD)]
    for lever, left in zip(replay.levers, bills, strict=True):
        blind = is_blind(lever, replay)
        saved = None if blind else lever.saved_usd
        part = None if blind else share(lever.saved_usd, replay.baseline_usd)
        head: tuple[Cell, ...] = (label(lever.name), saved, part, left, _bar(left, lever.saved_usd, widest))
        rows.append((*head, *_beside(lever, blind=blind)))
    last: tuple[Cell, ...] = (replay.savings_usd, replay.savings_ratio, replay.optimized_usd)
    total = ("all together", *last, _bar(replay.optimized_usd, Decimal(0), widest), *_NOT_TOLD)
    title = f"{prefix}From the bill to what is left of it"
    if not replay.levers:
        return Table("levers", title, _LEVERS, ())
    if len(replay.levers) == 1:
        columns = tuple(replace(one, machine=one.name in _OF_SEVERAL) for one in _LEVERS)
        return Table("levers", title, columns, tuple(rows), total)
    return Table("levers", title, _LEVERS, tuple(rows), total, notes=(Note(_SHAPLEY),))


_SHAPLEY = (
    "Saved: the mean of what a lever adds over all orders of the levers (Shapley value). "
    "Alone: with no other lever on. Last in: what would be lost without it."
)


def running(baseline_usd: Decimal, levers: Sequence[Lever]) -> list[Decimal]:
    """Return the bill after each lever, in their order."""
    bills = []
    for lever in levers:
        baseline_usd = EXACT.subtract(baseline_usd, lever.saved_usd)
        bills.append(baseline_usd)
    return bills


def month(result: Projection, prefix: str = "") -> Table:
    """Return what 30 days cost before and after, with the interval; a note where there is no month to speak of."""
    columns = (
        Column("days", "Whole days of log", "int", priority=3),
        Column("baseline_usd", "Bill", "money", priority=1),
        Column("optimized_usd", "With the plan", "money", priority=2),
        Column("savings_usd", "Saved", "money"),
        Column("range", "95 % interval", people=True),
    )
    found = result.monthly
    said = [result.monthly_note] if result.monthly_note else []
    title = f"{prefix}A month (30 days)"
    if found is None:
        return Table("monthly", title if said else "", columns, (), notes=tuple(Note(text) for text in said))
    row = (found.days, found.baseline_usd, found.optimized_usd, found.savings_usd, between(found.low, found.high))
    if found.growth_per_month and found.months:
        said.append(_grown(found))
    said += [text for text in found.notes if text not in said]
    interval = "The interval is of what is saved in 30 such days, by bootstrap over blocks of days."
    return Table("monthly", title, columns, (row,), notes=tuple(Note(text) for text in (interval, *said)))


def brochure(result: Projection, prefix: str = "") -> Table:
    """Return the replay beside what multiplying the levers' savings would claim, and the gap between both."""
    columns = (
        Column("way", "Counted by"),
        Column("optimized_usd", "Bill", "money", priority=2),
        Column("savings_usd", "Saved", "money", priority=1),
        Column("savings_ratio", "Of the bill", "percent"),
    )
    replay, claim = result.replay, result.brochure
    claimed = EXACT.subtract(replay.baseline_usd, claim.optimized_usd)
    rows: tuple[tuple[Cell, ...], ...] = (
        ("the replay", replay.optimized_usd, replay.savings_usd, replay.savings_ratio),
        ("multiplying, as a brochure does", claim.optimized_usd, claimed, claim.savings_ratio),
    )
    if len(replay.levers) < 2:
        return Table("brochure", "", columns, ())
    return Table("brochure", f"{prefix}Beside the brochure", columns, rows, notes=(Note(_gap(result)),))


def hurts(result: Projection, prefix: str = "") -> Table:
    """Return the levers that cost another one what it saves."""
    columns = (
        Column("lever", "Lever"),
        Column("hurts", "Hurts"),
        Column("usd", "Lost", "money", priority=2),
        Column("why", "Why", priority=1),
    )
    rows = tuple((label(one.lever), label(one.hurts), one.usd, one.why) for one in result.replay.hurts)
    return Table("hurts", f"{prefix}Levers that hurt others", columns, rows)


def remarks(result: Projection, prefix: str = "") -> Table:
    """Return what each lever could not see, and what else one should know of it."""
    columns = (Column("lever", "Lever"), Column("note", "Remark"))
    rows = []
    for lever in result.replay.levers:
        told = not lever.unseen or any(f"{lever.unseen:,} " in note for note in lever.notes)
        unseen = () if told else (f"could not look at {plural(lever.unseen, 'call')}",)
        rows += [(label(lever.name), text) for text in _shortened((*unseen, *lever.notes))]
    return Table("remarks", f"{prefix}About the levers", columns, tuple(rows))


def _shortened(notes: Sequence[str]) -> list[str]:
    """Return the first remarks, and how many more there are."""
    if len(notes) <= MOST_REMARKS:
        return list(notes)
    kept = notes[: MOST_REMARKS - 1]
    return [*kept, f"and {len(notes) - len(kept)} more, which --format json has"]


def checklist(results: Sequence[Projection]) -> Table:
    """Return all levers, on and off, with what each is worth and how to turn it on."""
    columns = (
        Column("name", "Optimisation"),
        Column("on", "On" if len(results) == 1 else "On in"),
        Column("potential_usd", "Potential", "money", priority=0 if len(results) == 1 else 1),
        Column("say", "How", priority=2),
    )
    names = dict.fromkeys(one.name for result in results for one in result.checklist)
    found = {name: [(result.name, _check(result, name)) for result in results] for name in names}
    rows = tuple(_checked(name, [(plan, one) for plan, one in pairs if one]) for name, pairs in found.items())
    on = any(one.on for result in results for one in result.checklist)
    parts = "of what is on, its share of the saving; of what is off, what it saves alone"
    text = f"Potential over this log: {parts if on and len(results) == 1 else 'what each saves with no other on'}."
    return Table("checklist", "Checklist", columns, rows, notes=(Note(text),) if rows else ())


def _check(result: Projection, name: str) -> Check | None:
    found = next((one for one in result.checklist if one.name == name), None)
    unknown = found is not None and not result.replay.baseline_usd
    return replace(found, potential_usd=None) if found and unknown else found


def _checked(name: str, found: Sequence[tuple[str, Check]]) -> tuple[Cell, ...]:
    """Return one line for all plans; where a lever is off in some, what it could do there."""
    on = [plan for plan, one in found if one.on]
    shown = next((one for _, one in found if not one.on), found[0][1])
    if len(found) == 1:
        return (label(name), "yes" if on else "no", shown.potential_usd, shown.say)
    where = "all plans" if len(on) == len(found) else ", ".join(on) or "none"
    return (label(name), where, None if shown.on else shown.potential_usd, shown.say)


def _grown(found: Monthly) -> str:
    year = sum(found.months, Decimal(0))
    more = "more" if found.growth_per_month > 0 else "fewer"
    return (
        f"With {percent(abs(found.growth_per_month))} {more} calls each month: {dollars(found.months[0])} saved in the "
        f"first month, {dollars(found.months[-1])} in month {len(found.months)}, {dollars(year)} in all of them."
    )


def _beside(lever: Lever, *, blind: bool) -> tuple[Cell, ...]:
    """Return the columns behind the bill; of a lever that could look at no call nothing is known, which is not 0."""
    alone: tuple[Cell, ...] = (None, None, "") if blind else (lever.alone_usd, lever.last_in_usd, _ends(lever))
    return (*alone, lever.own_usd, lever.calls, lever.unseen)


def _ends(lever: Lever) -> str:
    """Return the range of what a lever saves; nothing where both ends show the same figure."""
    if lever.low_usd is None or lever.high_usd is None or dollars(lever.low_usd) == dollars(lever.high_usd):
        return ""
    return between(lever.low_usd, lever.high_usd) or ""


def _bar(left: Decimal, saved: Decimal, widest: Decimal) -> str:
    """Return a bill as a bar: `#` for what is left, `-` for what this step took off, `+` for what it put on."""
    if widest <= 0:
        return ""
    before = left + saved
    ends = [round(max(usd, Decimal(0)) / widest * BAR) for usd in (left, before)]
    kept = min(ends)
    return "#" * kept + ("-" if saved >= 0 else "+") * (max(ends) - kept)


def _gap(result: Projection) -> str:
    claim, replay = result.brochure, result.replay
    if not claim.gap_usd:
        return "Here both agree."
    if claim.gap_usd < 0:
        why = "these levers save on different calls, or help each other"
        return f"Here multiplying claims {dollars(-claim.gap_usd)} too little: {why}."
    said = f"Multiplying claims {dollars(claim.gap_usd)} more than the replay finds"
    if claim.optimized_usd <= 0:
        return f"{said}."
    times = EXACT.divide(replay.optimized_usd, claim.optimized_usd)
    return f"{said}: the bill would be {times:,.2f} times what it says."
