"""One timer for many deadlines, on a clock that jumps."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from llmopt.serving.batching import DeadlinePassed
from llmopt.serving.batching.deadlines import CROWDED, Deadlines
from tests.serving import virtual


def test_each_fails_at_its_own_time() -> None:
    async def run() -> list[tuple[int, float]]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        passed: list[tuple[int, float]] = []
        futures: list[asyncio.Future[Any]] = [loop.create_future() for _ in range(4)]
        count = 0

        def note() -> None:
            nonlocal count
            count += 1

        def record(i: int, _: asyncio.Future[Any]) -> None:
            passed.append((i, loop.time() - began))

        deadlines = Deadlines(loop, note)
        for i, (future, after_s) in enumerate(zip(futures, (30.0, 10.0, 20.0, 15.0), strict=True)):
            deadlines.add(future, began + after_s)
            future.add_done_callback(partial(record, i))
        futures[2].set_result("in time")
        await asyncio.sleep(60)
        assert count == 3
        for i in (0, 1, 3):
            with pytest.raises(DeadlinePassed):
                futures[i].result()
        return passed

    assert virtual.run(run()) == [(2, 0.0), (1, 10.0), (3, 15.0), (0, 30.0)]


def test_those_that_are_done_are_forgotten_before_their_time() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        deadlines = Deadlines(loop, lambda: None)
        last: asyncio.Future[Any] = loop.create_future()
        deadlines.add(last, loop.time() + 3600)
        for _ in range(10 * CROWDED):
            future: asyncio.Future[Any] = loop.create_future()
            deadlines.add(future, loop.time() + 7200)
            future.set_result(None)
            assert len(deadlines._heap) <= CROWDED
        await asyncio.sleep(3601)
        assert isinstance(last.exception(), DeadlinePassed)

    virtual.run(run())
