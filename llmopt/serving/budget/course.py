"""What becomes of one stage in one run: attempts, a hedge, time that runs out, a fallback.

Nothing waits here: `Run` calls `step` when a task is done or an instant has come, and asks `wakes_s` for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from llmopt.serving.budget.attempt import Attempt
from llmopt.serving.budget.deadline import TICK_S
from llmopt.serving.budget.errors import BudgetExhausted
from llmopt.serving.budget.history import History
from llmopt.serving.budget.report import Cause, StageReport, Status
from llmopt.serving.budget.stage import Stage


class Launch(Protocol):
    """Starts a call that has to be done at an instant."""

    def __call__(self, call: Callable[[], Any], until_s: float, *, in_thread: bool) -> Attempt:
        """Return the attempt."""
        ...


class Course:
    """A stage on its way to a value; `status` is None until it has one or cannot get one."""

    def __init__(self, stage: Stage, latest_s: float, slack_s: float, history: History | None, launch: Launch) -> None:
        """Prepare.

        Args:
            stage: what to run.
            latest_s: the instant at which there has to be a value, so that those after it have their time.
            slack_s: what it may have less than its minimum, since the event loop was late.
            history: what the stage took before; None: it is not hedged.
            launch: starts calls.
        """
        self.stage = stage
        self.status: Status | None = None
        self.cause: Cause | None = None
        self.value: Any = None
        self.error = ""
        self.raised: BaseException | None = None
        """What the stage raised, for the error of the run."""
        self.fatal = False
        """Whether the run cannot go on: it is required, and there is no value."""
        self.started_s: float | None = None
        self.allowed_s = 0.0
        self.attempts: list[Attempt] = []
        self._rescue: Attempt | None = None
        self._ended_s = 0.0
        self._latest_s = latest_s
        self._slack_s = max(slack_s, TICK_S)
        self._end_s = latest_s - stage.fallback_s
        self._hedge_s: float | None = None
        self._history = history
        self._launch = launch
        self._values: Mapping[str, Any] = {}

    @property
    def open(self) -> list[Attempt]:
        """Calls whose end would change something."""
        if self.status is not None:
            return []
        ahead = self.attempts if self._rescue is None else [self._rescue]
        return [attempt for attempt in ahead if not attempt.task.done()]

    @property
    def given_up(self) -> list[Attempt]:
        """Calls that were told to stop and have not."""
        ahead = self.attempts if self._rescue is None else [*self.attempts, self._rescue]
        return [each for each in ahead if each.is_left_behind]

    def begin(self, now_s: float, values: Mapping[str, Any]) -> None:
        """Start the stage, now that what it takes is there; or do without it where its time is too short."""
        self._values = values
        self.allowed_s = max(0.0, self._end_s - now_s)
        self._ended_s = now_s
        if self.allowed_s <= TICK_S or self.allowed_s < self.stage.min_s - self._slack_s:
            needed = f", {self.stage.min_s:g} s needed" if self.stage.min_s else ""
            self._lose("skipped", f"{self.allowed_s:.3g} s left{needed}", now_s)
            return
        self.started_s = now_s
        after_s = None if self._history is None else self._history.hedge_after_s()
        self._hedge_s = None if after_s is None else now_s + after_s
        self._attempt()

    def step(self, now_s: float) -> None:
        """Look at what is done, and at the time."""
        if self.status is not None or (self.started_s is None and self._rescue is None):
            return
        if self._rescue is not None:
            self._look_at_rescue(self._rescue, now_s)
            return
        done = [attempt for attempt in self.attempts if attempt.task.done()]
        for attempt in done:
            if (attempt.ended_s or now_s) <= self._end_s + TICK_S and attempt.error is None:
                self._win(attempt, now_s)
                return
        if now_s >= self._end_s - TICK_S:
            self._lose("timeout", f"out of time after {now_s - self.attempts[0].started_s:.3g} s", now_s)
        elif len(done) == len(self.attempts):
            self.raised = self.attempts[0].error
            outer = isinstance(self.raised, BudgetExhausted) and self.raised.inherited
            self._lose("timeout" if outer else "failed", _told(self.raised), now_s)
        elif self._hedge_s is not None and now_s >= self._hedge_s - TICK_S:
            self._hedge()

    def wakes_s(self) -> float | None:
        """Return the next instant at which to look again; None where only a task can change something."""
        if self.status is not None or (self.started_s is None and self._rescue is None):
            return None
        if self._rescue is not None:
            call = self.stage.fallback_call
            return self._latest_s if call is not None and call.asynchronous else None
        return self._end_s if self._hedge_s is None else min(self._hedge_s, self._end_s)

    def stop(self, status: Status, error: str) -> None:
        """End it without a value, since the run ends."""
        if self.status is None:
            self.status, self.error = status, error
            for attempt in [*self.attempts, *([self._rescue] if self._rescue else [])]:
                attempt.give_up()

    def report(self, start_s: float, now_s: float, grace_s: float) -> StageReport:
        """Return what became of it, as of now."""
        status = self.status or "skipped"
        if status != "ok" and any(now_s >= (each.given_up_s or 0.0) + grace_s - TICK_S for each in self.given_up):
            status = "abandoned"
        ended_s = now_s if self.status == "cancelled" else self._ended_s
        return StageReport(
            name=self.stage.name,
            status=status,
            started_s=None if self.started_s is None else self.started_s - start_s,
            took_s=0.0 if self.started_s is None else ended_s - self.started_s,
            allowed_s=self.allowed_s,
            attempts=len(self.attempts),
            hedged=len(self.attempts) > 1,
            error=self.error,
            cause=self.cause,
            expected_s=self.stage.expected_s,
        )

    def _attempt(self) -> None:
        call = self.stage.call
        self.attempts.append(self._launch(call.bound(self._values), self._end_s, in_thread=not call.asynchronous))

    def _hedge(self) -> None:
        """Start a second attempt where earlier runs have paid for one."""
        self._hedge_s = None
        if self._history is not None and self._history.pay():
            self._attempt()

    def _win(self, attempt: Attempt, now_s: float) -> None:
        self._remember(now_s)
        for other in self.attempts:
            other.give_up()
        self._settle("ok", attempt.task.result(), now_s)

    def _lose(self, cause: Cause, error: str, now_s: float) -> None:
        """Do without the stage's own value."""
        self.cause, self.error = cause, error
        if cause == "timeout":
            self._remember(now_s)
        for attempt in self.attempts:
            attempt.give_up()
        if self.stage.fallback_call is not None:
            call = self.stage.fallback_call.bound(self._values)
            self._rescue = self._launch(call, self._latest_s, in_thread=False)
        elif self.stage.has_fallback:
            self._settle("fallback", self.stage.fallback_value(), now_s)
        else:
            self._do_without(cause, now_s)

    def _look_at_rescue(self, rescue: Attempt, now_s: float) -> None:
        if rescue.task.done():
            if rescue.error is None:
                self._settle("fallback", rescue.task.result(), now_s)
                return
            self.raised = rescue.error
            self.error += f"; its fallback: {_told(rescue.error)}"
        elif (wakes_s := self.wakes_s()) is None or now_s < wakes_s - TICK_S:
            return
        else:
            rescue.give_up()
            self.error += "; its fallback: out of time"
        self._do_without(self.cause or "failed", now_s)

    def _do_without(self, cause: Cause, now_s: float) -> None:
        self.fatal = not self.stage.optional
        self._settle(cause, None, now_s)

    def _settle(self, status: Status, value: Any, now_s: float) -> None:
        self.status, self.value, self._ended_s = status, value, now_s

    def _remember(self, now_s: float) -> None:
        if self._history is not None:
            first = self.attempts[0]
            self._history.add((first.ended_s or now_s) - first.started_s)


def _told(error: BaseException | None) -> str:
    text = "; ".join(map(_told, error.exceptions)) if isinstance(error, BaseExceptionGroup) else str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
