"""Cheap first: when the better model is asked, and what both cost."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import UsageError
from llmopt.serving.cache.entry import Reply
from llmopt.serving.routing import Cascade, Finished, Long, Satisfies, Target, parse_policy
from tests.serving.routing.policies import SMALL
from tests.serving.routing.test_checks import chat
from tests.serving.routing.test_fallback import Refused

POLICY = parse_policy(SMALL)
"""cheap, then strong; an answer must be complete and have two characters."""
COSTS = {"cheap": Decimal("0.001"), "strong": Decimal("0.02"), "long": Decimal("0.3")}


def cost(target: Target, value: object) -> Decimal | None:
    return COSTS[target.route]


def run(way: str, cascade: Cascade, answers: dict[str, Any], **more: Any) -> Any:
    def ask(target: Target) -> Any:
        answer = answers[target.route]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def aask(target: Target) -> Any:
        return ask(target)

    return cascade.call(ask, **more) if way == "sync" else asyncio.run(cascade.acall(aask, **more))


both = pytest.mark.parametrize("way", ["sync", "async"])


@both
def test_an_answer_that_passes_is_all_there_is(way: str) -> None:
    result = run(way, Cascade(POLICY, cost=cost), {"cheap": chat("fine")})
    assert (result.route, result.model, result.passed, result.escalated) == ("cheap", "small-model", True, False)
    assert result.usd == Decimal("0.001")


@both
@pytest.mark.parametrize(
    ("bad", "said"), [(chat("fine", "length"), "finish reason 'length'"), (chat("x"), "1 characters < 2")]
)
def test_an_answer_that_fails_goes_on_and_both_are_paid(way: str, bad: Any, said: str) -> None:
    result = run(way, Cascade(POLICY, cost=cost), {"cheap": bad, "strong": chat("better")})
    assert (result.route, result.passed, result.value) == ("strong", True, chat("better"))
    assert [each.fault for each in result.tries] == [said, ""]
    assert result.usd == Decimal("0.021")


@both
def test_when_none_passes_the_last_is_handed_out_and_said(way: str) -> None:
    result = run(way, Cascade(POLICY, cost=cost), {"cheap": chat("x"), "strong": chat("y")})
    assert (result.route, result.passed, result.value) == ("strong", False, chat("y"))


@both
def test_an_error_goes_on_and_costs_nothing(way: str) -> None:
    result = run(way, Cascade(POLICY, cost=cost), {"cheap": Refused(503), "strong": chat("better")})
    assert (result.passed, result.usd, result.tries[0].usd) == (True, Decimal("0.02"), Decimal(0))
    result = run(way, Cascade(POLICY, cost=cost), {"cheap": Reply(b"", 503), "strong": chat("better")})
    assert (result.passed, result.value) == (True, chat("better"))


@both
def test_what_a_timeout_cost_is_not_known(way: str) -> None:
    result = run(way, Cascade(POLICY, cost=cost), {"cheap": TimeoutError(), "strong": chat("better")})
    assert (result.passed, result.usd) == (True, None)
    assert run(way, Cascade(POLICY), {"cheap": chat("fine")}).usd is None


@both
def test_an_error_of_the_strong_one_leaves_the_cheap_answer(way: str) -> None:
    for broken in (Refused(503), Reply(b"", 529)):
        result = run(way, Cascade(POLICY, cost=cost), {"cheap": chat("x"), "strong": broken})
        assert (result.value, result.route, result.passed, len(result.tries)) == (chat("x"), "cheap", False, 2)


@both
def test_errors_that_are_raised(way: str) -> None:
    with pytest.raises(Refused):
        run(way, Cascade(POLICY), {"cheap": Refused(400), "strong": chat("better")})
    with pytest.raises(Refused) as caught:
        run(way, Cascade(POLICY), {"cheap": Refused(503), "strong": Refused(529)})
    assert caught.value.status_code == 529


@both
def test_a_wrong_request_that_is_returned_ends_it(way: str) -> None:
    result = run(way, Cascade(POLICY), {"cheap": Reply(b"", 400), "strong": chat("better")})
    assert (result.value.status, result.passed, len(result.tries)) == (400, False, 1)


@both
def test_it_begins_where_the_router_says(way: str) -> None:
    answers = {"cheap": chat("fine"), "strong": chat("better")}
    assert run(way, Cascade(POLICY), answers, start="strong").route == "strong"
    assert run(way, Cascade(POLICY), answers, start="long").route == "cheap"


def test_no_turn_begins_after_the_deadline() -> None:
    now = [0.0]
    seen: list[Target] = []

    def ask(target: Target) -> Any:
        seen.append(target)
        now[0] += 2.0
        return chat("x")

    cascade = Cascade(POLICY, clock=lambda: now[0])
    result = cascade.call(ask, deadline_s=1.5)
    assert (result.route, result.passed, seen[0].timeout_s) == ("cheap", False, 1.5)
    result = cascade.call(ask, deadline_s=3.0)
    assert [target.timeout_s for target in seen[1:]] == [3.0, 1.0]
    with pytest.raises(TimeoutError):
        cascade.call(ask, deadline_s=0.0)


def test_checks_and_routes_of_ones_own() -> None:
    plain = parse_policy(SMALL[: SMALL.index("[cascade]")])
    cascade = Cascade(plain, routes=("cheap", "strong", "long"), checks=[Satisfies(lambda value: "good" in str(value))])
    result = run("sync", cascade, {"cheap": "bad", "strong": "worse", "long": "good"})
    assert (result.route, result.passed, len(result.tries)) == ("long", True, 3)


@pytest.mark.parametrize(
    ("routes", "checks", "why"),
    [
        ((), [Finished()], "two different routes"),
        (("cheap",), [Finished()], "two different routes"),
        (("cheap", "cheap"), [Finished()], "two different routes"),
        (("cheap", "strong"), [], "never goes on"),
        (("cheap", "best"), [Finished()], "no route 'best'"),
    ],
)
def test_what_is_no_cascade(routes: tuple[str, ...], checks: list[Any], why: str) -> None:
    plain = parse_policy(SMALL[: SMALL.index("[cascade]")])
    with pytest.raises(UsageError, match=why):
        Cascade(plain, routes=routes, checks=checks)


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_the_cost_is_that_of_the_formula(passes: list[bool]) -> None:
    """c + (1 - p) * s a request, for a share p of answers that pass."""
    cascade = Cascade(POLICY, cost=cost, checks=[Long(1)])
    spent = Decimal(0)
    for passed in passes:
        result = run("sync", cascade, {"cheap": chat("fine" if passed else "x"), "strong": chat("better")})
        spent += result.usd
    share = Decimal(sum(passes)) / len(passes)
    assert abs(spent / len(passes) - (COSTS["cheap"] + (1 - share) * COSTS["strong"])) < Decimal("1e-20")
