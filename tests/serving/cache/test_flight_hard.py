"""Single flight where it is hard: calls that wait for each other, calls that hang, memory, other kinds of loops."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any

import pytest

from llmopt.serving.cache.flight import Flights
from tests.serving.cache.test_flight import LONG_S, Model, loop_in_thread, until, waiting
from tests.serving.virtual import run


class Asked:
    """Something that a caller holds on to while it asks."""


@contextmanager
def no_collector() -> Iterator[None]:
    """Free only what nothing refers to."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def test_two_calls_that_ask_for_each_other_both_end() -> None:
    flights = Flights[str]()

    def asking(other: str) -> Callable[[], Awaitable[str]]:
        async def call() -> str:
            await asyncio.sleep(1)
            answer, _ = await flights.afly(other, alone)
            return f"with {answer}"

        return call

    async def alone() -> str:
        return "alone"

    async def main() -> tuple[tuple[str, bool], tuple[str, bool]]:
        return await asyncio.gather(flights.afly("a", asking("b")), flights.afly("b", asking("a")))

    answers = run(main())
    assert {text.rpartition("with ")[2] for text, _ in answers} == {"alone"}
    assert len(flights) == 0


def test_three_threads_whose_calls_ask_in_a_ring_all_end() -> None:
    flights, started = Flights[str](), Barrier(3)

    def asks(own: str, other: str) -> tuple[str, bool]:
        def call() -> str:
            started.wait(LONG_S)
            return flights.fly(other, lambda: "alone")[0]

        return flights.fly(own, call)

    with ThreadPoolExecutor(3) as pool:
        ends = [pool.submit(asks, own, other) for own, other in ("ab", "bc", "ca")]
        assert {end.result(LONG_S)[0] for end in ends} == {"alone"}
    assert len(flights) == 0


def test_a_call_waits_for_another_that_does_not_wait_for_it() -> None:
    flights, model = Flights[str](), Model()

    async def outer() -> str:
        return (await flights.afly("inner", model.slowly))[0]

    async def main() -> list[tuple[str, bool]]:
        names = ("inner", "one", "two", "three")
        return await asyncio.gather(*(flights.afly(name, model.slowly if name == "inner" else outer) for name in names))

    assert {answer for answer, _ in run(main())} == {"answer 1"}
    assert model.calls == 1


def test_a_nested_caller_that_is_cancelled_is_not_waited_for() -> None:
    flights, model = Flights[str](), Model()

    async def impatient() -> str:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await flights.afly("slow", model.slowly)
        return "gave up"

    async def main() -> list[tuple[str, bool]]:
        slow = asyncio.create_task(flights.afly("slow", model.slowly))
        await asyncio.sleep(0)
        outer = asyncio.create_task(flights.afly("outer", impatient))
        await asyncio.sleep(0.1)
        flight: Any = flights._flying["slow"]
        assert (flight.waiting, len(flight.nested)) == (2, 1)
        await outer
        assert (flight.waiting, len(flight.nested)) == (1, 0)
        return [await slow, await outer]

    assert run(main()) == [("answer 1", False), ("gave up", False)]


def test_a_call_that_hangs_does_not_hold_those_who_have_left() -> None:
    flights, model = Flights[str](), Model()

    async def main() -> int:
        hanging = asyncio.create_task(flights.afly("k", model.slowly))
        await asyncio.sleep(0)
        hasty = [asyncio.create_task(flights.afly("k", model.slowly)) for _ in range(100)]
        await asyncio.sleep(0.1)
        for each in hasty:
            each.cancel()
        await asyncio.wait(hasty)
        held = len(flights._flying["k"].asleep)
        await hanging
        return held

    assert run(main()) == 1


def test_nobody_joins_a_call_that_has_hung_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    flights, model = Flights[str](), Model()

    async def hangs() -> str:
        await asyncio.Event().wait()
        return ""

    async def main() -> tuple[str, bool]:
        hanging = asyncio.create_task(flights.afly("k", hangs))
        await asyncio.sleep(1)
        monkeypatch.setattr("llmopt.serving.cache.flying._JOIN_S", -1.0)
        answer = await flights.afly("k", model.slowly)
        hanging.cancel()
        await asyncio.wait([hanging])
        return answer

    assert run(main()) == ("answer 1", False)
    assert len(flights) == 0


def test_a_task_factory_that_fails_leaves_nothing() -> None:
    flights, model = Flights[str](), Model()

    def broken(_: Any, coroutine: Any, **__: Any) -> Any:
        coroutine.close()
        raise RuntimeError("no more tasks")

    async def main() -> tuple[str, bool]:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(broken)
        with pytest.raises(RuntimeError, match="no more tasks"):
            await flights.afly("k", model.slowly)
        loop.set_task_factory(None)
        return await flights.afly("k", model.slowly)

    assert run(main()) == ("answer 1", False)


@pytest.mark.parametrize("callers", [1, 5])
def test_an_error_holds_nothing_of_a_caller_that_has_caught_it(callers: int) -> None:
    flights = Flights[str]()
    held: list[weakref.ref[Asked]] = []

    async def caller() -> None:
        asked = Asked()
        held.append(weakref.ref(asked))

        async def fails() -> str:
            await asyncio.sleep(1)
            raise ValueError(f"{asked is None}")

        with pytest.raises(ValueError, match="False"):
            await flights.afly("k", fails)

    async def main() -> list[Asked | None]:
        await asyncio.gather(*(caller() for _ in range(callers)))
        await asyncio.sleep(1)
        return [each() for each in held]

    with no_collector():
        assert run(main()) == [None] * callers


def test_nor_does_one_of_a_thread() -> None:
    flights = Flights[str]()

    def caller() -> weakref.ref[Asked]:
        asked = Asked()

        def fails() -> str:
            raise ValueError(f"{asked is None}")

        try:
            flights.fly("k", fails)
        except ValueError:
            return weakref.ref(asked)
        raise AssertionError

    with no_collector():
        assert caller()() is None


@pytest.mark.parametrize("callers", [500, 5000])
def test_uvloop_makes_one_call_too(callers: int) -> None:
    flights, model, go = Flights[str](), Model(), asyncio.Event()

    async def waits() -> str:
        model.calls += 1
        await go.wait()
        return "answer"

    async def main() -> list[Any]:
        tasks = [asyncio.create_task(flights.afly("k", waits)) for _ in range(callers)]
        while waiting(flights, "k") < callers:
            await asyncio.sleep(0)
        tasks[0].cancel()
        go.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    uvloop = pytest.importorskip("uvloop")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        first, *others = runner.run(main())
    assert isinstance(first, asyncio.CancelledError)
    assert others == [("answer", True)] * (callers - 1)
    assert model.calls == 1


@pytest.mark.skipif(not hasattr(asyncio, "eager_task_factory"), reason="Python 3.12 brought it")
def test_tasks_that_begin_at_once() -> None:
    flights, model = Flights[str](), Model()

    async def quickly() -> str:
        return "at once"

    async def main() -> tuple[Any, list[Any]]:
        asyncio.get_running_loop().set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009 - not in 3.11
        tasks = [asyncio.create_task(flights.afly("k", model.slowly)) for _ in range(50)]
        tasks[0].cancel()
        return await flights.afly("other", quickly), await asyncio.gather(*tasks, return_exceptions=True)

    quick, (_, *others) = run(main())
    assert (quick, model.calls) == (("at once", False), 1)
    assert others == [("answer 1", True)] * 49


def test_many_threads_and_loops_at_once() -> None:
    flights, model = Flights[str](), Model()
    with loop_in_thread() as one, loop_in_thread() as two, ThreadPoolExecutor(100) as pool:
        leader = one(flights.afly("k", lambda: asyncio.to_thread(model.answer)))
        assert model.asked.wait(LONG_S)
        futures = [pool.submit(flights.fly, "k", model.answer) for _ in range(100)]
        futures += [start(flights.afly("k", model.slowly)) for start in (one, two) for _ in range(200)]
        until(lambda: waiting(flights, "k") == 501)
        model.go.set()
        assert {future.result(LONG_S) for future in futures} == {("answer 1", True)}
        assert leader.result(LONG_S) == ("answer 1", False)
    assert (model.calls, len(flights)) == (1, 0)
