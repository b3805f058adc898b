"""One run of a pipeline: starts each stage when what it takes is there, and holds all of them to one deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from llmopt.serving.budget.attempt import Attempt
from llmopt.serving.budget.course import Course
from llmopt.serving.budget.deadline import Deadline, clock_of, left_of_outer_s
from llmopt.serving.budget.errors import BudgetExhausted, StageFailed
from llmopt.serving.budget.history import History
from llmopt.serving.budget.plan import Plan
from llmopt.serving.budget.report import Outcome, StageReport
from llmopt.serving.budget.threads import Threads

_PASSES = 8
"""Passes of the loop that a cancelled task gets in any case: one that cleans up without waiting needs only these."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What the runs of one budget share."""

    histories: Mapping[str, History]
    threads: Threads
    left_behind: set[Attempt]
    """Calls that were told to stop and have not; held here so that nothing collects them half-way."""


class Run:
    """One run; used once."""

    def __init__(self, plan: Plan, shared: Shared, inputs: Mapping[str, Any]) -> None:
        """Set the deadline: the time starts now."""
        self._clock = clock_of(asyncio.get_running_loop())
        self._start_s = self._clock()
        left_s = left_of_outer_s()
        self._inherited = left_s is not None and left_s < plan.total_s
        self._total_s = max(0.0, left_s) if left_s is not None and self._inherited else plan.total_s
        latest_s = self._start_s + self._total_s - plan.grace_s
        self._plan = plan
        self._shared = shared
        self._values = dict(inputs)
        self._courses = {
            name: Course(
                stage, latest_s - plan.reserves_s[name], plan.slack_s, shared.histories.get(name), self._launch
            )
            for name, stage in plan.stages.items()
        }

    async def outcome(self) -> Outcome:
        """Run the stages and return what came of it.

        Raises:
            BudgetExhausted: the time was used up before a required stage was done.
            StageFailed: a required stage raised.
        """
        try:
            await self._drive()
        except asyncio.CancelledError:
            self._stop()
            await self._clean_up()
            raise
        finally:
            self._stop()
        fatal = next((course for course in self._courses.values() if course.fatal), None)
        await self._clean_up()
        now_s = self._clock()
        report = {
            name: course.report(self._start_s, now_s, self._plan.grace_s) for name, course in self._courses.items()
        }
        if fatal is not None:
            raise self._error(fatal, report) from fatal.raised
        values = {name: course.value for name, course in self._courses.items()}
        last = next(reversed(values))
        return Outcome(values[last], values, report, now_s - self._start_s, self._total_s)

    async def _drive(self) -> None:
        """Return when all stages have a value, or one that is required cannot get one."""
        while not self._advance():
            now_s = self._clock()
            wakes_s = [each for course in self._courses.values() if (each := course.wakes_s()) is not None]
            tasks = [attempt.task for course in self._courses.values() for attempt in course.open]
            timeout_s = max(0.0, min(wakes_s) - now_s) if wakes_s else None
            if tasks:
                done, _ = await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    await asyncio.sleep(0)  # what ends at the very instant is in time

    def _advance(self) -> bool:
        """Do all that can be done now; return whether that was the end."""
        changed = True
        while changed:
            changed = False
            for name, course in self._courses.items():
                if course.status is not None:
                    continue
                if course.started_s is None and not course.open and self._ready(course):
                    course.begin(self._clock(), self._values)
                course.step(self._clock())
                if course.fatal:
                    return True
                if course.status is not None:
                    changed = True
                    self._values = {**self._values, name: course.value}
        return all(course.status is not None for course in self._courses.values())

    def _ready(self, course: Course) -> bool:
        return all(self._courses[name].status is not None for name in self._plan.waits_for(course.stage))

    def _launch(self, call: Callable[[], Any], until_s: float, *, in_thread: bool) -> Attempt:
        attempt = Attempt(call, Deadline(until_s, self._clock), self._shared.threads if in_thread else None)
        left_behind = self._shared.left_behind
        left_behind.add(attempt)
        attempt.task.add_done_callback(lambda _: left_behind.discard(attempt))
        return attempt

    def _stop(self) -> None:
        for course in self._courses.values():
            course.stop("skipped" if course.started_s is None else "cancelled", "the run had ended")

    async def _clean_up(self) -> None:
        """Give calls that were told to stop their grace; the time for it was kept. Losers of a hedge get no wait."""
        ahead = [each for course in self._courses.values() if course.status != "ok" for each in course.given_up]
        for _ in range(_PASSES):
            if all(attempt.task.done() for attempt in ahead):
                return
            await asyncio.sleep(0)
        last_s = max(attempt.given_up_s or 0.0 for attempt in ahead) + self._plan.grace_s
        left_s = last_s - self._clock()
        if left_s > 0:
            await asyncio.wait([attempt.task for attempt in ahead], timeout=left_s)

    def _error(self, course: Course, report: Mapping[str, StageReport]) -> BudgetExhausted | StageFailed:
        name = course.stage.name
        if course.cause == "failed":
            return StageFailed(f"stage '{name}' failed: {course.error}", "declare a fallback for it", name, report)
        whose = f"{self._total_s:.3g} s left of the outer budget" if self._inherited else f"{self._total_s:g} s"
        return BudgetExhausted(
            f"the budget of {whose} is used up at stage '{name}': {course.error}",
            _overrun(report, self._plan.slack_s),
            name,
            report,
            inherited=self._inherited,
        )


def _overrun(report: Mapping[str, StageReport], slack_s: float) -> str:
    """Return which stage was farthest behind what was expected of it; none where that explains nothing."""
    late = [(each.took_s - each.expected_s, each) for each in report.values() if each.expected_s is not None]
    behind_s, stage = max(late, key=lambda pair: pair[0], default=(0.0, None))
    if stage is None or behind_s <= slack_s:
        return ""
    return f"stage '{stage.name}' took {stage.took_s:.3g} s, {stage.expected_s:g} s were expected"
