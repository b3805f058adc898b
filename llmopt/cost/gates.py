"""The checks a user can ask of a priced log: pure functions of the report, every one of them run."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

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


def failed_checks(report: CostReport, limits: Limits, comparison: Comparison | None = None) -> tuple[str, ...]:
    """Return one line for each check of `limits` that does not hold, in a fixed order; empty: all hold.

    A figure that is unknown fails its check: a limit that cannot be checked does not hold.
    """
    lines = [
        _over("the cost", report.total.cost_usd, limits.max_cost_usd, "--max-cost"),
        _monthly(report, limits.max_monthly_usd),
        _dearest(report, limits.max_cost_per_request_usd),
        _unpriced(report, limits.max_unpriced),
        _increase(comparison, limits.max_increase),
        *(_strict(report) if limits.strict else ()),
    ]
    return tuple(line for line in lines if line)


def _over(what: str, amount: Decimal, limit: Decimal | None, flag: str) -> str:
    if limit is None or amount <= limit:
        return ""
    return f"{what} is {_exactly(amount)}, over {flag} {dollars(limit)}"


def _exactly(amount: Decimal) -> str:
    """Dollars, with the exact figure where rounding would hide by how much a limit is missed."""
    rounded = dollars(amount)
    exact = exact_text(amount)
    return rounded if Decimal(rounded.replace("$", "").replace(",", "")) == amount else f"{rounded} (${exact})"


def _monthly(report: CostReport, limit: Decimal | None) -> str:
    if limit is None:
        return ""
    if report.monthly_usd is None:
        return "the monthly cost is unknown: --max-monthly needs timestamps that span an hour or more"
    return _over("the cost scaled to 30 days", report.monthly_usd, limit, "--max-monthly")


def _dearest(report: CostReport, limit: Decimal | None) -> str:
    if limit is None or not report.priced:
        return ""
    if report.dearest_request_usd is None:
        return "the dearest request is unknown: --max-cost-per-request needs records of single requests"
    return _over("the dearest request", report.dearest_request_usd, limit, "--max-cost-per-request")


def _unpriced(report: CostReport, limit: int | None) -> str:
    count = sum(entry.requests for entry in report.unpriced)
    if limit is None or count <= limit:
        return ""
    return f"{count:,} requests have no price, over --max-unpriced {limit:,}"


def _increase(comparison: Comparison | None, limit: Decimal | None) -> str:
    if comparison is None or limit is None:
        return ""
    before, now = comparison.total.before_usd, comparison.total.now_usd
    if now <= EXACT.multiply(before, 1 + limit):
        return ""
    allowed = f"--max-increase {exact_text(limit * 100)}%"
    if before == 0:
        return f"the cost is {_exactly(now)} and the baseline's was $0.00, over {allowed}"
    change = exact_text(EXACT.divide(100 * (now - before), before).quantize(Decimal("0.01")))
    return f"the cost is {dollars(now)}, {change}% over the baseline's {dollars(before)} ({allowed})"


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
