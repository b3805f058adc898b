"""Event loops that are a little late, as real ones are; and outcomes that leave the process."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import json
import pickle

import pytest

from llmopt.serving.budget import BudgetExhausted, LatencyBudget
from tests.serving.budget.test_budget import outcome, sleeper
from tests.serving.virtual import VirtualLoop, near


class LateLoop(VirtualLoop):
    """Its timers are late, as those of a machine with work to do."""

    def next_timer_s(self) -> float | None:
        timer_s = super().next_timer_s()
        return None if timer_s is None else timer_s + 0.004


@pytest.mark.parametrize("min_s", [0.2, 0.3])
def test_a_loop_that_is_a_little_late_does_not_cost_later_stages_their_minimum(min_s: float) -> None:
    budget = LatencyBudget(1.0)
    budget.stage(optional=True)(sleeper("a", 9))
    budget.stage(min_s=0.2)(sleeper("b", 0.2, "a"))
    budget.stage(optional=True, fallback=[])(sleeper("c", 9, "b"))
    budget.stage(min_s=min_s)(sleeper("d", min_s, "c"))
    budget.stage(min_s=0.1)(sleeper("e", 0.1, "d"))
    with asyncio.Runner(loop_factory=LateLoop) as runner:
        report = runner.run(budget.run()).report
    assert [each.status for each in report.values()] == ["timeout", "ok", "fallback", "ok", "ok"]


def test_minimums_that_fill_the_budget_are_started() -> None:
    budget = LatencyBudget(0.5)
    budget.stage(min_s=0.2)(sleeper("a", 0.19))
    budget.stage(min_s=0.3)(sleeper("b", 0.29, "a"))
    with asyncio.Runner(loop_factory=LateLoop) as runner:
        done = runner.run(budget.run())
    assert (done.value, done.report["a"].allowed_s) == ("b", near(0.2))


def test_an_outcome_and_an_error_can_be_copied_and_written() -> None:
    budget = LatencyBudget(1.0)
    budget.stage(sleeper("a", 0.1))
    done = outcome(budget)
    assert copy.deepcopy(done) == done
    assert json.loads(json.dumps(dataclasses.asdict(done)))["report"]["a"]["status"] == "ok"
    budget.stage(sleeper("b", 9))
    with pytest.raises(BudgetExhausted) as caught:
        outcome(budget)
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (str(copied), copied.stage, copied.report, copied.inherited) == (
        str(caught.value),
        "b",
        caught.value.report,
        False,
    )


def test_a_stage_that_is_hardly_late_is_not_blamed() -> None:
    budget = LatencyBudget(1.0)
    budget.stage(sleeper("a", 0.201), expected_s=0.2)
    budget.stage(sleeper("b", 9, "a"))
    with pytest.raises(BudgetExhausted) as caught:
        outcome(budget)
    assert (caught.value.stage, caught.value.hint) == ("b", "")
