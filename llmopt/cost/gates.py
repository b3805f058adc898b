"""The checks a user can ask of a priced log: pure functions of the report, every one of them run."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from llmopt.core.check import Check, failures
from llmopt.core.money import EXACT, dollars, exact_text
from llmopt.cost.baseline import Comparison
from llmopt.cost.result import CostReport


@dataclass(frozen=True, slots=True)
class Limits:
    """What the user asked to hold; None (or False) where nothing was asked."""

    max_cost_usd: Decimal | None = None
    max_monthly_usd: Decimal | None = None
    max_cost_per_request_usd: Decimal | None = None
    """Holds for the dearest single request, not for the mean."""
    max_unpriced: int | None = None
    """Requests without a price."""
    max_increase: Decimal | None = None
    """Fraction over the baseline's cost: 0.1 allows 10 % more."""
    strict: bool = False
    """Nothing unpriced, nothing rejected, no warning about prices."""


def checks(report: CostReport, limits: Limits, comparison: Comparison | None = None) -> tuple[Check, ...]:
    """Return each check of `limits` that was asked for with its outcome, in a fixed order.

    A figure that is unknown fails its check: a limit that cannot be checked does not hold.
    """
    found = (
        _cost(report, limits.max_cost_usd),
        _monthly(report, limits.max_monthly_usd),
        _dearest(report, limits.max_cost_per_request_usd),
        _unpriced(report, limits.max_unpriced),
        _increase(comparison, limits.max_increase),
        Check("--strict", failures=tuple(_strict(report))) if limits.strict else None,
    )
    return tuple(check for check in found if check is not None)


def failed_checks(report: CostReport, limits: Limits, comparison: Comparison | None = None) -> tuple[str, ...]:
    """Return one line for each check of `limits` that does not hold, in a fixed order; empty: all hold."""
    return failures(checks(report, limits, comparison))


def _cost(report: CostReport, limit: Decimal | None) -> Check | None:
    return None if limit is None else _under("--max-cost", "the cost", report.total.cost_usd, limit)


def _under(name: str, what: str, amount: Decimal, limit: Decimal) -> Check:
    failed = () if amount <= limit else (f"{what} is {_exactly(amount)}, over {name} {dollars(limit)}",)
    return Check(name, dollars(limit), _exactly(amount), failures=failed)


def _exactly(amount: Decimal) -> str:
    """Dollars, with the exact figure where rounding would hide by how much a limit is missed."""
    rounded = dollars(amount)
    exact = exact_text(amount)
    return rounded if Decimal(rounded.replace("$", "").replace(",", "")) == amount else f"{rounded} (${exact})"


def _monthly(report: CostReport, limit: Decimal | None) -> Check | None:
    name = "--max-monthly"
    if limit is None:
        return None
    if report.monthly_usd is None:
        why = f"the monthly cost is unknown: {name} needs timestamps that span an hour or more"
        return Check(name, dollars(limit), failures=(why,))
    return _under(name, "the cost scaled to 30 days", report.monthly_usd, limit)


def _dearest(report: CostReport, limit: Decimal | None) -> Check | None:
    name = "--max-cost-per-request"
    if limit is None:
        return None
    if not report.priced:
        return Check(name, dollars(limit))
    if report.dearest_request_usd is None:
        why = f"the dearest request is unknown: {name} needs records of single requests"
        return Check(name, dollars(limit), failures=(why,))
    return _under(name, "the dearest request", report.dearest_request_usd, limit)


def _unpriced(report: CostReport, limit: int | None) -> Check | None:
    count = sum(entry.requests for entry in report.unpriced)
    if limit is None:
        return None
    failed = (f"{count:,} requests have no price, over --max-unpriced {limit:,}",) if count > limit else ()
    return Check("--max-unpriced", f"{limit:,}", f"{count:,}", failures=failed)


def _increase(comparison: Comparison | None, limit: Decimal | None) -> Check | None:
    if comparison is None or limit is None:
        return None
    before, now = comparison.total.before_usd, comparison.total.now_usd
    percent = f"{exact_text(limit * 100)}%"
    grown = _grown(before, now)
    failed: tuple[str, ...] = ()
    if now > EXACT.multiply(before, 1 + limit):
        allowed = f"--max-increase {percent}"
        failed = (
            f"the cost is {_exactly(now)} and the baseline's was $0.00, over {allowed}"
            if grown is None
            else f"the cost is {dollars(now)}, {grown} over the baseline's {dollars(before)} ({allowed})",
        )
    return Check("--max-increase", percent, grown or dollars(now), failures=failed)


def _grown(before: Decimal, now: Decimal) -> str | None:
    """Return by how much a cost is over an earlier one; None over nothing."""
    if before == 0:
        return None
    return f"{exact_text(EXACT.divide(100 * (now - before), before).quantize(Decimal('0.01'), context=EXACT))}%"


def _strict(report: CostReport) -> list[str]:
    lines = [
        f"{entry.requests:,} requests of model {entry.model or '(none)'} have no price: {entry.reason} (--strict)"
        for entry in report.unpriced
    ]
    lines += [
        f"{entry.count:,} records rejected: {entry.reason}, first at {entry.first} (--strict)"
        for entry in report.rejected
    ]
    return lines + [f"warning: {warning} (--strict)" for warning in report.warnings]
