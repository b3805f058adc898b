"""Single flight, in threads and event loops."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.cache.flight import Flights
from tests.serving.virtual import run

LONG_S = 30.0
"""A test that hangs fails after this."""


class Interrupted(BaseException):
    """What ends a thread's call from outside, as Ctrl-C does."""


class Model:
    """A model that answers when it is told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.cancelled = 0
        self.asked = threading.Event()
        self.go = threading.Event()

    def answer(self) -> str:
        self.calls += 1
        self.asked.set()
        assert self.go.wait(LONG_S)
        return f"answer {self.calls}"

    async def slowly(self) -> str:
        self.calls += 1
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return f"answer {self.calls}"


def waiting(flights: Flights[Any], key: str) -> int:
    flight = flights._flying.get(key)
    return flight.waiting if flight is not None else 0


def until(true: Callable[[], bool]) -> None:
    for _ in range(3000):
        if true():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it never came to be")


@contextmanager
def loop_in_thread() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """Give a function that starts a coroutine in a loop of another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_500_tasks_make_one_call() -> None:
    flights, model = Flights[str](), Model()

    async def main() -> list[tuple[str, bool]]:
        return await asyncio.gather(*(flights.afly("k", model.slowly) for _ in range(500)))

    answers = run(main())
    assert model.calls == 1
    assert {answer for answer, _ in answers} == {"answer 1"}
    assert sum(shared for _, shared in answers) == 499
    assert (len(flights), flights.landed) == (0, 1)


def test_500_threads_make_one_call() -> None:
    flights, model = Flights[str](), Model()
    with ThreadPoolExecutor(500) as pool:
        futures = [pool.submit(flights.fly, "k", model.answer) for _ in range(500)]
        until(lambda: waiting(flights, "k") == 500)
        model.go.set()
        answers = [future.result(LONG_S) for future in futures]
    assert model.calls == 1
    assert sum(shared for _, shared in answers) == 499
    assert len(flights) == 0


def test_other_keys_and_later_callers_call_for_themselves() -> None:
    flights, model = Flights[str](), Model()

    async def main() -> list[str]:
        at_once = await asyncio.gather(*(flights.afly(key, model.slowly) for key in "aab"))
        later = await flights.afly("a", model.slowly)
        return [answer for answer, _ in [*at_once, later]]

    assert run(main()) == ["answer 2", "answer 2", "answer 2", "answer 3"]


@pytest.mark.parametrize("gone", [1, 250, 499])
def test_who_is_cancelled_takes_nothing_from_the_others(gone: int) -> None:
    flights, model = Flights[str](), Model()

    async def main() -> list[Any]:
        tasks = [asyncio.create_task(flights.afly("k", model.slowly)) for _ in range(500)]
        await asyncio.sleep(0.5)
        for task in tasks[:gone]:  # the one who began the call is the first
            task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    answers = run(main())
    assert (model.calls, model.cancelled) == (1, 0)
    assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[:gone])
    assert answers[gone:] == [("answer 1", True)] * (500 - gone)
    assert len(flights) == 0


def test_when_all_are_cancelled_so_is_the_call_and_the_next_one_calls_anew() -> None:
    flights, model = Flights[str](), Model()

    async def main() -> tuple[str, bool]:
        tasks = [asyncio.create_task(flights.afly("k", model.slowly)) for _ in range(5)]
        await asyncio.sleep(0.5)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert (model.cancelled, len(flights)) == (1, 0)  # no caller is told before the call has ended
        return await flights.afly("k", model.slowly)

    assert run(main()) == ("answer 2", False)


def test_a_caller_cancelled_before_its_first_step_leaves_nothing() -> None:
    flights, model = Flights[str](), Model()

    async def main() -> None:
        for steps in range(4):
            task = asyncio.create_task(flights.afly("k", model.slowly))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            assert len(flights) == 0
        assert await flights.afly("k", model.slowly) == (f"answer {model.calls}", False)

    run(main())


def test_a_time_out_of_one_caller_is_its_own() -> None:
    flights, model = Flights[str](), Model()

    async def hasty() -> str:
        try:
            async with asyncio.timeout(0.1):
                await flights.afly("k", model.slowly)
        except TimeoutError:
            return "too late"
        return "in time"

    async def main() -> list[Any]:
        return list(await asyncio.gather(hasty(), flights.afly("k", model.slowly)))

    assert run(main()) == ["too late", ("answer 1", True)]
    assert model.calls == 1


def test_an_error_goes_to_all_who_waited_and_to_nobody_else() -> None:
    flights, model = Flights[str](), Model()
    fault = ValueError("overloaded")

    async def failing() -> str:
        model.calls += 1
        await asyncio.sleep(1)
        raise fault

    async def main() -> tuple[list[Any], tuple[str, bool]]:
        failed = await asyncio.gather(*(flights.afly("k", failing) for _ in range(50)), return_exceptions=True)
        return failed, await flights.afly("k", model.slowly)

    failed, after = run(main())
    assert failed == [fault] * 50
    assert after == ("answer 2", False)
    depth, step = 0, fault.__traceback__
    while step is not None:
        depth, step = depth + 1, step.tb_next
    assert depth < 20, "each caller adds its frames to one traceback"


def test_an_error_in_a_thread_goes_to_all_who_waited() -> None:
    flights, model = Flights[str](), Model()

    def failing() -> str:
        model.answer()
        raise ValueError("overloaded")

    with ThreadPoolExecutor(20) as pool:
        futures = [pool.submit(flights.fly, "k", failing) for _ in range(20)]
        until(lambda: waiting(flights, "k") == 20)
        model.go.set()
        for future in futures:
            with pytest.raises(ValueError, match="overloaded"):
                future.result(LONG_S)
    assert model.calls == 1
    assert flights.fly("k", lambda: "fine") == ("fine", False)


def test_when_a_thread_is_interrupted_one_of_the_others_calls() -> None:
    flights, first, second = Flights[str](), Model(), Model()

    def interrupted() -> str:
        first.answer()
        raise Interrupted

    with ThreadPoolExecutor(20) as pool:
        leader = pool.submit(flights.fly, "k", interrupted)
        assert first.asked.wait(LONG_S)
        others = [pool.submit(flights.fly, "k", second.answer) for _ in range(10)]
        until(lambda: waiting(flights, "k") == 11)
        first.go.set()
        second.go.set()
        assert isinstance(leader.exception(LONG_S), Interrupted)
        assert {other.result(LONG_S)[0] for other in others} <= {f"answer {call}" for call in range(1, 11)}
    assert len(flights) == 0


def test_a_waiting_thread_that_is_interrupted_leaves() -> None:
    flights, model = Flights[str](), Model()

    def interrupted(timeout: float | None = None) -> Any:
        raise Interrupted

    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(flights.fly, "k", model.answer)
        assert model.asked.wait(LONG_S)
        flight: Any = flights._flying["k"]
        result, flight.outcome.result = flight.outcome.result, interrupted
        with pytest.raises(Interrupted):
            flights.fly("k", model.answer)
        flight.outcome.result = result
        assert waiting(flights, "k") == 1
        model.go.set()
        assert leader.result(LONG_S) == ("answer 1", False)


def test_a_call_that_is_cancelled_from_within_is_nobodys_answer() -> None:
    flights, model = Flights[str](), Model()

    async def gives_up() -> str:
        await asyncio.sleep(1)
        raise asyncio.CancelledError

    async def main() -> list[Any]:
        leader = asyncio.create_task(flights.afly("k", gives_up))
        await asyncio.sleep(0)
        others = [asyncio.create_task(flights.afly("k", model.slowly)) for _ in range(3)]
        return await asyncio.gather(leader, *others, return_exceptions=True)

    leader, *others = run(main())
    assert isinstance(leader, asyncio.CancelledError)
    assert [answer for answer, _ in others] == ["answer 1"] * 3


def test_threads_and_loops_share_one_call() -> None:
    flights, model = Flights[str](), Model()
    with loop_in_thread() as one, loop_in_thread() as two, ThreadPoolExecutor(5) as pool:
        futures = [pool.submit(flights.fly, "k", model.answer)]
        assert model.asked.wait(LONG_S)
        for start in (one, two):
            futures += [start(flights.afly("k", model.slowly)) for _ in range(5)]
        futures += [pool.submit(flights.fly, "k", model.answer) for _ in range(4)]
        until(lambda: waiting(flights, "k") == 15)
        model.go.set()
        answers = [future.result(LONG_S) for future in futures]
    assert answers == [("answer 1", False)] + [("answer 1", True)] * 14


def test_a_call_in_a_loop_serves_other_loops_and_threads_and_ends_with_the_last_of_them() -> None:
    flights, model = Flights[str](), Model()
    never = asyncio.Event

    async def hanging() -> str:
        model.calls += 1
        model.asked.set()
        try:
            await never().wait()
        finally:
            model.cancelled += 1
        return ""

    with loop_in_thread() as one, loop_in_thread() as two:
        leader = one(flights.afly("k", hanging))
        assert model.asked.wait(LONG_S)
        other = two(flights.afly("k", hanging))
        until(lambda: waiting(flights, "k") == 2)
        leader.cancel()
        until(lambda: waiting(flights, "k") == 1)
        assert model.cancelled == 0
        other.cancel()
        until(lambda: model.cancelled == 1)
    assert (model.calls, len(flights)) == (1, 0)


@pytest.mark.parametrize("closes", [False, True])
def test_a_loop_that_was_stopped_with_a_call_in_it_keeps_nobody_waiting(
    closes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmopt.serving.cache.flight._LOOK_S", 0.01)
    flights, model, loop = Flights[str](), Model(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(flights.afly("k", asyncio.Event().wait), loop)  # type: ignore[arg-type]
    with loop_in_thread() as start, ThreadPoolExecutor(1) as pool:
        until(lambda: waiting(flights, "k") == 1)
        model.go.set()
        others = [start(flights.afly("k", model.slowly)), pool.submit(flights.fly, "k", model.answer)]
        until(lambda: waiting(flights, "k") == 3)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        if closes:
            _close_leaving_behind(loop)
        assert {other.result(LONG_S)[0] for other in others} <= {"answer 1", "answer 2"}
    assert flights.fly("k", lambda: "fine") == ("fine", False)
    if not closes:
        _close_leaving_behind(loop)


def _close_leaving_behind(loop: asyncio.AbstractEventLoop) -> None:
    """Close a loop as careless programs do; without the complaints that come with it."""
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()


def test_a_call_that_asks_the_same_again_does_not_wait_for_itself() -> None:
    flights = Flights[str]()

    async def outer() -> str:
        inner, shared = await flights.afly("k", plain)
        in_thread = await asyncio.to_thread(flights.fly, "k", lambda: "thread")
        assert (shared, in_thread) == (False, ("thread", False))
        return f"outer of {inner}"

    async def plain() -> str:
        return "inner"

    assert asyncio.run(flights.afly("k", outer)) == ("outer of inner", False)
    nested = flights.fly("k", lambda: f"outer of {flights.fly('k', lambda: 'inner')[0]}")
    assert nested == ("outer of inner", False)
    assert len(flights) == 0


def test_a_plain_call_in_a_loop_does_not_wait_for_that_loop() -> None:
    flights, model = Flights[str](), Model()

    async def main() -> tuple[str, bool]:
        task = asyncio.create_task(flights.afly("k", model.slowly))
        await asyncio.sleep(0.5)
        alone = flights.fly("k", lambda: "alone")
        await task
        return alone

    assert run(main()) == ("alone", False)


def test_the_call_sees_the_context_of_the_one_who_began_it() -> None:
    flights = Flights[str]()
    who = contextvars.ContextVar("who", default="nobody")

    async def asks() -> str:
        return who.get()

    async def main() -> tuple[tuple[str, bool], str]:
        who.set("Ann")
        return await flights.afly("k", asks), flights.fly("l", who.get)[0]

    assert run(main()) == (("Ann", False), "Ann")


def test_what_was_returned_is_not_held() -> None:
    class Big:
        pass

    flights = Flights[Big]()

    async def big() -> Big:
        return Big()

    async def main() -> weakref.ref[Big]:
        found = await asyncio.gather(*(flights.afly("k", big) for _ in range(3)))
        return weakref.ref(found[0][0])

    held = run(main())
    gc.collect()
    assert held() is None


STAY = st.one_of(st.none(), st.floats(0, 3))


class Crowd:
    """Callers who come and go."""

    def __init__(self, *, fails: bool) -> None:
        self.flights = Flights[str]()
        self.under_way = 0
        self.most = 0
        self._fails = fails

    async def call(self) -> str:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(1)
        finally:
            self.under_way -= 1
        if self._fails:
            raise ConnectionError
        return "answer"

    async def caller(self, comes_s: float, stays_s: float | None) -> str:
        await asyncio.sleep(comes_s)
        try:
            async with asyncio.timeout(stays_s):
                return (await self.flights.afly("k", self.call))[0]
        except TimeoutError:
            return "left"
        except ConnectionError:
            return "failed"

    async def all(self, callers: list[tuple[float, float | None]]) -> list[str]:
        return list(await asyncio.gather(*(self.caller(*each) for each in callers)))


@given(st.lists(st.tuples(st.floats(0, 4), STAY), min_size=1, max_size=12), st.booleans())
def test_whoever_comes_and_goes_one_call_is_under_way_and_everyone_is_answered(
    callers: list[tuple[float, float | None]], fails: bool
) -> None:
    crowd = Crowd(fails=fails)
    ends = run(crowd.all(callers))
    assert (crowd.most <= 1, crowd.under_way, len(crowd.flights)) == (True, 0, 0)
    answered = "failed" if fails else "answer"
    for end, (_, stays_s) in zip(ends, callers, strict=True):
        patient = stays_s is None or stays_s > 1  # nobody waits for longer than one call takes
        assert end == answered or (end == "left" and not patient)


@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_does_not_wait_for_calls_of_its_parent() -> None:
    flights, model = Flights[str](), Model()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(flights.fly, "k", model.answer)
        assert model.asked.wait(LONG_S)
        child = os.fork()
        if not child:
            os._exit(7 if flights.fly("k", lambda: "child") == ("child", False) else 1)
        _, status = os.waitpid(child, 0)
        model.go.set()
        assert future.result(LONG_S) == ("answer 1", False)
    assert os.waitstatus_to_exitcode(status) == 7
