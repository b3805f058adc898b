"""Caps of a period, the names of the sums that they are held against, and how a caller is told that one is reached."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal
from http import HTTPStatus
from typing import Self

from llmopt.core.money import exact_text
from llmopt.serving.gateway.errors import GatewayError
from llmopt.serving.gateway.values import Caps

ALL = "all"
"""Scope of all tenants together."""
_PLACES = 12
_DAY_S = 86_400
_SOON_S = 1


def scope_of(tenant: str) -> str:
    """Return the scope of a tenant, whatever its name is."""
    return f"tenant:{tenant}"


def pico(amount_usd: Decimal) -> int:
    """Return an amount in integers of 1e-12 USD, rounded up: prices have fewer places, and no cost becomes none."""
    return int(amount_usd.scaleb(_PLACES).to_integral_value(ROUND_CEILING))


def usd(amount: int) -> Decimal:
    """Return an amount of 1e-12 USD in USD."""
    return Decimal(amount).scaleb(-_PLACES)


@dataclass(frozen=True, slots=True)
class Check:
    """A sum that must stay below a cap."""

    name: str
    """Of the sum."""
    scope: str
    """Whose it is."""
    cap: int
    """In 1e-12 USD."""
    monthly: bool
    """Whether it is a month's; else a day's."""
    ends_s: int
    """When the period is over, in Unix time."""


@dataclass(frozen=True, slots=True)
class Period:
    """A UTC day and its month."""

    day: str
    """`day:2026-11-23:`, what names of its sums begin with."""
    month: str
    """`month:2026-11:`"""
    begins_s: int
    """Unix time."""
    month_ends_s: int
    """Unix time."""

    @classmethod
    def at(cls, at_s: float) -> Self:
        """Return the period that holds a Unix time."""
        now = datetime.fromtimestamp(at_s, UTC)
        following = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)
        begins_s = int(at_s) // _DAY_S * _DAY_S
        return cls(f"day:{now:%Y-%m-%d}:", f"month:{now:%Y-%m}:", begins_s, int(following.timestamp()))

    def holds(self, at_s: float) -> bool:
        """Return whether a Unix time is on this day."""
        return self.begins_s <= at_s < self.begins_s + _DAY_S

    def names_of(self, scope: str) -> tuple[str, str]:
        """Return the names of a scope's sums of the day and of the month."""
        return self.day + scope, self.month + scope

    def names(self, tenant: str) -> tuple[str, str, str, str]:
        """Return the names of all sums that a tenant's call counts in."""
        return *self.names_of(scope_of(tenant)), *self.names_of(ALL)

    def checks(self, scope: str, caps: Caps) -> tuple[Check, ...]:
        """Return what to check for a scope: the month first, as more time will not help there."""
        today, this_month = self.names_of(scope)
        found = []
        if caps.usd_per_month is not None:
            found.append(Check(this_month, scope, pico(caps.usd_per_month), True, self.month_ends_s))
        if caps.usd_per_day is not None:
            found.append(Check(today, scope, pico(caps.usd_per_day), False, self.begins_s + _DAY_S))
        return tuple(found)


def refusal(check: Check, tenant: str, spent: int, now_s: float, *, waits: bool) -> GatewayError:
    """Return what a caller is told above a cap.

    Args:
        check: the cap.
        tenant: who calls.
        spent: so far, in 1e-12 USD.
        now_s: Unix time.
        waits: whether the rest of the cap is reserved for requests under way, of which some may be given back soon.
    """
    who = "all tenants together" if check.scope == ALL else _who(tenant)
    period = "month" if check.monthly else "day"
    resets = datetime.fromtimestamp(check.ends_s, UTC).isoformat().replace("+00:00", "Z")
    so_far, most = exact_text(usd(spent)), exact_text(usd(check.cap))
    said = f"{who}: spent {so_far} USD of {most} USD for this UTC {period}; it begins anew at {resets}"
    if waits:
        said += "; the rest is held for requests under way: try again when they have ended"
    else:
        said += f"; whoever runs this gateway can raise usd_per_{period}"
    headers: list[tuple[bytes, bytes]] = [(b"x-should-retry", b"false")]
    if waits:
        headers.append((b"retry-after", b"%d" % _SOON_S))
    elif not check.monthly:
        headers.append((b"retry-after", b"%d" % max(1, check.ends_s - int(now_s))))
    status = HTTPStatus.PAYMENT_REQUIRED if check.monthly else HTTPStatus.TOO_MANY_REQUESTS
    return GatewayError(status, "budget_exceeded", said, tuple(headers))


def _who(tenant: str) -> str:
    return f"tenant {tenant}" if tenant else "callers without a credential"
