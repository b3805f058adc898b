"""`Fallback`: on an error or overload the next model; a deadline, a rest that a server asks for, and streams are kept.

A failure that every model would repeat (a wrong request) is raised at once. What is raised is the last model's own
error, with a note of all attempts, so that a caller's `except` keeps working. A stream is tried again only before its
first chunk: afterwards a part of the answer is with the user.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from llmopt.serving.budget.deadline import remaining_s
from llmopt.serving.routing.chain import Chain, Clock, Rests, Served, Target
from llmopt.serving.routing.failures import Failure, failure_in, failure_of
from llmopt.serving.routing.policy import Policy
from llmopt.serving.routing.streaming import Begun, BegunAsync

T = TypeVar("T")


class Fallback:
    """Asks the models of a chain in turn; have one for a process, since it remembers who needs a rest."""

    def __init__(
        self,
        policy: Policy,
        *,
        failed: Callable[[Any], Failure | None] = failure_in,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        asleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Prepare.

        Args:
            policy: its `[fallback]` says who is next.
            failed: looks at a returned value, or at the first chunk of a stream; returns the failure that it stands
                for, such as a response with status 503, or None. A value that stands for a failure is returned to the
                caller where nobody else answers.
            clock: seconds that never go back.
            sleep: waits, in `call` and `stream`.
            asleep: waits, in `acall` and `astream`.
            now: for a `Retry-After` that is a date.
        """
        self._policy = policy
        self._failed = failed
        self._rests = Rests(clock)
        self._clock = clock
        self._sleep = sleep
        self._asleep = asleep
        self._now = now

    def call(self, route: str, ask: Callable[[Target], T], *, deadline_s: float | None = None) -> Served[T]:
        """Return the first answer.

        Args:
            route: where the request goes first, such as `decision.route`.
            ask: calls the model of a target; it should keep the target's `timeout_s`, since nothing else stops it.
            deadline_s: seconds for all attempts together. Within a stage of a LatencyBudget it is what that has left,
                where that is less.

        Raises:
            Exception: what the last model raised.
            TimeoutError: there was no time for a first attempt.
            UsageError: there is no such route.
        """
        chain = self._chain(route, deadline_s)
        while True:
            try:
                value = ask(chain.target)
            except Exception as error:
                wait_s = chain.after(failure_of(error, self._now()))
                if wait_s is None:
                    error.add_note(chain.story)
                    raise
            else:
                failure = self._failed(value)
                wait_s = None if failure is None else chain.after(failure)
                if wait_s is None:
                    return chain.served(value, failure)
            if wait_s:
                self._sleep(wait_s)

    async def acall(
        self, route: str, ask: Callable[[Target], Awaitable[T]], *, deadline_s: float | None = None
    ) -> Served[T]:
        """Return the first answer; as `call`, but an attempt that is out of time is cancelled."""
        chain = self._chain(route, deadline_s)
        while True:
            try:
                async with asyncio.timeout(chain.target.timeout_s):
                    value = await ask(chain.target)
            except Exception as error:
                wait_s = chain.after(failure_of(error, self._now()))
                if wait_s is None:
                    error.add_note(chain.story)
                    raise
            else:
                failure = self._failed(value)
                wait_s = None if failure is None else chain.after(failure)
                if wait_s is None:
                    return chain.served(value, failure)
            if wait_s:
                await self._asleep(wait_s)

    def stream(
        self, route: str, ask: Callable[[Target], Iterable[T]], *, deadline_s: float | None = None
    ) -> Served[Begun[T]]:
        """Return the first stream that begins; an error after its first chunk is the caller's to see.

        The stream has a `close`. `deadline_s` and `timeout_s` are about the first chunk.
        """

        def begun(target: Target) -> Begun[T]:
            return Begun(ask(target), self._failed)

        return self.call(route, begun, deadline_s=deadline_s)

    async def astream(
        self, route: str, ask: Callable[[Target], Any], *, deadline_s: float | None = None
    ) -> Served[BegunAsync[Any]]:
        """Return the first stream that begins; as `stream`, with an `aclose`.

        `ask` returns an asynchronous iterator, or something to await for one, as the clients of openai do.
        """

        async def begun(target: Target) -> BegunAsync[Any]:
            source = ask(target)
            opened = await source if inspect.isawaitable(source) else source
            stream: BegunAsync[Any] = BegunAsync(opened)
            return await stream.begin(self._failed)

        return await self.acall(route, begun, deadline_s=deadline_s)

    def _chain(self, route: str, deadline_s: float | None) -> Chain:
        left = [seconds for seconds in (deadline_s, remaining_s()) if seconds is not None]
        return Chain(self._policy, route, self._rests, self._clock, min(left, default=None))
