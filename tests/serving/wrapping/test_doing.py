"""Flows: the same order of things in a thread and in an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.wrapping.doing import Flow, Step, arun, run


def step(value: int) -> Step:
    """Return what gives a number back, and raises one that is negative."""

    def now() -> int:
        if value < 0:
            raise ValueError(value)
        return value

    async def soon() -> int:
        await asyncio.sleep(0)
        return now()

    return Step(now, soon)


def added(values: list[int]) -> Flow[tuple[int, int]]:
    """Add numbers up, and count those that were raised."""
    total = raised = 0
    for value in values:
        try:
            total += yield step(value)
        except ValueError:
            raised += 1
    return total, raised


@given(st.lists(st.integers(-3, 9)))
def test_both_ways_come_to_the_same(values: list[int]) -> None:
    expected = sum(each for each in values if each >= 0), sum(each < 0 for each in values)
    assert run(added(values)) == expected
    assert asyncio.run(arun(added(values))) == expected


def failing() -> Flow[None]:
    yield step(1)
    yield step(-7)


@pytest.mark.parametrize("drive", [run, lambda flow: asyncio.run(arun(flow))], ids=["thread", "loop"])
def test_what_nobody_catches_is_raised(drive: Callable[[Flow[None]], None]) -> None:
    with pytest.raises(ValueError, match="-7"):
        drive(failing())


def test_a_flow_sees_that_it_is_cancelled() -> None:
    seen: list[BaseException] = []

    def waiting() -> Flow[None]:
        try:
            yield Step(lambda: None, forever)
        except BaseException as error:
            seen.append(error)
            raise

    async def main() -> None:
        task = asyncio.create_task(arun(waiting()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert [type(each) for each in seen] == [asyncio.CancelledError]


def forever() -> Awaitable[None]:
    return asyncio.get_running_loop().create_future()
