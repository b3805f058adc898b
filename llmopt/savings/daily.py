"""From a day's calls to dollars a day, a month and a year: what caching and routing save.

Plain products, in exact decimals: no log is read, and nothing is assumed that the caller does not state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from llmopt.core.money import EXACT
from llmopt.errors import UsageError

DAYS_A_MONTH = 30
DAYS_A_YEAR = 365
_MOST = 10**15
"""Calls or dollars beyond this are a slip of the hand."""


@dataclass(frozen=True, slots=True)
class Share:
    """One model's part of the traffic."""

    share: Decimal
    """Of the calls, 0 to 1."""
    usd_per_call: Decimal
    """Mean cost of a call."""


@dataclass(frozen=True, slots=True)
class DayBill:
    """What a day costs before and after."""

    calls_per_day: int
    before_usd: Decimal
    """A day; exact."""
    after_usd: Decimal
    """A day; exact."""

    @property
    def saved_usd(self) -> Decimal:
        """A day; below 0 where it costs more."""
        return EXACT.subtract(self.before_usd, self.after_usd)

    @property
    def saved_month_usd(self) -> Decimal:
        """30 days."""
        return EXACT.multiply(self.saved_usd, Decimal(DAYS_A_MONTH))

    @property
    def saved_year_usd(self) -> Decimal:
        """365 days."""
        return EXACT.multiply(self.saved_usd, Decimal(DAYS_A_YEAR))

    @property
    def saved_share(self) -> Decimal:
        """Part of the cost that is saved, to the millionth; 0 where a day costs nothing."""
        if not self.before_usd:
            return Decimal(0)
        return EXACT.divide(self.saved_usd, self.before_usd).quantize(Decimal("0.000001"), context=EXACT)


def cached(calls_per_day: int, usd_per_call: Decimal, hit_rate: Decimal) -> DayBill:
    """Return what a cache does to a day: every hit saves its call.

    Args:
        calls_per_day: calls.
        usd_per_call: mean cost of a call.
        hit_rate: share of the calls, weighed by cost, that are answered from the cache; 0 to 1.

    Raises:
        UsageError: a number below 0, or a share above 1.
    """
    before = EXACT.multiply(_amount("calls per day", Decimal(calls_per_day)), _amount("cost of a call", usd_per_call))
    saved = EXACT.multiply(before, _share("hit rate", hit_rate))
    return DayBill(calls_per_day, before, EXACT.subtract(before, saved))


def scaled(calls_per_day: int, requests: int, cost_usd: Decimal, saved_usd: Decimal) -> DayBill:
    """Return what a day costs if its calls are like those of a log.

    Args:
        calls_per_day: calls.
        requests: of the log.
        cost_usd: what they cost.
        saved_usd: what is saved of it.

    Raises:
        UsageError: a number below 0, no requests, or more saved than there was.
    """
    calls = _amount("calls per day", Decimal(calls_per_day))
    if requests <= 0:
        raise UsageError("a log without requests says nothing about a day", "give a log that has some")
    cost, less = _amount("cost of the log", cost_usd), _amount("saving of the log", saved_usd)
    if less > cost:
        raise UsageError(f"a log that costs {cost} cannot save {less}")
    before, saved = (_per_call(EXACT.multiply(usd, calls), requests) for usd in (cost, less))
    return DayBill(calls_per_day, before, EXACT.subtract(before, saved))


def routed(calls_per_day: int, before: Sequence[Share], after: Sequence[Share]) -> DayBill:
    """Return what another mix of models does to a day.

    Args:
        calls_per_day: calls.
        before: parts of the traffic by model; shares add up to 1.
        after: the same calls, sent elsewhere; shares add up to 1.

    Raises:
        UsageError: a number below 0, or shares that do not add up to 1.
    """
    calls = _amount("calls per day", Decimal(calls_per_day))
    return DayBill(calls_per_day, *(EXACT.multiply(calls, _mean("mix", mix)) for mix in (before, after)))


def _per_call(usd: Decimal, requests: int) -> Decimal:
    return EXACT.divide(usd, Decimal(requests)).quantize(Decimal("1e-12"), context=EXACT)


def _mean(name: str, mix: Sequence[Share]) -> Decimal:
    """Return the mean cost of a call."""
    total = cost = Decimal(0)
    for part in mix:
        total = EXACT.add(total, _share("share", part.share))
        cost = EXACT.add(cost, EXACT.multiply(part.share, _amount("cost of a call", part.usd_per_call)))
    if total != 1:
        raise UsageError(f"the shares of a {name} add up to {total}, not to 1")
    return cost


def _amount(name: str, value: Decimal) -> Decimal:
    if not value.is_finite() or not 0 <= value <= _MOST:
        raise UsageError(f"{name}: {value} is not a number from 0 to {_MOST:,}")
    return value


def _share(name: str, value: Decimal) -> Decimal:
    if not value.is_finite() or not 0 <= value <= 1:
        raise UsageError(f"{name}: {value} is not a share between 0 and 1")
    return value
