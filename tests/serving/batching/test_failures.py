"""The failure matrix: nobody hangs, and exactly the guilty fail."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from typing import Any

import pytest

from llmopt.errors import LlmoptError, UsageError
from llmopt.serving.batching import (
    AdaptiveBatcher,
    BatchDone,
    Closed,
    DeadlinePassed,
    PredictFailed,
    QueueFull,
    Reason,
)
from tests.serving.batching.conftest import Gate, Told, threads
from tests.serving.batching.test_batcher import entered
from tests.serving.batching.test_pieces import Panic, Poisoned


def same(numbers: list[int]) -> list[int]:
    return numbers


def without_three(numbers: list[int]) -> list[int]:
    return [number for number in numbers if number != 3]


async def outcomes(batcher: AdaptiveBatcher[int, int], numbers: range) -> list[Any]:
    """Return answers and errors; a caller that hangs fails the test."""
    calls = [batcher.predict(number) for number in numbers]
    return await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 30)


@pytest.mark.parametrize("bad", [{0}, {31}, {13}, {5, 6}, {0, 16}, {3, 9, 27}])
def test_only_the_poison_requests_fail(bad: set[int], told: Told) -> None:
    predict = Poisoned(bad)

    async def run() -> list[Any]:
        async with AdaptiveBatcher(predict, hooks=told) as batcher:
            return await outcomes(batcher, range(32))

    for number, outcome in enumerate(asyncio.run(run())):
        if number in bad:
            assert isinstance(outcome, ValueError)
            assert str(outcome) == f"bad: {number}"
        else:
            assert outcome == 2 * number
    assert len(predict.seen) <= 1 + 10 * len(bad)
    assert [(batch.size, batch.calls, batch.failed) for batch in told.batches] == [(32, len(predict.seen), len(bad))]


@pytest.mark.parametrize("kind", [RuntimeError, StopIteration, Panic, SystemExit, KeyboardInterrupt])
def test_when_predict_always_raises_all_fail_and_the_next_ones_run(kind: type[BaseException]) -> None:
    broken = True

    def predict(numbers: list[int]) -> list[int]:
        if broken:
            raise kind("broken")
        return numbers

    async def run() -> None:
        nonlocal broken
        async with AdaptiveBatcher(predict) as batcher:
            failed = await outcomes(batcher, range(40))
            assert {type(outcome) for outcome in failed} == {kind if kind is RuntimeError else PredictFailed}
            broken = False
            assert await outcomes(batcher, range(40)) == list(range(40))

    asyncio.run(run())


def test_a_cancelled_error_out_of_predict_does_not_look_like_a_cancelled_caller() -> None:
    def predict(numbers: list[int]) -> list[int]:
        raise asyncio.CancelledError

    async def run() -> None:
        async with AdaptiveBatcher(predict) as batcher:
            with pytest.raises(PredictFailed, match="CancelledError"):
                await batcher.predict(1)

    asyncio.run(run())


@pytest.mark.parametrize(
    "short", [lambda numbers: numbers[:-1], lambda numbers: None, lambda numbers: "x" * len(numbers)]
)
def test_a_result_of_another_length_fails_all_that_it_could_be_of(short: Any) -> None:
    async def run() -> list[Any]:
        async with AdaptiveBatcher(short) as batcher:
            return await outcomes(batcher, range(8))

    assert all(isinstance(outcome, PredictFailed) for outcome in asyncio.run(run()))


def test_a_result_that_is_short_for_one_request_fails_that_one() -> None:
    async def run() -> list[Any]:
        async with AdaptiveBatcher(without_three) as batcher:
            return await outcomes(batcher, range(8))

    got = asyncio.run(run())
    assert isinstance(got.pop(3), PredictFailed)
    assert got == [0, 1, 2, 4, 5, 6, 7]


def test_a_caller_cancelled_while_its_batch_runs_harms_nobody(gate: Gate, told: Told) -> None:
    async def run() -> None:
        async with AdaptiveBatcher(gate, hooks=told) as batcher:
            tasks = [asyncio.create_task(batcher.predict(number)) for number in range(8)]
            await entered(gate)
            tasks[3].cancel()
            await asyncio.sleep(0)
            gate.opened.set()
            got = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(got.pop(3), asyncio.CancelledError)
        assert got == [0, 2, 4, 8, 10, 12, 14]

    asyncio.run(run())
    assert told.reasons == ["cancelled"]


def test_a_caller_cancelled_while_it_waits_is_not_computed(gate: Gate) -> None:
    async def run() -> None:
        async with AdaptiveBatcher(gate, max_queue=3) as batcher:
            first = asyncio.create_task(batcher.predict(0))
            await entered(gate)
            waiting = [asyncio.create_task(batcher.predict(number)) for number in (1, 2, 3)]
            await asyncio.sleep(0)
            with pytest.raises(QueueFull):
                await batcher.predict(4)
            waiting[1].cancel()
            await asyncio.sleep(0)
            assert batcher.queued == 2
            fifth = asyncio.create_task(batcher.predict(5))  # there is room again
            await asyncio.sleep(0)
            gate.opened.set()
            assert [await first, await waiting[0], await waiting[2], await fifth] == [0, 2, 6, 10]

    asyncio.run(run())
    assert gate.batches == [[0], [1, 3, 5]]


def test_a_batch_of_cancelled_callers_is_not_run(gate: Gate) -> None:
    async def run() -> None:
        async with AdaptiveBatcher(gate) as batcher:
            first = asyncio.create_task(batcher.predict(0))
            await entered(gate)
            waiting = [asyncio.create_task(batcher.predict(number)) for number in range(1, 5)]
            await asyncio.sleep(0)
            for task in waiting:
                task.cancel()
            gate.opened.set()
            await first
            await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(run())
    assert gate.batches == [[0]]


def test_a_caller_cancelled_after_an_error_was_set_leaves_no_complaint(caplog: pytest.LogCaptureFixture) -> None:
    def predict(numbers: list[int]) -> list[int]:
        raise ValueError

    async def run() -> None:
        loop = asyncio.get_running_loop()
        async with AdaptiveBatcher(predict) as batcher:
            task = asyncio.create_task(batcher.predict(1))
            await asyncio.sleep(0)
            future: Any = task._fut_waiter  # type: ignore[attr-defined]
            future.add_done_callback(lambda _: loop.call_soon(task.cancel))
            await asyncio.wait([task])

    asyncio.run(run())
    gc.collect()
    assert not caplog.records


@pytest.mark.parametrize(("room", "answered"), [(1024, 1024), (5000, 5000)])
def test_5000_at_once(room: int, answered: int, told: Told) -> None:
    async def run() -> list[Any]:
        async with AdaptiveBatcher(same, max_queue=room, hooks=told) as batcher:
            return await outcomes(batcher, range(5000))

    got = asyncio.run(run())
    refused = [outcome for outcome in got if isinstance(outcome, QueueFull)]
    assert got[:answered] == list(range(answered))
    assert len(refused) == 5000 - answered
    assert told.reasons == ["queue_full"] * len(refused)
    assert all(refusal.retry_after_s > 0 and isinstance(refusal, LlmoptError) for refusal in refused)


def test_retry_after_is_the_time_that_the_queue_takes(gate: Gate, told: Told) -> None:
    gate.opened.set()

    async def run() -> QueueFull:
        async with AdaptiveBatcher(gate, 1, max_queue=2, hooks=told) as batcher:
            await batcher.predict(0)
            await asyncio.sleep(0)
            gate.opened.clear()
            gate.entered.clear()
            tasks = [asyncio.create_task(batcher.predict(1))]
            await entered(gate)
            tasks += [asyncio.create_task(batcher.predict(number)) for number in (2, 3)]
            await asyncio.sleep(0)
            with pytest.raises(QueueFull) as refused:
                await batcher.predict(4)
            gate.opened.set()
            await asyncio.gather(*tasks)
            return refused.value

    refusal = asyncio.run(run())
    assert refusal.queued == 2
    assert refusal.retry_after_s == pytest.approx(2 * told.batches[0].service_s)
    assert "2 requests wait" in str(refusal)


def test_close_runs_what_is_queued_and_takes_nothing_new(gate: Gate) -> None:
    async def run() -> None:
        batcher = AdaptiveBatcher(gate, 4)
        await batcher.start()
        tasks = [asyncio.create_task(batcher.predict(number)) for number in range(10)]
        await entered(gate)
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0)
        assert batcher.queued == 6
        with pytest.raises(Closed):
            await batcher.predict(99)
        gate.opened.set()
        await closing
        assert [task.result() for task in tasks] == [2 * number for number in range(10)]
        assert threads() == []

    asyncio.run(run())


def test_close_without_draining_fails_what_is_queued(gate: Gate, told: Told) -> None:
    async def run() -> None:
        batcher = AdaptiveBatcher(gate, 4, hooks=told)
        await batcher.start()
        tasks = [asyncio.create_task(batcher.predict(number)) for number in range(6)]
        await entered(gate)
        draining = asyncio.create_task(batcher.close())
        await asyncio.sleep(0)
        await batcher.close(drain=False)  # the batch still runs
        await draining
        gate.opened.set()
        got = await asyncio.gather(*tasks, return_exceptions=True)
        assert got[:4] == [0, 2, 4, 6]
        assert all(isinstance(outcome, Closed) for outcome in got[4:])

    asyncio.run(run())
    assert told.reasons == ["closed"] * 2


def test_close_that_is_cancelled_still_drains(gate: Gate) -> None:
    async def run() -> None:
        batcher = AdaptiveBatcher(gate, 1)
        await batcher.start()
        tasks = [asyncio.create_task(batcher.predict(number)) for number in range(3)]
        await entered(gate)
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait([closing])
        gate.opened.set()
        assert await asyncio.gather(*tasks) == [0, 2, 4]
        await batcher.close()

    asyncio.run(run())
    assert threads() == []


def test_leaving_by_an_error_does_not_wait_for_a_batch_that_hangs(gate: Gate) -> None:
    tasks: list[asyncio.Task[int]] = []

    async def leave() -> None:
        async with AdaptiveBatcher(gate, 1) as batcher:
            tasks.extend(asyncio.create_task(batcher.predict(number)) for number in range(2))
            await entered(gate)
            raise ZeroDivisionError

    async def run() -> list[Any]:
        with pytest.raises(ZeroDivisionError):
            await leave()
        assert not gate.opened.is_set()
        with pytest.raises(Closed):
            await tasks[1]
        gate.opened.set()
        return [await tasks[0]]

    assert asyncio.run(run()) == [0]


def test_a_loop_that_is_closed_underneath_ends_the_thread(gate: Gate) -> None:
    async def run() -> None:
        batcher = AdaptiveBatcher(gate, 1)
        await batcher.start()
        for number in range(3):
            asyncio.create_task(batcher.predict(number))  # noqa: RUF006 - asyncio.run cancels it
        await entered(gate)

    asyncio.run(run())
    gate.opened.set()
    worker = next(thread for thread in threading.enumerate() if thread.ident in gate.threads)
    worker.join(30)
    assert not worker.is_alive()
    assert gate.batches == [[0]]


def test_a_deadline_fails_a_queued_request_in_time_and_it_is_not_computed(gate: Gate, told: Told) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        async with AdaptiveBatcher(gate, hooks=told) as batcher:
            first = asyncio.create_task(batcher.predict(0, timeout_s=30))
            await entered(gate)
            waiting = [
                asyncio.create_task(batcher.predict(1, deadline=loop.time() + 0.004)),
                asyncio.create_task(batcher.predict(2, timeout_s=0.002)),
                asyncio.create_task(batcher.predict(3, timeout_s=30, deadline=loop.time() + 0.001)),
                asyncio.create_task(batcher.predict(4)),
            ]
            for task in waiting[:3]:  # while the batch before them runs
                with pytest.raises(DeadlinePassed):
                    await task
            assert batcher.queued == 1
            gate.opened.set()
            assert [await first, await waiting[3]] == [0, 8]

    asyncio.run(run())
    assert gate.batches == [[0], [4]]
    assert told.reasons == ["deadline"] * 3


def test_a_deadline_fails_a_caller_whose_batch_runs(gate: Gate) -> None:
    async def run() -> None:
        async with AdaptiveBatcher(gate) as batcher:
            tasks = [asyncio.create_task(batcher.predict(number)) for number in (1, 2)]
            tasks.append(asyncio.create_task(batcher.predict(3, timeout_s=0.003)))
            with pytest.raises(TimeoutError):
                await tasks.pop()
            gate.opened.set()
            assert await asyncio.gather(*tasks) == [2, 4]

    asyncio.run(run())


@pytest.mark.parametrize("late", [{"timeout_s": 0.0}, {"timeout_s": -1.0}, {"deadline": 0.0}])
def test_a_deadline_that_has_passed_is_refused_at_once(late: dict[str, float], told: Told) -> None:
    async def run() -> None:
        async with AdaptiveBatcher(same, hooks=told) as batcher:
            with pytest.raises(DeadlinePassed):
                await batcher.predict(1, **late)

    asyncio.run(run())
    assert told.reasons == ["deadline"]
    assert told.batches == []


def test_deadlines_that_are_no_number_are_refused() -> None:
    async def run() -> None:
        async with AdaptiveBatcher(same) as batcher:
            with pytest.raises(UsageError, match="numbers of seconds"):
                await batcher.predict(1, timeout_s=float("nan"))
            assert await batcher.predict(1, timeout_s=float("inf")) == 1

    asyncio.run(run())


def test_a_length_that_fails_or_is_no_number_fails_that_caller_alone() -> None:
    def texts(given: list[str]) -> list[str]:
        return given

    async def run() -> list[Any]:
        async with AdaptiveBatcher(texts, max_batch_tokens=99, length=len) as batcher:
            requests: list[Any] = ["a", 5, "b"]
            return await asyncio.gather(*[batcher.predict(text) for text in requests], return_exceptions=True)

    first, bad, second = asyncio.run(run())
    assert (first, second) == ("a", "b")
    assert isinstance(bad, TypeError)


class Broken:
    def batch_done(self, batch: BatchDone) -> None:
        raise RuntimeError("hook")

    def dropped(self, reason: Reason) -> None:
        raise RuntimeError("hook")


def test_hooks_that_raise_are_logged_once_and_harm_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with AdaptiveBatcher(same, max_queue=2, hooks=Broken()) as batcher:
            for _ in range(3):
                got = await outcomes(batcher, range(3))
                assert got[:2] == [0, 1]
                assert isinstance(got[2], QueueFull)

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert len(caplog.records) == 1


def test_a_keyboard_interrupt_in_the_loop_ends_it_and_nobody_hangs() -> None:
    interrupted = inline = False
    here = threading.get_ident()

    def predict(numbers: list[int]) -> list[int]:
        nonlocal inline
        inline = threading.get_ident() == here
        if interrupted:
            raise KeyboardInterrupt
        return numbers

    async def prove(batcher: AdaptiveBatcher[int, int]) -> None:
        await batcher.start()
        for number in range(10_000):
            await batcher.predict(number)
            if inline:
                break

    loop = asyncio.new_event_loop()
    batcher = AdaptiveBatcher(predict, 1, inline_below_s=60.0)
    loop.run_until_complete(prove(batcher))
    interrupted = True
    tasks = [loop.create_task(batcher.predict(number)) for number in range(2)]
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(asyncio.wait(tasks))
    interrupted = False
    loop.run_until_complete(asyncio.wait(tasks))
    assert isinstance(tasks[0].exception(), PredictFailed)
    assert tasks[1].result() == 1
    loop.run_until_complete(batcher.close())
    loop.close()
