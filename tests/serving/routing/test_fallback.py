"""Chains of models: who is asked next, when it stops, and what is raised in the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from llmopt.errors import UsageError
from llmopt.serving.budget import LatencyBudget
from llmopt.serving.cache.entry import Reply
from llmopt.serving.routing import Fallback, Policy, Target, parse_policy
from tests.serving.routing.policies import SMALL

POLICY = parse_policy(SMALL)
"""cheap -> strong, long; strong -> cheap; what is too long for cheap goes to long."""


class Refused(Exception):
    """Like the errors of SDKs."""

    def __init__(self, status: int, after_s: str = "", message: str = "no") -> None:
        super().__init__(message)
        self.status_code = status
        self.headers = {"retry-after": after_s} if after_s else {}


class World:
    """A clock that moves when somebody waits, and models that answer as they are told to."""

    def __init__(self, policy: Policy = POLICY, **answers: Any) -> None:
        self.now_s = 100.0
        self.slept_s: list[float] = []
        self.asked: list[Target] = []
        self.takes_s = 0.0
        self.answers: dict[str, Any] = answers
        self.fallback = Fallback(
            policy,
            clock=lambda: self.now_s,
            sleep=self.sleep,
            asleep=self.asleep,
            now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
        )

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)

    def ask(self, target: Target) -> Any:
        self.asked.append(target)
        self.now_s += self.takes_s
        answer = self.answers[target.route]
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def aask(self, target: Target) -> Any:
        return self.ask(target)

    def call(self, route: str, way: str, deadline_s: float | None = None) -> Any:
        if way == "sync":
            return self.fallback.call(route, self.ask, deadline_s=deadline_s)
        return asyncio.run(self.fallback.acall(route, self.aask, deadline_s=deadline_s))

    @property
    def routes(self) -> list[str]:
        return [target.route for target in self.asked]


both = pytest.mark.parametrize("way", ["sync", "async"])


@both
def test_the_first_that_answers(way: str) -> None:
    world = World(cheap="yes")
    served = world.call("cheap", way)
    assert (served.value, served.route, served.model) == ("yes", "cheap", "small-model")
    assert [attempt.said for attempt in served.attempts] == ["cheap (small-model): answered"]


@both
@pytest.mark.parametrize("status", [402, 404, 408, 409, 429, 500, 502, 503, 504, 529])
def test_an_overload_goes_on(way: str, status: int) -> None:
    world = World(cheap=Refused(status), strong=TimeoutError(), long="yes")
    served = world.call("cheap", way)
    assert (served.value, served.route, world.routes) == ("yes", "long", ["cheap", "strong", "long"])
    assert [each.failure is None for each in served.attempts] == [False, False, True]


@both
@pytest.mark.parametrize("status", [400, 401, 403, 422])
def test_a_wrong_request_does_not(way: str, status: int) -> None:
    error = Refused(status)
    world = World(cheap=error, strong="yes")
    with pytest.raises(Refused) as caught:
        world.call("cheap", way)
    assert caught.value is error
    assert world.routes == ["cheap"]


@both
def test_a_bug_does_not(way: str) -> None:
    world = World(cheap=KeyError("a"), strong="yes")
    with pytest.raises(KeyError):
        world.call("cheap", way)
    assert world.routes == ["cheap"]


@both
def test_the_last_error_is_raised_with_the_story(way: str) -> None:
    world = World(cheap=Refused(503), strong=ConnectionResetError(), long=Refused(500))
    with pytest.raises(Refused) as caught:
        world.call("cheap", way)
    assert caught.value.status_code == 500
    assert caught.value.__notes__ == [
        "llmopt routing: cheap (small-model): overloaded (HTTP 503); strong (big-model): connection;"
        " long (long-model): server (HTTP 500)"
    ]


@both
def test_a_request_that_is_too_long_goes_to_a_longer_model(way: str) -> None:
    world = World(cheap=Refused(400, message="maximum context length is 8000"), long="yes")
    assert world.call("cheap", way).route == "long"
    assert world.routes == ["cheap", "long"]


def test_models_that_are_known_to_be_as_short_are_passed_by() -> None:
    text = SMALL.replace('"small-model"', '{model = "small-model", context_tokens = 8000}')
    policy = parse_policy(text.replace('[fallback.longer]\ncheap = ["long"]\n', ""))
    world = World(policy, cheap=Refused(400, message="prompt is too long"), long="yes")
    assert world.call("cheap", "sync").route == "long"
    assert world.routes == ["cheap", "long"]


@both
def test_a_returned_failure_counts_as_one(way: str) -> None:
    world = World(cheap=Reply(b"", 503), strong=Reply(b"{}"))
    assert world.call("cheap", way).route == "strong"
    wrong = World(cheap=Reply(b"", 400), strong=Reply(b"{}"))
    served = wrong.call("cheap", way)
    assert (served.value.status, served.route) == (400, "cheap")
    assert served.attempts[-1].failure is not None
    none = World(strong=Reply(b"", 500), cheap=Reply(b"", 503))
    assert none.call("strong", way).value.status == 503


@both
def test_who_needs_a_rest_is_passed_over_until_it_is_over(way: str) -> None:
    world = World(cheap=[Refused(429, "30"), "rested"], strong="yes")
    assert world.call("cheap", way).route == "strong"
    again = world.call("cheap", way)
    assert (again.route, again.attempts[0].said) == ("strong", "cheap (small-model): resting")
    world.now_s += 30
    assert world.call("cheap", way).value == "rested"
    assert world.routes == ["cheap", "strong", "strong", "cheap"]


@both
def test_when_all_rest_the_first_is_asked_all_the_same(way: str) -> None:
    world = World(strong=[Refused(429, "30"), "a"], cheap=[Refused(429, "40")])
    with pytest.raises(Refused):
        world.call("strong", way)
    assert world.call("strong", way).value == "a"


@both
def test_a_short_rest_is_waited_for_once(way: str) -> None:
    world = World(strong=Refused(429, "30"), cheap=[Refused(429, "1.5"), "yes"])
    assert world.call("strong", way).value == "yes"
    assert world.slept_s == [1.5]
    world = World(strong=Refused(429, "2"), cheap=Refused(429, "2"))
    with pytest.raises(Refused):
        world.call("strong", way)
    assert world.slept_s == [2.0]


@both
def test_a_rest_longer_than_the_deadline_is_not_waited_for(way: str) -> None:
    world = World(strong=Refused(429, "1"), cheap=Refused(429, "1"))
    with pytest.raises(Refused):
        world.call("strong", way, deadline_s=0.9)
    assert world.slept_s == []


@both
def test_the_deadline_ends_the_chain(way: str) -> None:
    world = World(cheap=Refused(503), strong=Refused(502), long="yes")
    world.takes_s = 0.6
    with pytest.raises(Refused) as caught:
        world.call("cheap", way, deadline_s=1.0)
    assert caught.value.status_code == 502
    assert [target.timeout_s for target in world.asked] == [1.0, pytest.approx(0.4)]
    with pytest.raises(TimeoutError, match="no time is left to ask cheap"):
        world.call("cheap", way, deadline_s=0.0)


@both
def test_a_route_has_a_time_of_its_own(way: str) -> None:
    world = World(long="yes")
    world.call("long", way)
    world.call("long", way, deadline_s=5.0)
    assert [target.timeout_s for target in world.asked] == [30.0, 5.0]


@both
def test_an_unknown_route(way: str) -> None:
    with pytest.raises(UsageError, match="no route 'best'"):
        World().call("best", way)


@both
def test_kinds_of_ones_own(way: str) -> None:
    policy = parse_policy(SMALL.replace("max_wait_s = 2", 'on = ["auth"]'))
    assert World(policy, cheap=Refused(401), strong="yes").call("cheap", way).route == "strong"
    with pytest.raises(Refused):
        World(policy, cheap=Refused(503), strong="yes").call("cheap", way)


def test_an_attempt_that_hangs_is_cancelled() -> None:
    policy = parse_policy(
        SMALL.replace("timeout_s = 30", "timeout_s = 0.001").replace('strong = ["cheap"]', 'long = ["cheap"]')
    )
    cancelled = []

    async def ask(target: Target) -> str:
        if target.route == "long":
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(target.route)
                raise
        return target.route

    assert asyncio.run(Fallback(policy).acall("long", ask)).value == "cheap"
    assert cancelled == ["long"]


def test_a_cancelled_caller_asks_nobody_else() -> None:
    asked = []

    async def ask(target: Target) -> str:
        asked.append(target.route)
        await asyncio.Event().wait()
        return ""

    async def main() -> None:
        task = asyncio.create_task(Fallback(POLICY).acall("cheap", ask))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert asked == ["cheap"]


def test_the_budget_around_it_is_the_deadline() -> None:
    budget = LatencyBudget(5.0)
    seen = []

    @budget.stage
    async def answer() -> str:
        async def ask(target: Target) -> str:
            seen.append(target.timeout_s)
            return "yes"

        return (await Fallback(POLICY).acall("cheap", ask)).value

    assert asyncio.run(budget.run())["answer"] == "yes"
    assert 0 < (seen[0] or 0) <= 5.0


class Stream:
    """Chunks; an exception among them is raised. Counts how often it was closed."""

    def __init__(self, *chunks: Any) -> None:
        self.chunks = list(chunks)
        self.closed = 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if not self.chunks:
            raise StopIteration
        chunk = self.chunks.pop(0)
        if isinstance(chunk, BaseException):
            raise chunk
        return chunk

    def close(self) -> None:
        self.closed += 1


class AsyncStream(Stream):
    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            return next(self)
        except StopIteration:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        self.close()


def streamed(way: str, world: World, route: str) -> tuple[Any, list[Any]]:
    """Return what was served, and its chunks."""
    if way == "sync":
        served = world.fallback.stream(route, world.ask)
        return served, list(served.value)

    async def main() -> tuple[Any, list[Any]]:
        found = await world.fallback.astream(route, world.ask if way == "async" else world.aask)
        return found, [chunk async for chunk in found.value]

    return asyncio.run(main())


ways = pytest.mark.parametrize("way", ["sync", "async", "awaited"])


@ways
@pytest.mark.parametrize("broken", [(Refused(503),), (), ({"error": {"type": "overloaded_error"}},)])
def test_a_stream_that_does_not_begin_goes_on(way: str, broken: tuple[Any, ...]) -> None:
    first, second = AsyncStream(*broken), AsyncStream("a", "b")
    world = World(cheap=first, strong=second)
    served, chunks = streamed(way, world, "cheap")
    assert (chunks, served.route, first.closed) == (["a", "b"], "strong", 1)


@ways
def test_a_stream_that_has_begun_is_not_tried_again(way: str) -> None:
    world = World(cheap=AsyncStream("a", Refused(503), "b"), strong=AsyncStream("x"))
    with pytest.raises(Refused):
        streamed(way, world, "cheap")
    assert world.routes == ["cheap"]


@ways
def test_a_stream_that_cannot_be_opened_goes_on(way: str) -> None:
    world = World(cheap=Refused(429), strong=AsyncStream("a"))
    assert streamed(way, world, "cheap")[1] == ["a"]


def test_a_stream_can_be_closed_before_it_is_read() -> None:
    source = AsyncStream("a", "b")
    World(cheap=source).fallback.stream("cheap", lambda _: source).value.close()
    assert source.closed == 1

    async def main() -> None:
        served = await World().fallback.astream("cheap", lambda _: source)
        await served.value.aclose()

    asyncio.run(main())
    assert source.closed == 2


def test_generators_stream_too() -> None:
    closed = []

    def chunks(target: Target) -> Iterator[str]:
        try:
            yield from ("a", "b")
        finally:
            closed.append(target.route)

    assert list(World().fallback.stream("cheap", chunks).value) == ["a", "b"]

    async def achunks(target: Target) -> AsyncIterator[str]:
        try:
            yield "a"
            yield "b"
        finally:
            closed.append("async")

    async def main() -> str:
        served = await World().fallback.astream("cheap", achunks)
        first: str = await anext(served.value)
        await served.value.aclose()
        return first

    assert asyncio.run(main()) == "a"
    assert closed == ["cheap", "async"]


class SdkStream(AsyncStream):
    """Like those of openai and anthropic: `close` is a coroutine function, and there is no `aclose`."""

    aclose = None  # type: ignore[assignment]

    async def close(self) -> None:  # type: ignore[override]
        self.closed += 1


def test_a_stream_of_an_sdk_is_closed_too() -> None:
    first, second = SdkStream(Refused(529)), SdkStream("a", "b")
    world = World(cheap=first, strong=second)

    async def main() -> None:
        served = await world.fallback.astream("cheap", world.aask)
        await served.value.aclose()

    asyncio.run(main())
    assert (first.closed, second.closed) == (1, 1)


def test_many_threads_share_one() -> None:
    world = World(cheap="yes", strong="no")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: world.fallback.call("cheap", world.ask).value, range(200)))
    assert found == ["yes"] * 200
