"""From the costs of all sets of levers to a projection: shares, month, brochure, curves, checklist."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from llmopt.core import money
from llmopt.core.money import EXACT
from llmopt.cost.call_columns import CallColumns
from llmopt.savings.project.break_even import break_even
from llmopt.savings.project.brochure import brochure, ratio
from llmopt.savings.project.by_call import timed_calls
from llmopt.savings.project.checklist import checklist
from llmopt.savings.project.covered import APART_DAYS, covered, most_calls
from llmopt.savings.project.divergences import divergences
from llmopt.savings.project.hurts import hurts
from llmopt.savings.project.monthly import monthly
from llmopt.savings.project.plan import CacheLever, Plan
from llmopt.savings.project.prefixes.rules import PrefixRules
from llmopt.savings.project.requests import Requests
from llmopt.savings.project.result import BreakEven, Lever, Monthly, Projection, Replay, Unseen
from llmopt.savings.project.shapley import Share, shares

if TYPE_CHECKING:
    from llmopt.savings.project.coalitions import Coalitions

_NONE = frozenset[str]()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def assembled(
    plan: Plan, asked: Plan, columns: CallColumns, requests: Requests, coalitions: Coalitions, warnings: tuple[str, ...]
) -> Projection:
    """Return what a plan does to a log.

    Args:
        plan: as the user has it.
        asked: as the coalitions have it, with further levers.
        columns: the calls.
        requests: what is known of what they ask.
        coalitions: what the log costs with any levers of `asked` on.
        warnings: what there is to say about all of the log.
    """
    on = frozenset(plan.on)
    worth = shares(coalitions.cost, plan.on)
    replayed = _replay(plan, columns, coalitions, worth)
    first, last = _span(columns)
    days = _days(coalitions, on)
    month, note = _month(plan, columns, days, replayed)
    return Projection(
        name=plan.name,
        files=columns.files,
        first=first,
        last=last,
        days=days,
        replay=replayed,
        monthly=month,
        monthly_note=note,
        brochure=brochure(replayed.baseline_usd, replayed.optimized_usd, [worth[lever].alone_usd for lever in plan.on]),
        break_even=_break_even(plan, columns, coalitions, replayed, (first, last)),
        divergences=divergences(columns, requests, requests.templates, coalitions, PrefixRules.load()),
        checklist=checklist(asked, coalitions, worth, len(columns)),
        left_out=tuple(_left_out(columns)),
        rejected=columns.rejected,
        warnings=(*columns.warnings, *warnings, *_apart(columns)),
        seed=plan.seed,
        min_savings=plan.min_savings,
        plan=plan,
    )


def _replay(plan: Plan, columns: CallColumns, coalitions: Coalitions, worth: Mapping[str, Share]) -> Replay:
    on = frozenset(plan.on)
    baseline, optimized = coalitions.cost(_NONE), coalitions.cost(on)
    exact = coalitions.exact(on)
    saved = EXACT.subtract(baseline, optimized)
    return Replay(
        baseline_usd=baseline,
        optimized_usd=optimized,
        savings_usd=saved,
        savings_ratio=ratio(saved, baseline),
        low_usd=None if exact else coalitions.cost(on, "low"),
        high_usd=None if exact else coalitions.cost(on, "high"),
        calls=len(columns),
        levers=tuple(_levers(plan, coalitions, worth)),
        hurts=hurts(coalitions.cost, plan.on, coalitions.killed(on)),
    )


def _levers(plan: Plan, coalitions: Coalitions, worth: Mapping[str, Share]) -> Iterator[Lever]:
    """Put together what is known of each lever that is on."""
    on = frozenset(plan.on)
    dear = cheap = worth
    if not coalitions.exact(on):
        dear = shares(lambda some: coalitions.cost(some, "high"), plan.on)
        cheap = shares(lambda some: coalitions.cost(some, "low"), plan.on)
    for lever in plan.on:
        ends = sorted((dear[lever].saved_usd, cheap[lever].saved_usd))
        ranged = ends[0] != ends[1]
        yield Lever(
            name=lever,
            saved_usd=worth[lever].saved_usd,
            alone_usd=worth[lever].alone_usd,
            last_in_usd=worth[lever].last_in_usd,
            calls=coalitions.changed(lever, on),
            own_usd=coalitions.own(lever, on),
            low_usd=ends[0] if ranged else None,
            high_usd=ends[1] if ranged else None,
            unseen=coalitions.unseen(lever),
            notes=coalitions.notes(lever, on),
        )


def _span(columns: CallColumns) -> tuple[datetime | None, datetime | None]:
    """Return when the first and the last call was that has a time; those far apart from most others left out."""
    most = most_calls(columns.at_us[: timed_calls(columns)])
    if not most:
        return None, None
    ends = columns.at_us[most.start], columns.at_us[most.stop - 1]
    first, last = (_EPOCH + timedelta(microseconds=end) for end in ends)
    return first, last


def _apart(columns: CallColumns) -> Iterator[str]:
    """Say which calls are taken to be no part of the time that the log covers."""
    timed = timed_calls(columns)
    calls = timed - len(most_calls(columns.at_us[:timed]))
    if calls:
        those = "1 call is" if calls == 1 else f"{calls:,} calls are"
        yield (
            f"{those} more than {APART_DAYS} days away from the others: replayed, but no part of the log's length, on "
            "which fees by the month, machines and the month depend; if wrong times are the reason, leave them out "
            "with --since or --until"
        )


def _days(coalitions: Coalitions, on: frozenset[str]) -> tuple[tuple[date, Decimal, Decimal], ...]:
    before, after = coalitions.by_day(_NONE), coalitions.by_day(on)
    none = Decimal(0)
    return tuple((day, before.get(day, none), after.get(day, none)) for day in sorted({*before, *after}))


def _month(
    plan: Plan, columns: CallColumns, days: tuple[tuple[date, Decimal, Decimal], ...], replayed: Replay
) -> tuple[Monthly | None, str]:
    timed = timed_calls(columns)
    hits = any(lever.calls for lever in replayed.levers if lever.name == "cache")
    fixed = Decimal(0)
    for lever in plan.on:
        fixed = EXACT.add(fixed, getattr(plan, lever).own.usd_per_month)
    return monthly(
        days,
        covered(columns.at_us[:timed]),
        growth=plan.growth_per_month,
        seed=plan.seed,
        warm_up_s=plan.cache.ttl_s if plan.cache and hits else 0.0,
        fixed_usd=fixed,
        doubt=_doubt(replayed),
    )


def _doubt(replayed: Replay) -> tuple[Decimal, Decimal]:
    """Return how much less and more may be saved where levers are estimated, as shares of the baseline."""
    if replayed.low_usd is None or replayed.high_usd is None or not replayed.baseline_usd:
        return Decimal(0), Decimal(0)
    ends = sorted((replayed.low_usd, replayed.high_usd))
    dearer = EXACT.subtract(ends[1], replayed.optimized_usd)
    cheaper = EXACT.subtract(replayed.optimized_usd, ends[0])
    return EXACT.divide(dearer, replayed.baseline_usd), EXACT.divide(cheaper, replayed.baseline_usd)


def _break_even(
    plan: Plan,
    columns: CallColumns,
    coalitions: Coalitions,
    replayed: Replay,
    span: tuple[datetime | None, datetime | None],
) -> BreakEven | None:
    """Return the curves of the cache, with what it may cost beside the other levers."""
    # Where the cache is off in the user's plan, the coalitions have it at its usual settings.
    lever, asked = plan.cache or CacheLever(), coalitions.asked
    if asked is None:
        return None
    curves = break_even(columns, asked, lever, plan.seed, known=_alone(coalitions))
    if curves is None:
        return None
    own = next((one for one in replayed.levers if one.name == "cache"), None)
    saved = max(point.saved_usd for point in curves.by_ttl)
    if own is not None:
        saved = EXACT.add(own.last_in_usd, own.own_usd)
    return replace(curves, least_usd_per_month=money.monthly(saved, *span))


def _alone(coalitions: Coalitions) -> tuple[int, Decimal]:
    """Return how many calls the cache answers, and what they cost without any other lever."""
    only = frozenset({"cache"})
    saved = EXACT.subtract(coalitions.cost(_NONE), coalitions.cost(only))
    return coalitions.changed("cache", only), EXACT.add(saved, coalitions.own("cache", only))


def _left_out(columns: CallColumns) -> Iterator[Unseen]:
    """Name the records that carry no dollars in the replay."""
    if columns.aggregated:
        yield Unseen("sums of many requests, which cannot be replayed", columns.aggregated, columns.aggregated_usd)
    if columns.free:
        yield Unseen("free already: hits of a gateway's cache, failed requests", columns.free, Decimal(0))
    unpriced = Counter[str]()
    for number, calls in Counter(columns.kind).items():
        if columns.kinds[number].price is None:
            unpriced[columns.kinds[number].unpriced or "no price"] += calls
    for reason, calls in sorted(unpriced.items()):
        yield Unseen(f"without a price: {reason}", calls, None)
