"""`Cascade`: the cheap model first, and a better one when its answer fails a check; both are paid for, and counted.

Chen, Zaharia, Zou: FrugalGPT (2023, arXiv 2305.05176), section 3.3, describes the scheme with a learned judge in
the place of the checks. With a cost `c` of the cheap model, `s` of the strong one and a share `p` of answers that
pass, a request costs `c + (1 - p) * s`: it pays where `p > c / s`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar

from llmopt.errors import UsageError
from llmopt.serving.budget.deadline import remaining_s
from llmopt.serving.routing.chain import Target
from llmopt.serving.routing.checks import Check, fault
from llmopt.serving.routing.failures import RETRIED, Failure, failure_in, failure_of
from llmopt.serving.routing.policy import Policy, Route

T = TypeVar("T")
Cost = Callable[[Target, Any], Decimal | None]


@dataclass(frozen=True, slots=True)
class Try:
    """One model's turn in a cascade."""

    route: str
    model: str
    fault: str
    """What its answer fails; empty where it passes, or where there is no answer."""
    failure: Failure | None
    """Why there is no answer; None where there is one."""
    usd: Decimal | None
    """What it cost; 0 where the server refused it, None where that is not known."""


@dataclass(frozen=True, slots=True)
class Cascaded(Generic[T]):
    """The answer that is handed out, and what all turns cost."""

    value: T
    route: str
    model: str
    passed: bool
    """Whether it passes every check. False: no model's answer did, and this is the last one there is."""
    tries: tuple[Try, ...]

    @property
    def usd(self) -> Decimal | None:
        """What all turns cost together; None where that of one is not known."""
        costs = [each.usd for each in self.tries]
        return None if None in costs else sum((cost for cost in costs if cost is not None), Decimal(0))

    @property
    def escalated(self) -> bool:
        """Whether more than one model was asked."""
        return len(self.tries) > 1


class Cascade:
    """Asks models from cheap to strong until an answer passes; holds nothing that changes."""

    def __init__(
        self,
        policy: Policy,
        *,
        routes: Sequence[str] = (),
        checks: Iterable[Check] = (),
        cost: Cost | None = None,
        failed: Callable[[Any], Failure | None] = failure_in,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare.

        Args:
            policy: has the routes, and may have a `[cascade]`.
            routes: from cheap to strong, in the place of those of the policy's cascade.
            checks: besides those of the policy.
            cost: what an answer of a target cost; None where it cannot tell.
            failed: looks at a returned value; returns the failure that it stands for, or None.
            clock: seconds that never go back.

        Raises:
            UsageError: there are no routes, or no checks, or a route that the policy does not have.
        """
        settings = policy.cascade
        names = tuple(routes) or (settings.routes if settings else ())
        self._checks = (*(settings.checks if settings else ()), *checks)
        if len(names) < 2 or len(set(names)) < len(names):
            raise UsageError("a cascade needs two different routes or more", "name them from cheap to strong")
        if not self._checks:
            raise UsageError("a cascade without checks never goes on", "add a check, such as Finished()")
        if unknown := [name for name in names if name not in policy.routes]:
            raise UsageError(f"the policy has no route {unknown[0]!r}", f"it has {', '.join(policy.routes)}")
        self._routes = tuple(policy.routes[name] for name in names)
        self._judge = _Judge(self._checks, cost, failed)
        self._clock = clock

    def call(self, ask: Callable[[Target], T], *, start: str = "", deadline_s: float | None = None) -> Cascaded[T]:
        """Return the first answer that passes every check; the last one there is where none does.

        Args:
            ask: calls the model of a target.
            start: the route to begin with, such as `decision.route`; empty, or not in the cascade: the cheapest.
            deadline_s: seconds for all turns; none begins when they are over. A LatencyBudget around it is kept too.

        Raises:
            Exception: what a model raised where no answer is there to hand out, or where another would raise it too.
        """
        turns: _Turns[T] = self._turns(start, deadline_s)
        for target in turns:
            try:
                value = ask(target)
            except Exception as error:
                if not turns.goes_on(failure_of(error)):
                    raise
            else:
                turns.look_at(value)
        return turns.result()

    async def acall(
        self, ask: Callable[[Target], Awaitable[T]], *, start: str = "", deadline_s: float | None = None
    ) -> Cascaded[T]:
        """Return the same; a turn that is out of time is cancelled."""
        turns: _Turns[T] = self._turns(start, deadline_s)
        for target in turns:
            try:
                async with asyncio.timeout(target.timeout_s):
                    value = await ask(target)
            except Exception as error:
                if not turns.goes_on(failure_of(error)):
                    raise
            else:
                turns.look_at(value)
        return turns.result()

    def _turns(self, start: str, deadline_s: float | None) -> _Turns[Any]:
        left = [seconds for seconds in (deadline_s, remaining_s()) if seconds is not None]
        first = next((position for position, route in enumerate(self._routes) if route.name == start), 0)
        return _Turns(self._routes[first:], self._judge, self._clock, min(left, default=None))


@dataclass(frozen=True, slots=True)
class _Judge:
    checks: tuple[Check, ...]
    cost: Cost | None
    failed: Callable[[Any], Failure | None]

    def tried(self, target: Target, value: Any) -> Try:
        """Return what an answer is worth."""
        failure = self.failed(value)
        if failure is not None:
            return _without_answer(target, failure)
        usd = None if self.cost is None else self.cost(target, value)
        return Try(target.route, target.model, fault(self.checks, value), None, usd)


def _without_answer(target: Target, failure: Failure) -> Try:
    """Return the turn of a model that did not answer; what a server refuses it does not bill."""
    return Try(target.route, target.model, "", failure, None if failure.status is None else Decimal(0))


class _Turns(Generic[T]):
    """One request on its way through the routes."""

    def __init__(
        self, routes: tuple[Route, ...], judge: _Judge, clock: Callable[[], float], left_s: float | None
    ) -> None:
        self._routes = routes
        self._judge = judge
        self._clock = clock
        self._until_s = None if left_s is None else clock() + left_s
        self._target: Target | None = None
        self._tries: list[Try] = []
        self._answers: list[tuple[T, Target]] = []
        self._done = False

    def __iter__(self) -> Iterator[Target]:
        for position, route in enumerate(self._routes):
            left_s = None if self._until_s is None else self._until_s - self._clock()
            if self._done or (left_s is not None and left_s <= 0 and self._answers):
                return
            if left_s is not None and left_s <= 0:
                raise TimeoutError(f"no time is left to ask {route.name} ({route.model})")
            times = [each for each in (route.timeout_s, left_s) if each is not None]
            self._is_last = position == len(self._routes) - 1
            self._target = Target(route.name, route.model, min(times, default=None))
            yield self._target

    def look_at(self, value: T) -> None:
        """Judge an answer of the model whose turn it is."""
        target = self._now()
        tried = self._judge.tried(target, value)
        self._tries.append(tried)
        if tried.failure is None or not self._answers:
            self._answers.append((value, target))
        other = tried.failure is None or tried.failure.kind in RETRIED
        self._done = not other or (tried.failure is None and not tried.fault)

    def goes_on(self, failure: Failure) -> bool:
        """Note that the model whose turn it is raised; return whether that may stay within the cascade."""
        self._tries.append(_without_answer(self._now(), failure))
        return failure.kind in RETRIED and (not self._is_last or bool(self._answers))

    def result(self) -> Cascaded[T]:
        """Return the last answer there is."""
        value, target = self._answers[-1]
        passed = self._done and self._tries[-1].failure is None
        return Cascaded(value, target.route, target.model, passed, tuple(self._tries))

    def _now(self) -> Target:
        if self._target is None:
            raise UsageError("no model was asked yet", "call it first")
        return self._target
