"""From the costs of all sets of levers to a projection: shares, month, brochure, checklist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

from llmopt.core.money import EXACT
from llmopt.savings.project.brochure import brochure, ratio
from llmopt.savings.project.checklist import checklist
from llmopt.savings.project.costs import Costs
from llmopt.savings.project.hurts import hurts
from llmopt.savings.project.log import Log
from llmopt.savings.project.monthly import monthly
from llmopt.savings.project.plan import Plan
from llmopt.savings.project.result import Lever, Monthly, Projection, Replay
from llmopt.savings.project.shapley import Share, shares

_NONE = frozenset[str]()


def assembled(
    plan: Plan, asked: Plan, log: Log, costs: Costs, unmeasured: Mapping[str, str] | None = None
) -> Projection:
    """Return what a plan does to a log; without curves and divergences, for which its calls are needed.

    Args:
        plan: as the user has it.
        asked: as the costs have it, with further levers.
        log: that was read.
        costs: what the log costs with any levers of `asked` on.
        unmeasured: levers that are off and were not tried -> why; None: none.
    """
    on = frozenset(plan.on)
    worth = shares(costs.cost, plan.on)
    replayed = _replay(plan, log, costs, worth)
    first, last = log.span
    days = _days(costs, on)
    month, note = _month(plan, log, days, replayed)
    return Projection(
        name=plan.name,
        files=log.files,
        first=first,
        last=last,
        days=days,
        replay=replayed,
        monthly=month,
        monthly_note=note,
        brochure=brochure(replayed.baseline_usd, replayed.optimized_usd, [worth[lever].alone_usd for lever in plan.on]),
        break_even=None,
        divergences=(),
        checklist=checklist(asked, costs, worth, log.calls, unmeasured or {}),
        left_out=tuple(log.left_out()),
        rejected=log.rejected,
        warnings=(*log.warnings, *log.lacks(), *log.apart()),
        seed=plan.seed,
        min_savings=plan.min_savings,
        plan=plan,
    )


def _replay(plan: Plan, log: Log, costs: Costs, worth: Mapping[str, Share]) -> Replay:
    on = frozenset(plan.on)
    baseline, optimized = costs.cost(_NONE), costs.cost(on)
    exact = costs.exact(on)
    saved = EXACT.subtract(baseline, optimized)
    return Replay(
        baseline_usd=baseline,
        optimized_usd=optimized,
        savings_usd=saved,
        savings_ratio=ratio(saved, baseline),
        low_usd=None if exact else costs.cost(on, "low"),
        high_usd=None if exact else costs.cost(on, "high"),
        calls=log.calls,
        levers=tuple(_levers(plan, costs, worth)),
        hurts=hurts(costs.cost, plan.on, costs.killed(on)),
    )


def _levers(plan: Plan, costs: Costs, worth: Mapping[str, Share]) -> Iterator[Lever]:
    """Put together what is known of each lever that is on."""
    on = frozenset(plan.on)
    dear = cheap = worth
    if not costs.exact(on):
        dear = shares(lambda some: costs.cost(some, "high"), plan.on)
        cheap = shares(lambda some: costs.cost(some, "low"), plan.on)
    for lever in plan.on:
        ends = sorted((dear[lever].saved_usd, cheap[lever].saved_usd))
        ranged = ends[0] != ends[1]
        yield Lever(
            name=lever,
            saved_usd=worth[lever].saved_usd,
            alone_usd=worth[lever].alone_usd,
            last_in_usd=worth[lever].last_in_usd,
            calls=costs.changed(lever, on),
            own_usd=costs.own(lever, on),
            low_usd=ends[0] if ranged else None,
            high_usd=ends[1] if ranged else None,
            unseen=costs.unseen(lever),
            notes=costs.notes(lever, on),
        )


def _days(costs: Costs, on: frozenset[str]) -> tuple[tuple[date, Decimal, Decimal], ...]:
    before, after = costs.by_day(_NONE), costs.by_day(on)
    none = Decimal(0)
    return tuple((day, before.get(day, none), after.get(day, none)) for day in sorted({*before, *after}))


def _month(
    plan: Plan, log: Log, days: tuple[tuple[date, Decimal, Decimal], ...], replayed: Replay
) -> tuple[Monthly | None, str]:
    hits = any(lever.calls for lever in replayed.levers if lever.name == "cache")
    fixed = Decimal(0)
    for lever in plan.on:
        fixed = EXACT.add(fixed, getattr(plan, lever).own.usd_per_month)
    return monthly(
        days,
        log.covered,
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
