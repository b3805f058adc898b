"""Stages that are told to stop: those that clean up, those that do not listen, and those in threads."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager

import pytest

from llmopt.serving.budget import BudgetExhausted, LatencyBudget, StageFailed, remaining_s
from llmopt.serving.budget.threads import Job, Threads
from tests.serving.budget.test_budget import outcome, sleeper
from tests.serving.virtual import near, run

SOON_S = 30.0
"""What does not come within this has hung."""


def test_a_stage_that_ignores_cancellation_is_abandoned_and_blocks_nothing() -> None:
    budget = LatencyBudget(0.5)

    @budget.stage(optional=True, fallback="instead")
    async def deaf() -> None:
        while True:
            try:
                await asyncio.sleep(2)
                return
            except asyncio.CancelledError:
                continue

    budget.stage(min_s=0.2)(sleeper("last", 0.1, "deaf"))

    async def main() -> None:
        done = await budget.run()
        deaf = done.report["deaf"]
        assert (done["deaf"], done.value, done.took_s) == ("instead", "last", near(0.39))
        assert (deaf.status, deaf.cause) == ("abandoned", "timeout")
        assert budget.still_running == 1
        await asyncio.sleep(3)
        assert budget.still_running == 0

    run(main())


def test_a_required_stage_that_ignores_cancellation_does_not_keep_the_error() -> None:
    budget = LatencyBudget(0.5, grace_s=0.1)

    @budget.stage
    async def deaf() -> None:
        try:
            await asyncio.sleep(2)
        except asyncio.CancelledError:
            await asyncio.sleep(2)
            raise ValueError("nobody hears this") from None

    async def main() -> None:
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        with pytest.raises(BudgetExhausted) as caught:
            await budget.run()
        assert loop.time() - start_s == near(0.5)
        assert caught.value.report["deaf"].status == "abandoned"
        assert caught.value.report["deaf"].allowed_s == near(0.4), "the grace is a part of the budget"
        await asyncio.sleep(3)

    run(main())


@pytest.mark.parametrize(("clean_up_s", "status"), [(0.0, "timeout"), (0.09, "timeout"), (0.2, "abandoned")])
def test_a_stage_gets_its_grace_to_clean_up(clean_up_s: float, status: str) -> None:
    budget = LatencyBudget(0.5, grace_s=0.1)
    cleaned = []

    @budget.stage(optional=True)
    async def careful() -> None:
        try:
            await asyncio.sleep(2)
        finally:
            await asyncio.sleep(clean_up_s)
            cleaned.append(True)

    done = outcome(budget)
    assert done.report["careful"].status == status
    assert done.took_s == near(0.4 + min(clean_up_s, 0.1))
    assert bool(cleaned) == (status == "timeout") or status == "abandoned"


def test_the_grace_of_an_early_stage_passes_while_later_ones_run() -> None:
    budget = LatencyBudget(0.5, grace_s=0.1)

    @budget.stage(optional=True)
    async def careful() -> None:
        try:
            await asyncio.sleep(2)
        finally:
            await asyncio.sleep(0.08)

    budget.stage(min_s=0.3)(sleeper("last", 0.2, "careful"))
    done = outcome(budget)
    assert (done.took_s, done.report["careful"].status) == (near(0.29), "timeout")


@contextmanager
def held() -> Iterator[threading.Event]:
    """Give an event that is set in the end, so that no thread of a test stays."""
    event = threading.Event()
    try:
        yield event
    finally:
        event.set()


def test_a_plain_function_runs_in_a_thread() -> None:
    budget = LatencyBudget(SOON_S)
    left = []

    @budget.stage
    def where(x: int) -> tuple[int, bool]:
        left.append(remaining_s())
        return x, threading.current_thread() is threading.main_thread()

    assert asyncio.run(budget.run(x=3)).value == (3, False)
    assert 0 < (left[0] or 0) < SOON_S


def test_what_a_plain_function_returns_may_be_awaited() -> None:
    budget = LatencyBudget(SOON_S)
    budget.stage(name="a")(lambda: asyncio.sleep(0, "awaited"))
    assert asyncio.run(budget.run()).value == "awaited"


def test_what_a_plain_function_returns_too_late_is_not_begun() -> None:
    budget = LatencyBudget(0.02)
    begun = []

    async def later() -> None:
        begun.append(1)

    with held() as event:

        @budget.stage(optional=True)
        def hangs() -> Coroutine[None, None, None]:
            event.wait(SOON_S)
            return later()

        async def main() -> None:
            await budget.run()
            event.set()
            while budget.still_running:
                await asyncio.sleep(0)

        asyncio.run(main())
    assert not begun


@pytest.mark.parametrize("error", [ValueError("no"), StopIteration(1)])
def test_a_plain_function_that_raises_has_failed(error: Exception) -> None:
    budget = LatencyBudget(SOON_S)

    @budget.stage
    def broken() -> None:
        raise error

    with pytest.raises(StageFailed):
        asyncio.run(budget.run())


def test_a_plain_function_that_hangs_is_abandoned() -> None:
    budget = LatencyBudget(0.5)  # a busy machine may take long to start the thread

    with held() as event:

        @budget.stage(optional=True, fallback="instead")
        def hangs() -> None:
            event.wait(SOON_S)

        async def main() -> None:
            done = await budget.run()
            assert (done.value, done.report["hangs"].status) == ("instead", "abandoned")
            assert budget.still_running == 1
            event.set()
            while budget.still_running:
                await asyncio.sleep(0)

        asyncio.run(main())


def test_a_call_that_still_waits_for_a_thread_is_dropped() -> None:
    budget = LatencyBudget(0.5, threads=1)
    calls = []

    with held() as event:

        @budget.stage(optional=True)
        def hangs() -> None:
            calls.append(1)
            event.wait(SOON_S)

        async def main() -> None:
            first, second = await asyncio.gather(budget.run(), budget.run())
            assert (first.report["hangs"].status, second.report["hangs"].status) == ("abandoned", "timeout")
            event.set()

        asyncio.run(main())
    assert len(calls) == 1


def test_calls_that_were_dropped_are_forgotten() -> None:
    budget = LatencyBudget(0.002, threads=1)

    class Page:
        """Something that a weak reference can watch."""

    with held() as event:

        @budget.stage(optional=True)
        def hangs(page: Page) -> None:
            event.wait(SOON_S)

        async def main() -> int:
            pages = []
            for _ in range(10):
                page = Page()
                pages.append(weakref.ref(page))
                await budget.run(page=page)
            del page
            gc.collect()
            event.set()
            return sum(each() is not None for each in pages)

        assert asyncio.run(main()) <= 2, "the one that hangs and the last one"


def test_an_idle_thread_keeps_no_result() -> None:
    class Result:
        """Something that a weak reference can watch."""

    budget = LatencyBudget(SOON_S)
    budget.stage(name="a")(Result)

    async def main() -> object:
        result = weakref.ref((await budget.run()).value)
        for _ in range(1000):  # the thread has told the result, and may not be idle yet
            gc.collect(0)
            if result() is None:
                break
            await asyncio.sleep(0.01)
        return result()

    assert asyncio.run(main()) is None


def test_a_system_without_threads_is_a_failure_and_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = LatencyBudget(SOON_S)
    budget.stage(name="a")(lambda: "done")

    def none(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", none)
        with pytest.raises(StageFailed, match="can't start new thread"):
            asyncio.run(budget.run())
    assert asyncio.run(budget.run()).value == "done"


def test_a_loop_that_closed_does_not_disturb_a_thread() -> None:
    loop = asyncio.new_event_loop()
    job = Job(lambda: 1, loop)
    loop.close()
    assert job.claim()
    assert not job.claim()
    job.run()


def test_idle_threads_end_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmopt.serving.budget.threads._IDLE_S", 0.001)
    threads = Threads(2)

    async def call() -> object:
        job = Job(lambda: "done", asyncio.get_running_loop())
        threads.submit(job)
        return (await job.future)[0]

    others = set(threading.enumerate())
    for _ in range(3):
        assert asyncio.run(call()) == "done"
        for thread in set(threading.enumerate()) - others:
            thread.join(SOON_S)
            assert not thread.is_alive()


def test_the_process_ends_while_a_stage_hangs() -> None:
    code = (
        "import asyncio, time\nfrom llmopt.serving.budget import LatencyBudget\nb = LatencyBudget(0.01)\n"
        "b.stage(name='a', optional=True)(lambda: time.sleep(3600))\nasyncio.run(b.run())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=SOON_S * 2)
    assert (done.returncode, done.stderr) == (0, "")
