"""Who is asked next: the routes of a chain, those that need a rest, and the time that is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from llmopt.errors import UsageError
from llmopt.serving.routing.failures import RETRIED, Failure, Kind
from llmopt.serving.routing.policy import Policy, Route

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask now."""

    route: str
    model: str
    timeout_s: float | None
    """How long this attempt may take; None: as long as it does."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call that was made, or a route that was passed over."""

    route: str
    model: str
    failure: Failure | None
    """None where it answered."""
    took_s: float
    passed_over: bool = False
    """Whether it was not even asked, since it had said that it needs a rest."""

    @property
    def said(self) -> str:
        """In words: `strong (gpt-4o): overloaded (HTTP 429)`."""
        what = "answered" if self.failure is None else self.failure.said
        return f"{self.route} ({self.model}): {'resting' if self.passed_over else what}"


@dataclass(frozen=True, slots=True)
class Served(Generic[T]):
    """An answer, and who gave it after how many attempts."""

    value: T
    """As the call returned it; for streams an iterator over all of its chunks."""
    route: str
    model: str
    attempts: tuple[Attempt, ...]
    """In order; the last one answered."""


Clock = Callable[[], float]
_LONGEST_REST_S = 300.0
"""A server may ask for a day's rest; it is asked again sooner, since one request a while costs little."""


class Rests:
    """Routes that asked for a rest (`Retry-After`), over all requests of a process."""

    def __init__(self, clock: Clock) -> None:
        """Start with none."""
        self._clock = clock
        self._until_s: dict[str, float] = {}

    def note(self, route: str, failure: Failure) -> None:
        """Remember how long a route needs a rest, where it said so."""
        if failure.retry_after_s:
            self._until_s[route] = self._clock() + min(failure.retry_after_s, _LONGEST_REST_S)

    def left_s(self, route: str) -> float:
        """Return how long a route still rests; 0 where it does not."""
        until_s = self._until_s.get(route)
        return 0.0 if until_s is None else max(0.0, until_s - self._clock())


class Chain:
    """One request on its way along a chain; `target` is who is asked now."""

    def __init__(self, policy: Policy, route: str, rests: Rests, clock: Clock, left_s: float | None) -> None:
        """Begin with the first route that needs no rest; with the first one where all do.

        Raises:
            UsageError: there is no such route.
            TimeoutError: there is no time for an attempt.
        """
        if route not in policy.routes:
            raise UsageError(f"the policy has no route {route!r}", f"it has {', '.join(policy.routes)}")
        self._policy = policy
        self._rests = rests
        self._clock = clock
        self._until_s = None if left_s is None else clock() + left_s
        self._attempts: list[Attempt] = []
        self._tried: set[str] = set()
        self._waited = False
        self._ahead = [policy.routes[name] for name in dict.fromkeys((route, *policy.fallback.chains.get(route, ())))]
        if left_s is not None and left_s <= 0:
            raise TimeoutError(f"no time is left to ask {route} ({policy.routes[route].model})")
        self.target = self._aim(self._next() or self._ahead.pop(0))

    @property
    def story(self) -> str:
        """What became of each attempt, in words."""
        return "llmopt routing: " + "; ".join(attempt.said for attempt in self._attempts)

    def after(self, failure: Failure) -> float | None:
        """Note that the target failed, and aim at the next one.

        Returns:
            Seconds to wait before it is asked; None: there is no next one, or this failure is no other model's matter.
        """
        self._note(failure)
        self._rests.note(self.target.route, failure)
        wanted = self._policy.fallback.on
        if failure.kind not in (RETRIED if wanted is None else wanted):
            return None
        if failure.kind == Kind.CONTEXT_LENGTH:
            self._ahead = self._longer(self._policy.routes[self.target.route])
        following = self._next()
        wait_s = 0.0
        if following is None:
            following, wait_s = self._rested()
        left_s = self._left_s()
        if following is None or (left_s is not None and left_s <= wait_s):
            return None
        self.target = self._aim(following, wait_s)
        return wait_s

    def served(self, value: T, failure: Failure | None) -> Served[T]:
        """Return an answer of the target; `failure` where it stands for one and was noted already."""
        if failure is None:
            self._note(None)
        return Served(value, self.target.route, self.target.model, tuple(self._attempts))

    def _note(self, failure: Failure | None) -> None:
        took_s = self._clock() - self._began_s
        self._attempts.append(Attempt(self.target.route, self.target.model, failure, took_s))

    def _aim(self, route: Route, wait_s: float = 0.0) -> Target:
        self._tried.add(route.name)
        self._began_s = self._clock() + wait_s
        timeout_s, left_s = route.timeout_s, self._left_s()
        if left_s is not None:
            timeout_s = left_s - wait_s if timeout_s is None else min(timeout_s, left_s - wait_s)
        return Target(route.name, route.model, timeout_s)

    def _next(self) -> Route | None:
        """Take the next route that needs no rest off the list."""
        for position, ready in enumerate(self._ahead):
            if not self._rests.left_s(ready.name):
                for route in self._ahead[:position]:
                    self._attempts.append(Attempt(route.name, route.model, None, 0.0, passed_over=True))
                del self._ahead[: position + 1]
                return ready
        return None

    def _rested(self) -> tuple[Route | None, float]:
        """Return the route whose rest ends first and how long that takes, where waiting for it is allowed, once."""
        settings = self._policy.fallback
        names = dict.fromkeys(attempt.route for attempt in self._attempts)
        waits = {
            name: rest
            for name in (*names, *(route.name for route in self._ahead))
            if (rest := self._rests.left_s(name))
        }
        soonest = min(waits, key=lambda name: waits[name], default=None)
        if soonest is None or self._waited or waits[soonest] > settings.max_wait_s:
            return None, 0.0
        self._waited = True
        return self._policy.routes[soonest], waits[soonest]

    def _longer(self, route: Route) -> list[Route]:
        """Return the routes to try with a request that was too long for one, and was not tried yet."""
        named = [self._policy.routes[name] for name in self._policy.fallback.longer.get(route.name, ())]
        limit = route.context_tokens
        others = [each for each in self._ahead if not (limit and each.context_tokens and each.context_tokens <= limit)]
        return [each for each in dict.fromkeys([*named, *others]) if each.name not in self._tried]

    def _left_s(self) -> float | None:
        return None if self._until_s is None else self._until_s - self._clock()
