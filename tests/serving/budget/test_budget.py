"""Runs of pipelines on a virtual clock: deadlines, reserves, fallbacks, nesting, cancellation."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import LlmoptError
from llmopt.serving.budget import BudgetExhausted, LatencyBudget, Outcome, StageFailed, remaining_s
from tests.serving.virtual import near, run


def sleeper(name: str, seconds: float, *takes: str) -> Callable[..., Coroutine[Any, Any, str]]:
    """Return a coroutine function with that name and those parameters; it sleeps and returns its name."""
    scope: dict[str, Any] = {"asyncio": asyncio}
    exec(f"async def {name}({', '.join(takes)}):\n await asyncio.sleep({seconds})\n return '{name}'", scope)
    function: Callable[..., Coroutine[Any, Any, str]] = scope[name]
    return function


def outcome(budget: LatencyBudget, **inputs: object) -> Outcome:
    return run(budget.run(**inputs))


def test_results_and_inputs_are_linked_by_name() -> None:
    budget = LatencyBudget(1.0)

    @budget.stage
    async def first(x: int, k: int = 10) -> int:
        return x + k

    @budget.stage(min_s=0.1)
    async def second(first: int, x: int) -> tuple[int, int]:
        return first, x

    done = outcome(budget, x=1)
    assert (done.value, done["first"], budget.stages) == ((11, 1), 11, ("first", "second"))
    assert outcome(budget, x=1, k=2)["first"] == 3
    assert [(each.name, each.status, each.attempts) for each in done.report.values()] == [
        ("first", "ok", 1),
        ("second", "ok", 1),
    ]


def test_independent_stages_run_concurrently() -> None:
    budget = LatencyBudget(1.0)
    budget.stage(sleeper("a", 0.3))
    budget.stage(sleeper("b", 0.3))
    budget.stage(sleeper("c", 0.1, "a", "b"))
    done = outcome(budget)
    assert done.took_s == near(0.4)
    assert done.report["b"].started_s == 0
    assert done.report["c"].started_s == near(0.3)


def test_an_optional_stage_that_is_out_of_time_gives_its_fallback() -> None:
    budget = LatencyBudget(0.5)
    budget.stage(sleeper("embed", 0.1, "query"))
    budget.stage(optional=True, fallback=["none"])(sleeper("search", 9, "embed"))
    budget.stage(min_s=0.2)(sleeper("generate", 0.15, "query", "search"))
    done = outcome(budget, query="q")
    search = done.report["search"]
    assert (done.value, done["search"], done.took_s) == ("generate", ["none"], near(0.44))
    assert (search.status, search.cause, search.error) == ("fallback", "timeout", "out of time after 0.19 s")
    assert (search.started_s, search.took_s, search.allowed_s) == (near(0.1), near(0.19), near(0.19))


def test_fallback_lists_are_not_shared_by_runs() -> None:
    budget = LatencyBudget(0.5)

    @budget.stage(optional=True, fallback=[])
    async def broken() -> list[int]:
        raise ValueError("no")

    @budget.stage(optional=True, fallback={"pages": [], "seen": {1}, "kind": Counter(a=1)})
    async def also_broken() -> dict[str, Any]:
        raise ValueError("no")

    done = outcome(budget)
    done["broken"].append(1)
    done.value["pages"].append(2)
    done.value["seen"].add(2)
    done.value["kind"].clear()
    again = outcome(budget)
    assert (again["broken"], again.value) == ([], {"pages": [], "seen": {1}, "kind": Counter(a=1)})


def test_an_optional_stage_without_fallback_gives_none() -> None:
    budget = LatencyBudget(0.5)

    @budget.stage(optional=True)
    async def broken() -> None:
        raise ValueError("no")

    budget.stage(optional=True)(sleeper("slow", 9))
    done = outcome(budget)
    assert done.values == {"broken": None, "slow": None}
    assert [(each.status, each.error) for each in done.report.values()] == [
        ("failed", "ValueError: no"),
        ("timeout", "out of time after 0.5 s"),
    ]


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_fallback_function_is_linked_too(asynchronous: bool) -> None:
    budget = LatencyBudget(0.5)
    budget.stage(sleeper("a", 0.1, "x"))

    async def slowly(x: str, a: str) -> str:
        await asyncio.sleep(0.05)
        return x + a

    fallback: Callable[..., object] = slowly if asynchronous else lambda x, a: x + a
    budget.stage(name="b", fallback=fallback, fallback_s=0.1)(sleeper("b", 9, "a"))
    budget.stage(min_s=0.1)(sleeper("c", 0.05, "b"))
    done = outcome(budget, x="x")
    assert (done["b"], done.report["b"].status, done.value) == ("xa", "fallback", "c")
    assert done.report["b"].allowed_s == near(0.19), "0.5 less 0.1 gone, 0.1 for the fallback, 0.11 for c"


def test_a_fallback_that_fails_is_said() -> None:
    def broken() -> str:
        raise KeyError("cache")

    optional, required = LatencyBudget(0.5), LatencyBudget(0.5)
    optional.stage(name="a", optional=True, fallback=broken)(sleeper("a", 9))
    required.stage(name="a", fallback=broken)(sleeper("a", 9))
    done = outcome(optional)
    assert (done.value, done.report["a"].status) == (None, "timeout")
    assert done.report["a"].error == "out of time after 0.5 s; its fallback: KeyError: 'cache'"
    with pytest.raises(BudgetExhausted, match="its fallback: KeyError"):
        outcome(required)


def test_an_async_fallback_is_held_to_its_time() -> None:
    budget = LatencyBudget(0.5)
    budget.stage(name="a", optional=True, fallback=sleeper("instead", 9), fallback_s=0.1)(sleeper("a", 9))
    done = outcome(budget)
    assert (done.value, done.took_s) == (None, near(0.5))
    assert done.report["a"].error == "out of time after 0.4 s; its fallback: out of time"


def test_a_pipeline_never_outlives_its_budget() -> None:
    budget = LatencyBudget(0.1)
    for name, takes in (("a", ()), ("b", ("a",)), ("c", ("b",))):
        budget.stage(expected_s=0.03)(sleeper(name, 0.1 if name == "b" else 0.01, *takes))

    async def timed() -> float:
        start_s = asyncio.get_running_loop().time()
        with pytest.raises(BudgetExhausted) as caught:
            await budget.run()
        assert caught.value.message == "the budget of 0.1 s is used up at stage 'b': out of time after 0.09 s"
        assert caught.value.hint == "stage 'b' took 0.09 s, 0.03 s were expected"
        assert [each.status for each in caught.value.report.values()] == ["ok", "timeout", "skipped"]
        assert isinstance(caught.value, TimeoutError)
        return asyncio.get_running_loop().time() - start_s

    assert run(timed()) == near(0.1)


def test_an_early_stage_may_not_eat_the_minimum_of_later_ones() -> None:
    budget = LatencyBudget(1.0)
    budget.stage(sleeper("a", 9))
    budget.stage(min_s=0.3)(sleeper("b", 0.1, "a"))
    budget.stage(min_s=0.2)(sleeper("c", 0.1, "b"))
    with pytest.raises(BudgetExhausted) as caught:
        outcome(budget)
    assert (caught.value.stage, caught.value.report["a"].allowed_s) == ("a", near(0.48))


def test_optional_stages_leave_what_later_ones_expect() -> None:
    budget = LatencyBudget(1.0)
    budget.stage(optional=True)(sleeper("a", 9))
    budget.stage(expected_s=0.4)(sleeper("b", 0.4, "a"))
    assert outcome(budget).report["a"].allowed_s == near(0.59)


def test_a_stage_is_not_started_with_less_than_its_minimum() -> None:
    budget = LatencyBudget(0.5)
    budget.stage(sleeper("a", 0.4))
    budget.stage(optional=True, min_s=0.2)(sleeper("b", 0.01, "a"))
    done = outcome(budget)
    b = done.report["b"]
    assert (b.status, b.cause, b.started_s, b.attempts, b.took_s) == ("skipped", "skipped", None, 0, 0.0)
    assert b.error == "0.1 s left, 0.2 s needed"


def test_a_timeout_of_a_stage_is_no_exhaustion() -> None:
    budget = LatencyBudget(1.0)

    @budget.stage
    async def call() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(9)

    with pytest.raises(StageFailed, match="stage 'call' failed: TimeoutError") as caught:
        outcome(budget)
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert not isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value, LlmoptError)
    assert caught.value.report["call"].status == "failed"


def test_a_required_failure_stops_the_others() -> None:
    budget = LatencyBudget(1.0)
    cancelled = []

    @budget.stage
    async def slow() -> None:
        try:
            await asyncio.sleep(0.9)
        finally:
            cancelled.append("slow")

    @budget.stage
    async def broken() -> None:
        await asyncio.sleep(0.1)
        raise ValueError("no")

    budget.stage(sleeper("after", 0.1, "slow"))
    with pytest.raises(StageFailed) as caught:
        outcome(budget)
    assert isinstance(caught.value.__cause__, ValueError)
    assert {name: each.status for name, each in caught.value.report.items()} == {
        "slow": "cancelled",
        "broken": "failed",
        "after": "skipped",
    }
    assert cancelled == ["slow"]
    assert caught.value.report["slow"].took_s == near(0.1)


def test_a_stage_cancelled_from_within_has_failed() -> None:
    budget = LatencyBudget(1.0)

    @budget.stage(optional=True)
    async def inner() -> None:
        raise asyncio.CancelledError

    assert outcome(budget).report["inner"].error == "CancelledError"


def test_an_inner_budget_never_outlives_the_outer_one() -> None:
    inner, outer = LatencyBudget(9.0), LatencyBudget(0.5)
    inner.stage(sleeper("deep", 5))

    @outer.stage(optional=True, fallback="instead")
    async def middle() -> object:
        assert remaining_s() == near(0.29)
        return (await inner.run()).value

    outer.stage(min_s=0.2)(sleeper("last", 0.1, "middle"))
    done = outcome(outer)
    assert (done["middle"], done.took_s) == ("instead", near(0.39))
    assert done.report["middle"].cause == "timeout"
    assert remaining_s() is None


def test_an_inner_budget_that_knows_of_too_little_time_ends_as_exhaustion_of_the_outer() -> None:
    inner, outer = LatencyBudget(9.0), LatencyBudget(0.5)
    inner.stage(min_s=1)(sleeper("deep", 5))

    @outer.stage
    async def middle() -> object:
        return (await inner.run()).value

    with pytest.raises(BudgetExhausted, match=r"0\.5 s is used up at stage 'middle'") as caught:
        outcome(outer)
    inside = caught.value.__cause__
    assert isinstance(inside, BudgetExhausted)
    assert inside.inherited
    assert "0.5 s left of the outer budget is used up at stage 'deep': 0.5 s left, 1 s needed" in inside.message


def test_an_inner_budget_of_its_own_ends_as_a_failure() -> None:
    inner, outer = LatencyBudget(0.1), LatencyBudget(0.5)
    inner.stage(sleeper("deep", 5))

    @outer.stage
    async def middle() -> object:
        return (await inner.run()).value

    with pytest.raises(StageFailed, match=r"middle' failed: BudgetExhausted: the budget of 0\.1 s"):
        outcome(outer)


def test_a_group_of_errors_is_told_one_by_one() -> None:
    budget = LatencyBudget(1.0)

    async def broken(text: str) -> None:
        raise ValueError(text)

    @budget.stage
    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(broken("left"))
            group.create_task(broken("right"))

    with pytest.raises(StageFailed, match="failed: ExceptionGroup: ValueError: left; ValueError: right"):
        outcome(budget)


def test_a_run_that_is_closed_stops_its_stages() -> None:
    budget = LatencyBudget(1.0)
    budget.stage(sleeper("slow", 0.5))

    async def main() -> int:
        work = budget.run()
        assert work.send(None) is not None, "it waits for the stage"
        work.close()
        await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    assert run(main()) == 1


def test_stages_may_start_before_their_task_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.version_info < (3, 12):
        pytest.skip("eager tasks came with Python 3.12")
    budget = LatencyBudget(1.0)
    budget.stage(sleeper("a", 0))
    budget.stage(optional=True, fallback="instead")(sleeper("b", 9, "a"))

    async def main() -> Outcome:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        return await budget.run()

    assert run(main()).value == "instead"


def test_cancellation_from_outside_passes_through() -> None:
    budget = LatencyBudget(9.0, grace_s=0.1)
    events = []

    @budget.stage(optional=True, fallback=1)
    async def slow() -> None:
        try:
            await asyncio.sleep(5)
        finally:
            await asyncio.sleep(0.05)
            events.append("clean")

    async def main() -> float:
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.2):
                await budget.run()
        assert not isinstance(caught.value, BudgetExhausted)
        return loop.time() - start_s

    assert run(main()) == near(0.25)
    assert events == ["clean"]


def test_runs_of_one_budget_do_not_disturb_each_other() -> None:
    budget = LatencyBudget(1.0)

    @budget.stage
    async def nap(x: float) -> float:
        await asyncio.sleep(x)
        return x

    async def main() -> list[float]:
        return [each.value for each in await asyncio.gather(*(budget.run(x=x / 100) for x in range(50)))]

    assert run(main()) == [x / 100 for x in range(50)]


def test_a_value_that_comes_late_is_late() -> None:
    budget = LatencyBudget(0.1)

    @budget.stage
    async def blocks() -> str:
        await asyncio.sleep(0)
        asyncio.get_running_loop().now_s += 0.3  # type: ignore[attr-defined]  # as time.sleep does
        return "late"

    with pytest.raises(BudgetExhausted, match=r"out of time after 0\.3 s"):
        outcome(budget)


@given(
    st.lists(
        st.tuples(st.floats(0, 0.4), st.booleans(), st.floats(0, 0.15), st.sets(st.integers(0, 5))),
        min_size=1,
        max_size=6,
    )
)
def test_any_pipeline_keeps_its_deadline_and_its_minimums(stages: list[tuple[float, bool, float, set[int]]]) -> None:
    budget = LatencyBudget(1.0)
    for place, (seconds, optional, min_s, takes) in enumerate(stages):
        waits = [f"s{each}" for each in sorted(takes) if each < place]
        budget.stage(optional=optional, min_s=min_s)(sleeper(f"s{place}", seconds, *waits))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        culprit = None
        try:
            report = (await budget.run()).report
        except BudgetExhausted as error:
            report, culprit = error.report, error.stage
        assert loop.time() - start_s <= 1.0 + 1e-5
        for place, (seconds, optional, min_s, _) in enumerate(stages):
            stage = report[f"s{place}"]
            assert not (optional and culprit == stage.name), "only a required stage ends a run"
            if stage.started_s is not None:
                assert stage.allowed_s >= min_s - 0.01 - 1e-5
                assert stage.status == "ok" or seconds > stage.allowed_s - 1e-5 or stage.status == "cancelled"
        assert budget.still_running == 0

    run(main())
