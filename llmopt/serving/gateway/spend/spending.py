"""Spend caps: a tenant and all of them together may spend so much a UTC day and month, and are refused above.

A request is let in while what was spent, and what the requests under way are estimated to cost, is below the cap; when
it has ended, its cost takes the place of its estimate. So a cap is passed by the cost of the last request only, and not
by that of all who came at once. Processes share what was spent, and each reserves for its own requests. Requests for
models without a price are let in, and counted as `unpriced`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from http import HTTPStatus
from typing import NamedTuple

from llmopt.serving.gateway.call import Call
from llmopt.serving.gateway.spend.caps import ALL, Check, Period, pico, refusal, scope_of, usd
from llmopt.serving.gateway.spend.totals import MemoryTotals, Totals
from llmopt.serving.gateway.values import NO_CAPS, Caller, Caps, Metered

Estimate = Callable[[Call], int]
"""Says in 1e-12 USD what a request may cost at most, about; 0: nobody knows its price."""
_CALLERS = 4096
"""Whose caps are kept at hand."""


class Standing(NamedTuple):
    """How much of a cap is spent."""

    tenant: str
    """Empty: all together."""
    period: str
    """`day` or `month`."""
    spent_usd: Decimal
    cap_usd: Decimal


class Spending:
    """Admits requests and counts what they cost; of one event loop, and an `Observer`.

    Args:
        totals: where it is counted.
        total_caps: of all tenants together.
        estimate: of a request.
        clock: Unix time.
    """

    def __init__(
        self,
        totals: Totals | None = None,
        *,
        total_caps: Caps = NO_CAPS,
        estimate: Estimate | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._totals = totals if totals is not None else MemoryTotals()
        self._total_caps = total_caps
        self._estimate = estimate
        self._clock = clock
        self._period = Period.at(clock())
        self._checks: dict[tuple[str, str], tuple[Caller, tuple[Check, ...]]] = {}
        """By tenant and key, since hashing a caller takes long."""
        self._reserved: Counter[str] = Counter()
        """Estimates of the requests under way, by whom they count for."""
        self._open: dict[str, tuple[str, int]] = {}
        """Requests under way that were admitted under a cap: tenant and estimate, by the request's identifier."""
        self.unpriced = 0
        """Answers of upstreams that count nothing, as nobody knows what they cost."""

    @property
    def store_errors(self) -> int:
        """How often the store of spending could not be asked."""
        return self._totals.errors

    async def admit(self, call: Call) -> None:
        """Let a request in, and reserve what it may cost until `note`. Waits only for a tenant's first sums.

        Raises:
            GatewayError: 429 above a cap of the day, 402 above one of the month.
        """
        checks = self._checks_of(call.caller)
        if not checks:
            return
        names = [check.name for check in checks]
        if None in [self._totals.get(name) for name in names]:
            await self._totals.ask(names)
        for check in checks:
            spent, reserved = self._totals.get(check.name) or 0, self._reserved[check.scope]
            if spent >= check.cap or (reserved and spent + reserved >= check.cap):
                raise refusal(check, call.caller.tenant, spent, self._clock(), waits=spent < check.cap)
        self._totals.seen(names)
        amount = self._estimate(call) if self._estimate is not None else 0
        if amount:
            self._reserve(call.metered.request_id, call.caller.tenant, amount)

    def note(self, metered: Metered) -> None:
        """Count what a call cost, in place of what was reserved for it."""
        if metered.request_id in self._open:
            tenant, amount = self._open.pop(metered.request_id)
            self._give_back(tenant, amount)
        if metered.cost_usd:
            names = self._period_at(metered.began_s).names(metered.tenant)
            self._totals.add(dict.fromkeys(names, pico(metered.cost_usd)))
        elif metered.cost_usd is None and metered.attempts and metered.status < HTTPStatus.BAD_REQUEST:
            self.unpriced += 1

    def standings(self, callers: Iterable[Caller]) -> Iterator[Standing]:
        """Yield how much of each cap is spent, as far as it is known here; for metrics.

        Args:
            callers: whose caps; those of all tenants together come after them.
        """
        self._now()
        checks: dict[str, tuple[str, Check]] = {}
        for caller in callers:
            for check in self._checks_of(caller):
                checks.setdefault(check.name, ("" if check.scope == ALL else caller.tenant, check))
        for check in self._period.checks(ALL, self._total_caps):
            checks.setdefault(check.name, ("", check))
        self._totals.seen(tuple(checks))
        for name, (tenant, check) in checks.items():
            amount = self._totals.last(name)
            if amount is not None:
                yield Standing(tenant, "month" if check.monthly else "day", usd(amount), usd(check.cap))

    def spent_usd(self, tenant: str | None) -> tuple[Decimal, Decimal]:
        """Return what a tenant (None: all together) has spent this day and this month, as far as it is known here."""
        names = self._now().names_of(ALL if tenant is None else scope_of(tenant))
        today, this_month = (usd(self._totals.last(name) or 0) for name in names)
        return today, this_month

    async def close(self) -> None:
        """Write down what is left to write."""
        await self._totals.close()

    def _now(self) -> Period:
        """Return the period, and forget what belongs to the last one when it has ended."""
        period = Period.at(self._clock())
        if period.day != self._period.day:
            self._period = period
            self._checks.clear()
            self._totals.forget((period.day, period.month))
        return self._period

    def _period_at(self, at_s: float) -> Period:
        return self._period if self._period.holds(at_s) else Period.at(at_s)

    def _checks_of(self, caller: Caller) -> tuple[Check, ...]:
        if not self._period.holds(self._clock()):
            self._now()
        place = (caller.tenant, caller.key)
        held = self._checks.get(place)
        if held is None or held[0] != caller:
            if len(self._checks) >= _CALLERS:
                self._checks.clear()
            checks = self._period.checks(scope_of(caller.tenant), caller.caps)
            held = self._checks[place] = caller, checks + self._period.checks(ALL, self._total_caps)
        return held[1]

    def _reserve(self, request_id: str, tenant: str, amount: int) -> None:
        self._open[request_id] = (tenant, amount)
        self._reserved[scope_of(tenant)] += amount
        self._reserved[ALL] += amount

    def _give_back(self, tenant: str, amount: int) -> None:
        for scope in (scope_of(tenant), ALL):
            self._reserved[scope] -= amount
            if not self._reserved[scope]:
                del self._reserved[scope]
