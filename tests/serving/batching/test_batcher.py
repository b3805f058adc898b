"""The batcher's interface: batches, order, waiting, limits on arguments, start and close."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

import pytest

from llmopt.errors import UsageError
from llmopt.serving.batching import AdaptiveBatcher, BatchSettings, Closed, DeadlinePassed
from tests.serving.batching.conftest import NAME, Gate, Told, threads


def doubled(numbers: list[int]) -> list[int]:
    return [2 * number for number in numbers]


async def entered(gate: Gate) -> None:
    """Let other tasks run until a batch runs."""
    await asyncio.to_thread(gate.entered.wait, 30)


def test_every_caller_gets_its_own_answer_in_full_batches() -> None:
    sizes: list[int] = []

    def predict(numbers: list[int]) -> list[int]:
        sizes.append(len(numbers))
        return doubled(numbers)

    async def run() -> list[int]:
        async with AdaptiveBatcher(predict) as batcher:
            return await asyncio.gather(*[batcher.predict(number) for number in range(64)])

    assert asyncio.run(run()) == [2 * number for number in range(64)]
    assert sizes == [32, 32]


def test_what_comes_while_a_batch_runs_goes_together(gate: Gate) -> None:
    async def run() -> list[int]:
        async with AdaptiveBatcher(gate, 100) as batcher:
            first = asyncio.create_task(batcher.predict(0))
            await entered(gate)
            rest = [asyncio.create_task(batcher.predict(number)) for number in range(1, 9)]
            await asyncio.sleep(0)
            assert batcher.queued == 8
            gate.opened.set()
            return await asyncio.gather(first, *rest)

    assert asyncio.run(run()) == [2 * number for number in range(9)]
    assert gate.batches == [[0], list(range(1, 9))]


def test_predict_runs_off_the_loop(gate: Gate) -> None:
    async def run() -> None:
        async with AdaptiveBatcher(gate) as batcher:
            task = asyncio.create_task(batcher.predict(1))
            await entered(gate)
            assert not task.done()
            gate.opened.set()
            await task

    asyncio.run(run())
    assert threading.get_ident() not in gate.threads


def test_a_short_predict_moves_to_the_loop_and_back_when_it_fails_there() -> None:
    here = threading.get_ident()
    seen: list[bool] = []

    def predict(numbers: list[int]) -> list[int]:
        seen.append(threading.get_ident() == here)
        if numbers == [-1] and seen[-1]:
            raise RuntimeError("not in this thread")
        return doubled(numbers)

    async def run() -> None:
        async with AdaptiveBatcher(predict, inline_below_s=60.0) as batcher:
            for number in range(10_000):  # the thread takes what comes before it is idle
                assert await batcher.predict(number) == 2 * number
                if seen[-1]:
                    break
            assert seen.index(True) >= 64
            assert await asyncio.gather(*[batcher.predict(number) for number in range(80)]) == doubled(list(range(80)))
            assert await batcher.predict(-1) == -2  # it failed in the loop and not in the thread
            assert seen[-2:] == [True, False]
            for number in range(200):
                await batcher.predict(number)
            assert not any(seen[-200:])

    asyncio.run(run())


def test_a_request_that_fails_in_the_loop_fails_alone() -> None:
    def predict(numbers: list[int]) -> list[int]:
        if -1 in numbers:
            raise ValueError("bad")
        return doubled(numbers)

    async def run() -> list[Any]:
        async with AdaptiveBatcher(predict, inline_below_s=60.0) as batcher:
            for number in range(70):
                await batcher.predict(number)
            numbers = [1, 2, -1, 3]
            return await asyncio.gather(*[batcher.predict(number) for number in numbers], return_exceptions=True)

    first, second, bad, third = asyncio.run(run())
    assert (first, second, third) == (2, 4, 6)
    assert isinstance(bad, ValueError)


def test_a_free_device_waits_as_long_as_it_was_told(gate: Gate) -> None:
    gate.opened.set()

    async def run() -> None:
        async with AdaptiveBatcher(gate, 3, max_wait_s=0.005) as batcher:
            first = asyncio.create_task(batcher.predict(1))
            await asyncio.sleep(0)
            second = asyncio.create_task(batcher.predict(2))
            assert await first == 2
            assert await second == 4

    asyncio.run(run())
    assert gate.batches == [[1, 2]]


def test_a_full_batch_does_not_wait(gate: Gate) -> None:
    gate.opened.set()

    async def run() -> None:
        async with AdaptiveBatcher(gate, 3, max_wait_s=3600.0) as batcher:
            assert await asyncio.gather(*[batcher.predict(number) for number in range(6)]) == [0, 2, 4, 6, 8, 10]
            last = asyncio.create_task(batcher.predict(9))
            await asyncio.sleep(0)
            assert batcher.queued == 1
        assert await last == 18  # being closed, it waits no longer

    asyncio.run(run())
    assert gate.batches == [[0, 1, 2], [3, 4, 5], [9]]


def test_a_token_budget_puts_like_lengths_together(gate: Gate, told: Told) -> None:
    async def run() -> None:
        batcher = AdaptiveBatcher(gate, 8, max_batch_tokens=100, length=lambda number: number, hooks=told)
        async with batcher:
            first = asyncio.create_task(batcher.predict(1))
            await entered(gate)
            rest = [asyncio.create_task(batcher.predict(number)) for number in (20, 90, 22, 21, 300)]
            await asyncio.sleep(0)
            gate.opened.set()
            assert await asyncio.gather(first, *rest) == [2, 40, 180, 44, 42, 600]

    asyncio.run(run())
    assert gate.batches == [[1], [20, 22, 21], [90], [300]]
    assert [batch.padded_tokens for batch in told.batches] == [1, 66, 90, 300]
    assert [batch.useful_tokens for batch in told.batches] == [1, 63, 90, 300]


def test_settings_make_a_batcher() -> None:
    settings = BatchSettings(5, 0.001, 64)
    batcher = AdaptiveBatcher.of(doubled, settings, length=lambda number: number)
    assert batcher.settings == settings
    assert batcher.queued == 0


async def never(numbers: list[int]) -> list[int]:
    return numbers


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"predict": never}, "plain function"),
        ({"predict": None}, "plain function"),
        ({"max_batch_size": 0}, "max_batch_size is 0"),
        ({"max_wait_s": -1.0}, "max_wait_s is -1"),
        ({"max_queue": 0}, "max_queue is 0"),
        ({"max_batch_tokens": 9}, "needs length"),
        ({"inline_below_s": float("nan")}, "inline_below_s is nan"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        AdaptiveBatcher(**{"predict": doubled, **arguments})


def test_it_takes_requests_only_between_start_and_close() -> None:
    async def run() -> None:
        batcher = AdaptiveBatcher(doubled)
        with pytest.raises(Closed, match="not started") as refused:
            await batcher.predict(1)
        assert "async with" in refused.value.hint
        await batcher.close()
        await batcher.start()
        await batcher.start()
        assert threads() == [NAME]
        assert await batcher.predict(1) == 2
        await batcher.close()
        await batcher.close()
        assert threads() == []
        with pytest.raises(Closed, match="no more"):
            await batcher.predict(1)
        await batcher.start()
        assert await batcher.predict(2) == 4
        await batcher.close()

    asyncio.run(run())


def test_it_can_be_made_before_the_loop_and_used_in_one_after_the_other() -> None:
    batcher = AdaptiveBatcher(doubled)

    async def run(close: bool) -> int:
        await batcher.start()
        answer = await batcher.predict(3)
        if close:
            await batcher.close()
        return answer

    assert asyncio.run(run(close=True)) == 6
    assert asyncio.run(run(close=False)) == 6
    assert asyncio.run(run(close=True)) == 6  # the loop before was closed without the batcher
    assert threads() == []


def test_a_closed_loop_ends_the_thread_when_the_batcher_is_closed_elsewhere() -> None:
    batcher = AdaptiveBatcher(doubled)
    asyncio.run(batcher.start())
    assert threads() == [NAME]
    asyncio.run(batcher.close())
    assert threads() == []


def test_two_loops_at_once_are_refused(gate: Gate) -> None:
    batcher = AdaptiveBatcher(gate)

    def elsewhere() -> None:
        for use in (lambda: batcher.predict(1), batcher.start, batcher.close):

            async def run(use: Any = use) -> None:
                await use()

            with pytest.raises(UsageError, match="another event loop"):
                asyncio.run(run())

    async def run() -> None:
        async with batcher:
            task = asyncio.create_task(batcher.predict(1))
            await asyncio.to_thread(elsewhere)
            gate.opened.set()
            assert await task == 2

    asyncio.run(run())


def test_starting_again_waits_for_the_close_before(gate: Gate) -> None:
    async def run() -> None:
        batcher = AdaptiveBatcher(gate)
        await batcher.start()
        task = asyncio.create_task(batcher.predict(1))
        await entered(gate)
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0)
        starting = asyncio.create_task(batcher.start())
        await asyncio.sleep(0)
        assert not starting.done()
        gate.opened.set()
        await asyncio.gather(task, closing, starting)
        assert await batcher.predict(2) == 4
        await batcher.close()

    asyncio.run(run())


def test_uvloop_will_do() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def run() -> list[int]:
        async with AdaptiveBatcher(doubled, 4, 0.002) as batcher:
            with pytest.raises(DeadlinePassed):
                await batcher.predict(1, timeout_s=1e-6)  # a timer of uvloop's that is no timer
            return await asyncio.gather(*[batcher.predict(number, timeout_s=30) for number in range(50)])

    assert uvloop.run(run()) == doubled(list(range(50)))


def test_requests_that_come_while_the_thread_looks_at_the_queue_do_no_harm() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:

        async def run() -> list[int]:
            async with AdaptiveBatcher(doubled, 64, 0.0005, inline_below_s=0, max_queue=2000) as batcher:
                tasks = []
                for number in range(2000):
                    tasks.append(asyncio.create_task(batcher.predict(number)))
                    if number % 3 == 0:
                        await asyncio.sleep(0)
                return await asyncio.gather(*tasks)

        assert asyncio.run(run()) == doubled(list(range(2000)))
    finally:
        sys.setswitchinterval(interval)


def test_another_loop_of_the_same_thread_is_refused_too() -> None:
    batcher = AdaptiveBatcher(doubled)
    own = asyncio.new_event_loop()
    own.run_until_complete(batcher.start())

    async def run() -> None:
        with pytest.raises(UsageError, match="another event loop"):
            await batcher.predict(1)

    asyncio.run(run())
    own.run_until_complete(batcher.close())
    own.close()


def test_a_runtime_error_of_predict_is_its_own() -> None:
    def predict(numbers: list[int]) -> list[int]:
        raise RuntimeError("mine")

    async def run() -> None:
        async with AdaptiveBatcher(predict) as batcher:
            with pytest.raises(RuntimeError, match="mine"):
                await batcher.predict(1)

    asyncio.run(run())
