"""`LatencyBudget`: stages that share one deadline, linked by the names of their parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload

from llmopt.errors import UsageError
from llmopt.serving.budget.attempt import Attempt
from llmopt.serving.budget.history import History
from llmopt.serving.budget.plan import Plan
from llmopt.serving.budget.report import Outcome
from llmopt.serving.budget.run import Run, Shared
from llmopt.serving.budget.stage import NOTHING, declared
from llmopt.serving.budget.threads import Threads

F = TypeVar("F", bound=Callable[..., Any])


class LatencyBudget:
    """A pipeline of stages and the time it may take; define it once, run it as often and as concurrently as you like.

    A stage is a function. A parameter named like an earlier stage gets its value; any other one is an input of `run`.
    A stage starts as soon as what it takes is there, so stages that do not wait for each other run concurrently.
    """

    def __init__(
        self,
        total_s: float,
        *,
        inputs: Iterable[str] | None = None,
        grace_s: float = 0.0,
        history: int = 256,
        threads: int = 32,
    ) -> None:
        """Set the time; stages follow.

        Args:
            total_s: seconds for a whole run. Within a stage of another budget, what is left there where that is less.
            inputs: names that `run` will be given; then a stage that takes anything else is refused when it is
                defined. None: whatever is no stage is an input, and is looked for when it runs.
            grace_s: seconds to clean up for stages that are cancelled. They are part of the budget: a stage is
                cancelled so early that its grace ends in time.
            history: how many runs each hedged stage remembers.
            threads: most threads for stages that are plain functions.

        Raises:
            UsageError: a value that makes no sense.
        """
        if not 0 < total_s < math.inf:
            raise UsageError(f"total_s is {total_s}; a finite number of seconds above 0 is needed")
        if not 0 <= grace_s < total_s:
            raise UsageError(f"grace_s is {grace_s}; it is a part of the budget of {total_s:g} s")
        for label, value in (("history", history), ("threads", threads)):
            if value < 1:
                raise UsageError(f"{label} is {value}; at least 1 is needed")
        self._plan = Plan(total_s, grace_s, None if inputs is None else frozenset(inputs))
        self._history = history
        self._histories: dict[str, History] = {}
        self._left_behind: set[Attempt] = set()
        self._shared = Shared(self._histories, Threads(threads), self._left_behind)

    @property
    def total_s(self) -> float:
        """Seconds for a whole run."""
        return self._plan.total_s

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages, in the order of definition."""
        return tuple(self._plan.stages)

    @property
    def still_running(self) -> int:
        """Calls that were told to stop and have not yet, over all runs; a gauge to watch in production."""
        return sum(attempt.is_left_behind for attempt in list(self._left_behind))

    @overload
    def stage(self, function: F, /, **options: Any) -> F: ...

    @overload
    def stage(
        self,
        function: None = None,
        /,
        *,
        name: str | None = None,
        optional: bool = False,
        expected_s: float | None = None,
        min_s: float = 0.0,
        fallback: Any = NOTHING,
        fallback_s: float = 0.0,
        hedge: float | None = None,
    ) -> Callable[[F], F]: ...

    def stage(self, function: F | None = None, /, **options: Any) -> F | Callable[[F], F]:
        """Define a stage, as a decorator with or without options; the function itself stays as it is.

        A coroutine function runs on the loop. A plain function runs in a thread, and nothing can cancel it there: when
        its time is over the run goes on without it, and it is reported as abandoned until it ends by itself.

        Args:
            function: what to run; its parameters say what it waits for.
            options: `name`: instead of the function's own. `optional`: the run goes on without it, with its fallback
                or None. `expected_s`: what it usually takes; optional stages before it leave so much, and an exhausted
                budget names the stage that was farthest behind. `min_s`: what it cannot do without; every stage before
                it leaves so much, and with less it is not started. `fallback`: what takes its place when it fails, is
                out of time or not started: a value, or a function whose parameters are linked like a stage's. A plain
                function is called on the loop, so it must not block. `fallback_s`: time kept for a fallback, needed
                where that is a coroutine function. `hedge`: start a second attempt when the first is slower than this
                quantile of earlier ones, such as 0.95; the first answer wins and the other attempt is cancelled.

        Raises:
            UsageError: the pipeline cannot work: a name twice, a circle, a name that nobody gives, minimums that do
                not fit in the budget.
        """
        if function is not None:
            self._add(function, **options)
            return function

        def decorate(function: F) -> F:
            self._add(function, **options)
            return function

        return decorate

    async def run(self, /, **inputs: Any) -> Outcome:
        """Run the stages and return what came of it, by the deadline whatever the stages do.

        Args:
            inputs: what the stages take that is no stage.

        Raises:
            BudgetExhausted: the time was used up before a required stage was done. It is a TimeoutError.
            StageFailed: a required stage raised; what it raised is the `__cause__`. Both carry the `report`.
            UsageError: an input is missing, or nobody takes it.
        """
        self._plan.check_inputs(inputs)
        return await Run(self._plan, self._shared, inputs).outcome()

    def _add(
        self,
        function: Callable[..., Any],
        name: str | None = None,
        optional: bool = False,
        expected_s: float | None = None,
        min_s: float = 0.0,
        fallback: Any = NOTHING,
        fallback_s: float = 0.0,
        hedge: float | None = None,
    ) -> None:
        stage = declared(
            function,
            name=name,
            optional=optional,
            expected_s=expected_s,
            min_s=min_s,
            fallback=fallback,
            fallback_s=fallback_s,
            hedge=hedge,
        )
        self._plan = self._plan.with_stage(stage)
        if stage.hedge is not None:
            self._histories[stage.name] = History(stage.hedge, self._history)
