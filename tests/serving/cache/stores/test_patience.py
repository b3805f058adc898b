"""The time-out that counts only time in which the loop ran."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from llmopt.serving.cache.stores.patience import Patience
from tests.serving.virtual import VirtualLoop, near, run


def test_what_is_quick_enough_goes_on() -> None:
    async def main() -> str:
        async with Patience(5.0):
            await asyncio.sleep(4.9)
        await asyncio.sleep(100)
        return "done"

    assert run(main()) == "done"


def test_what_takes_too_long_is_given_up_in_time() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        with pytest.raises(TimeoutError):
            async with Patience(5.0):
                await asyncio.sleep(100)
        return loop.time() - began_s

    assert run(main()) == near(5.0)


@pytest.mark.parametrize(("wait", "in_time"), [(Patience, True), (asyncio.timeout, False)])
def test_a_loop_that_stood_still_is_not_held_against_the_answer(wait: Callable[[float], Any], in_time: bool) -> None:
    def stand_still(loop: VirtualLoop, answer: asyncio.Event) -> None:
        loop.now_s += 60
        loop.call_later(0.5, answer.set)

    async def main() -> bool:
        loop, answer = asyncio.get_running_loop(), asyncio.Event()
        assert isinstance(loop, VirtualLoop)
        loop.call_soon(stand_still, loop, answer)
        try:
            async with wait(5.0):
                await answer.wait()
        except TimeoutError:
            return False
        return True

    assert run(main()) is in_time


def test_who_is_cancelled_is_cancelled() -> None:
    async def main() -> None:
        async with Patience(5.0):
            await asyncio.sleep(100)

    async def cancelling() -> None:
        task = asyncio.create_task(main())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(cancelling())


def test_an_error_of_the_block_is_the_blocks() -> None:
    async def main() -> None:
        async with Patience(5.0):
            raise KeyError("x")

    with pytest.raises(KeyError):
        run(main())
