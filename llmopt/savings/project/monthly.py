"""From the days of a log to 30 days at its pace, with a 95 % interval of what they save.

A month is 30 mean days; in a mean day each weekday weighs a seventh, so a log of ten days with two Mondays does not
make a month of Mondays; below a week, weekends weigh two sevenths where they can be told from other days. Days that
the log covers in part are left out, and so are those at its beginning in which a cache that was empty then is still
filling. A whole day without a call is a day that costs nothing: weekends can be like that. The interval is that of
`llmopt.core.pace`, and longer by what is estimated of the savings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from llmopt.core.money import EXACT, MICRO
from llmopt.core.pace import PATTERN_DAYS, WEEK, interval, tells_weekends, weights
from llmopt.savings.project.covered import Covered
from llmopt.savings.project.result import Monthly

MONTH_DAYS = 30
LEAST_DAYS = 3
"""Whole days; fewer say nothing about a month."""
MONTHS = 12
Day = tuple[date, Decimal, Decimal]
"""(UTC day, baseline, optimised) in dollars."""


def monthly(
    days: Sequence[Day],
    whole: Covered,
    *,
    growth: Decimal = Decimal(0),
    seed: int = 0,
    warm_up_s: float = 0.0,
    fixed_usd: Decimal = Decimal(0),
    doubt: tuple[Decimal, Decimal] = (Decimal(0), Decimal(0)),
) -> tuple[Monthly | None, str]:
    """Return 30 days at the pace of a log, or None, and what to say about it ("" for nothing).

    Args:
        days: as in `Projection.days`; days without a call may be missing.
        whole: the days that the log covers from end to end, from `covered`.
        growth: of the calls, a month; 0.1 for 10 %.
        seed: of the resampling.
        warm_up_s: how long after the beginning of the log its replay has not yet seen what a cache would hold: the
            longest TTL of the plan's caches. These days are left out where enough others remain.
        fixed_usd: of what the levers cost in 30 days, the part that does not grow with the calls.
        doubt: how much less and how much more than the replay says may be saved where levers are estimated, as shares
            of the baseline; the interval is so much longer.
    """
    if whole.first is None or whole.days < LEAST_DAYS:
        return None, _too_short(whole)
    cold = whole.cold(warm_up_s)
    skipped = cold if whole.days - cold >= max(WEEK, (whole.days + 1) // 2) else 0
    first = whole.first + timedelta(days=skipped)
    rows = _filled(days, first, whole.days - skipped)
    before, after = (_month(amounts, first) for amounts in ([row[1] for row in rows], [row[2] for row in rows]))
    saved = EXACT.subtract(before, after)
    low, high = _interval([row[1] - row[2] for row in rows], first, seed)
    notes = (*_cut(whole), *_cold(whole, cold, skipped), *_empty(rows))
    found = Monthly(
        days=len(rows),
        baseline_usd=before,
        optimized_usd=after,
        savings_usd=saved,
        low=EXACT.subtract(min(low, saved), _part(before, doubt[0])),
        high=EXACT.add(max(high, saved), _part(before, doubt[1])),
        growth_per_month=growth,
        months=_months(saved, growth, fixed_usd),
        notes=notes,
    )
    return found, _trust(len(rows), first)


def _filled(days: Iterable[Day], first: date, count: int) -> list[Day]:
    """Return so many days from the first on; those that are missing cost nothing."""
    known: dict[date, tuple[Decimal, Decimal]] = defaultdict(lambda: (Decimal(0), Decimal(0)))
    known.update((day, (before, after)) for day, before, after in days)
    wanted = [first + timedelta(days=after) for after in range(count)]
    return [(day, *known[day]) for day in wanted]


def _month(amounts: Sequence[Decimal], first: date) -> Decimal:
    """Return 30 mean days, to the micro-dollar."""
    weighed = weights(len(amounts), first.weekday())
    total = MONTH_DAYS * sum(
        (weight * Fraction(amount) for weight, amount in zip(weighed, amounts, strict=True)), Fraction(0)
    )
    exact = EXACT.divide(Decimal(total.numerator), Decimal(total.denominator))
    return exact.quantize(MICRO, ROUND_HALF_EVEN, EXACT)


def _interval(saved: Sequence[Decimal], first: date, seed: int) -> tuple[Decimal, Decimal]:
    low, high = interval([float(amount) for amount in saved], first.weekday(), horizon=MONTH_DAYS, seed=seed)
    if min(saved) >= 0:  # what saved something on each day does not cost something in a month
        low = max(low, 0.0)
    if max(saved) <= 0:
        high = min(high, 0.0)
    return _dollars(low), _dollars(high)


def _dollars(amount: float) -> Decimal:
    return Decimal(repr(amount)).quantize(MICRO, ROUND_HALF_EVEN, EXACT)


def _part(usd: Decimal, share: Decimal) -> Decimal:
    return EXACT.multiply(usd, max(share, Decimal(0))).quantize(MICRO, ROUND_HALF_EVEN, EXACT)


def _months(saved: Decimal, growth: Decimal, fixed_usd: Decimal) -> tuple[Decimal, ...]:
    """Return twelve months, the first at the pace of the log."""
    growing = EXACT.add(saved, fixed_usd)
    factor, found = Decimal(1), []
    for _ in range(MONTHS):
        found.append(EXACT.subtract(EXACT.multiply(growing, factor), fixed_usd).quantize(MICRO, context=EXACT))
        factor = EXACT.multiply(factor, EXACT.add(Decimal(1), growth))
    return tuple(found)


def _too_short(whole: Covered) -> str:
    if not whole.begins_us and not whole.cut and not whole.days:
        return f"No month: no call says when it was; {LEAST_DAYS} whole days are needed at least."
    seen = f"{whole.days or 'no'} whole day{'s' if whole.days > 1 else ''} (UTC)"
    cut = f", and a part of {_dates(whole.cut)}" if whole.cut else ""
    return f"No month: the log has {seen}{cut}; {LEAST_DAYS} are needed, {PATTERN_DAYS} to know the weekdays."


def _trust(days: int, first: date) -> str:
    """Return how far a month can be trusted."""
    if days >= PATTERN_DAYS:
        return ""
    if days < WEEK:
        known = tells_weekends(days, first.weekday())
        alike = (
            "all working days are taken for alike, and all days of a weekend" if known else "all are taken for alike"
        )
        return f"Only {days} whole days (UTC), less than a week: {alike}."
    return f"{days} whole days (UTC): each weekday was seen once or twice; {PATTERN_DAYS} or more narrow the interval."


def _cut(whole: Covered) -> list[str]:
    if not whole.cut:
        return []
    return [f"Left out of the month, since the log has only a part of the day: {_dates(whole.cut)}."]


def _cold(whole: Covered, cold: int, skipped: int) -> list[str]:
    first = f"first {_days(cold)}" if cold > 1 else "first day"
    if skipped:
        return [f"Left out of the month, since the cache is still filling: the {first}."]
    if cold:
        counts, only = "count" if cold > 1 else "counts", _days(whole.days)
        why = f"although the cache is still filling then, since only {only} are there"
        return [f"The {first} {counts} {why}: a month may save more."]
    return []


def _empty(rows: Sequence[Day]) -> list[str]:
    """Say which days have no cost at all, unless they are of a weekday that never has any."""
    busy = {day.weekday() for day, before, after in rows if before or after}
    empty = [day for day, before, after in rows if day.weekday() in busy and not before and not after]
    count = "counts" if len(empty) == 1 else "count"
    return [f"Within the log, {_days(len(empty))} without a cost {count} as costing nothing."] if empty else []


def _dates(days: Sequence[date]) -> str:
    return ", ".join(day.isoformat() for day in days)


def _days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"
