"""What is refused when a pipeline is built, or given the wrong inputs: one clear line each."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from llmopt.errors import UsageError
from llmopt.serving.budget import LatencyBudget
from tests.serving.budget.test_budget import outcome, sleeper


def refused(build: Callable[[], object]) -> str:
    with pytest.raises(UsageError) as caught:
        build()
    return f"{caught.value.message} | {caught.value.hint}"


def test_a_name_twice() -> None:
    budget = LatencyBudget(1, inputs=["query"])
    budget.stage(sleeper("a", 0))
    assert refused(lambda: budget.stage(sleeper("a", 0))).startswith("there are two stages named 'a' |")
    assert refused(lambda: budget.stage(sleeper("query", 0))).startswith("'query' is an input and a stage |")
    assert budget.stages == ("a",)


def test_a_circle() -> None:
    budget = LatencyBudget(1)
    budget.stage(sleeper("a", 0, "c"))
    budget.stage(sleeper("b", 0, "a"))
    assert "in a circle: c -> a -> b -> c" in refused(lambda: budget.stage(sleeper("c", 0, "b")))
    assert "in a circle: d -> d" in refused(lambda: budget.stage(sleeper("d", 0, "d")))


def test_a_stage_defined_too_late() -> None:
    budget = LatencyBudget(1)
    budget.stage(sleeper("a", 0, "late"))
    assert refused(lambda: budget.stage(sleeper("late", 0))) == (
        "stage 'a' takes 'late', which is defined after it | define 'late' first"
    )


def test_an_unknown_name_where_inputs_are_declared() -> None:
    budget = LatencyBudget(1, inputs=["query"])
    budget.stage(sleeper("search", 0, "query"))
    assert refused(lambda: budget.stage(sleeper("answer", 0, "serch"))) == (
        "stage 'answer' takes 'serch', which is neither an earlier stage nor an input | did you mean 'search'?"
    )


def test_inputs_that_are_missing_or_too_many() -> None:
    budget = LatencyBudget(1)
    budget.stage(sleeper("search", 0, "query"))
    budget.stage(sleeper("answer", 0, "serch"))
    assert refused(lambda: outcome(budget, query="q")) == (
        "stage 'answer' takes 'serch', which is neither an earlier stage nor an input of this run"
        " | did you mean 'search'?"
    )
    assert refused(lambda: outcome(budget)).endswith("| run(query=...)")
    assert refused(lambda: outcome(budget, query=1, serch=2, quer=3)) == (
        "the input 'quer' is taken by no stage | did you mean 'query'?"
    )
    assert refused(lambda: outcome(budget, query=1, serch=2, search=3)).startswith(
        "the input 'search' is a stage, not an input"
    )
    assert refused(lambda: outcome(LatencyBudget(1))).startswith("the budget has no stages")


def test_minimums_that_do_not_fit() -> None:
    budget = LatencyBudget(0.5)
    budget.stage(min_s=0.3)(sleeper("a", 0))
    budget.stage(min_s=0.2)(sleeper("b", 0, "a"))
    budget.stage(min_s=0.4)(sleeper("elsewhere", 0))
    assert refused(lambda: budget.stage(min_s=0.1)(sleeper("c", 0, "b"))) == (
        "the stages from 'a' on need at least 0.6 s, the budget has 0.5 s | lower their min_s, or give the budget more"
    )
    budget.stage(min_s=0.4, optional=True)(sleeper("may", 0, "b"))
    short = LatencyBudget(0.5, grace_s=0.1)
    assert "the budget has 0.5 s less 0.1 s of grace" in refused(lambda: short.stage(min_s=0.45)(sleeper("a", 0)))


def test_a_fallback_takes_only_what_is_there() -> None:
    budget = LatencyBudget(1)
    budget.stage(sleeper("a", 0))
    decorate = budget.stage(name="b", fallback=lambda a: a)
    assert "the fallback of stage 'b' takes 'a', which 'b' does not wait for" in refused(
        lambda: decorate(sleeper("b", 0))
    )
    assert "no time is kept for it" in refused(lambda: budget.stage(fallback=sleeper("x", 0))(sleeper("b", 0)))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"min_s": -1}, "min_s of stage 'a' is -1"),
        ({"expected_s": float("nan")}, "expected_s of stage 'a' is nan"),
        ({"fallback_s": float("inf")}, "fallback_s of stage 'a' is inf"),
        ({"hedge": 1.0}, "hedge of stage 'a' is 1.0"),
        ({"name": "not a name"}, "the stage 'not a name' has no name"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], told: str) -> None:
    assert refused(lambda: LatencyBudget(1).stage(**options)(sleeper("a", 0))).startswith(told)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"total_s": 0}, "total_s is 0"),
        ({"total_s": float("nan")}, "total_s is nan"),
        ({"total_s": 1, "grace_s": 1}, "grace_s is 1"),
        ({"total_s": 1, "history": 0}, "history is 0"),
        ({"total_s": 1, "threads": 0}, "threads is 0"),
    ],
)
def test_budgets_that_make_no_sense(options: dict[str, Any], told: str) -> None:
    assert refused(lambda: LatencyBudget(**options)).startswith(told)


def test_functions_that_cannot_be_linked() -> None:
    def starred(*query: str, **more: str) -> None: ...

    budget = LatencyBudget(1)
    assert refused(lambda: budget.stage(starred)).startswith("stage 'starred' takes *query; results are linked by")
    assert refused(lambda: budget.stage(lambda: 1)).startswith("the stage '<lambda>' has no name")
    assert refused(lambda: budget.stage(name="a")(3)).startswith("a stage is a function, and 3 is none")  # type: ignore[type-var]

    def pages() -> Iterator[str]:
        yield "page 1"

    async def more_pages() -> AsyncIterator[str]:
        yield "page 1"

    for lazy in (pages, more_pages, functools.partial(pages)):
        assert refused(functools.partial(budget.stage(name="a"), lazy)).startswith("stage 'a' is a generator")
    with pytest.raises(TypeError, match="optonal"):
        budget.stage(optonal=True)(starred)  # type: ignore[call-overload]


def test_a_default_keeps_its_place_before_a_value_that_is_given() -> None:
    def both(a: int = 1, b: int = 2, /) -> tuple[int, int]:
        return a, b

    budget = LatencyBudget(30)
    budget.stage(both)
    assert asyncio.run(budget.run(b=5)).value == (1, 5)


def test_methods_partials_and_callable_objects_are_stages() -> None:
    class Model:
        async def embed(self, query: str, /) -> str:
            return query.upper()

        async def broken(self) -> None:
            raise ValueError

        async def __call__(self, embed: str) -> str:
            return embed + "!"

    def joined(sep: str, embed: str, call: str) -> str:
        return sep.join((embed, call))

    budget = LatencyBudget(30)
    budget.stage(Model().embed)
    budget.stage(name="call")(Model())
    budget.stage(name="joined", min_s=1)(functools.partial(joined, "-"))
    budget.stage(sleeper("x", 0, "joined"), expected_s=0.1, hedge=0.9)
    budget.stage(name="empty", optional=True, fallback=dict)(Model().broken)
    done = asyncio.run(budget.run(query="a"))
    assert (done["embed"], done["call"], done["joined"], done["x"], done.value) == ("A", "A!", "A-A!", "x", {})
    assert budget.total_s == 30
