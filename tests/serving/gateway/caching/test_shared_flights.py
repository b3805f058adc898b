"""Single flight across processes: one asks, the others wait for its message; who dies or is gone holds nobody up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from llmopt.serving.cache.cache import ResponseCache
from llmopt.serving.gateway.caching.asked import Identity
from llmopt.serving.gateway.caching.cache_step import CacheStep
from llmopt.serving.gateway.errors import GatewayError
from tests.serving.cache.valkey import Valkey, program
from tests.serving.gateway.caching.parts import BODY, DONE, PATIENCE_S, Origin, answer, call_of, chunk, text_of, until

if TYPE_CHECKING:
    from llmopt.serving.gateway.caching.shared_flights import SharedFlights

STREAM = {**BODY, "stream": True}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Valkey]:
    program()  # skips where there is none
    with Valkey(tmp_path) as started:
        yield started


class Machine:
    """What one process has."""

    def __init__(self, server: Valkey, lease_s: float, timeout_s: float) -> None:
        from llmopt.serving.cache.stores.redis import RedisStore
        from llmopt.serving.gateway.caching.shared_flights import SharedFlights

        self.store = RedisStore(server.url, timeout_s=timeout_s)
        self.flights: SharedFlights = SharedFlights(self.store, lease_s=lease_s)
        self.step = CacheStep(ResponseCache(self.store), Identity("one"), self.flights)
        self.origin = Origin(self.step)


@asynccontextmanager
async def machines(
    server: Valkey, count: int, *, lease_s: float = PATIENCE_S, timeout_s: float = PATIENCE_S
) -> AsyncIterator[list[Machine]]:
    made = [Machine(server, lease_s, timeout_s) for _ in range(count)]
    try:
        yield made
    finally:
        for each in made:
            await each.step.aclose()


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)


def names(server: Valkey) -> list[bytes]:
    import redis

    with redis.Redis.from_url(server.url) as client:
        return sorted(client.keys("llmopt:flight:*"))


def test_many_on_many_machines_are_one_call(server: Valkey) -> None:
    async def main() -> None:
        async with machines(server, 4) as made:
            for each in made:
                each.origin.gate.clear()
            bodies = (BODY, STREAM)
            calls = [call_of(bodies[number % 2]) for number in range(200)]
            tasks = [
                asyncio.create_task(made[number % 4].step.answer(call, made[number % 4].origin))
                for number, call in enumerate(calls)
            ]
            await until(lambda: any(each.origin.calls for each in made) and waiting(made) == 3)
            for each in made:
                each.origin.gate.set()
                each.origin.text = "one answer"
            await until(lambda: all(task.done() for task in tasks) or any(each.origin.lives for each in made))
            for each in made:
                for live in each.origin.lives:
                    live.send(chunk("one answer", "stop"), DONE, None)
            texts = [await text_of(source) for source in await asyncio.gather(*tasks)]
            assert sum(len(each.origin.calls) for each in made) == 1
            assert all(b"one answer" in text for text in texts)
            found = [call.metered.cache for call in calls]
            assert (found.count("miss"), found.count("shared")) == (1, 199)
            assert sum(call.metered.cost_usd or 0 for call in calls) == made[0].origin.usd

    run(main())


def waiting(made: list[Machine]) -> int:
    """Return how many machines wait for another one."""
    return sum(each.flights.waiting for each in made)


def test_answer_that_came_between_look_and_lease_is_found(server: Valkey) -> None:
    async def main() -> None:
        async with machines(server, 2) as (first, second):
            await first.step.answer(call_of(), first.origin)
            key = first.origin.calls[0].metered.prompt_hash
            await until(lambda: not first.flights.held)
            assert await second.flights.board(key) is None
            assert await second.flights.board("another") is not None

    run(main())


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "failed"])
def test_who_waits_hears_how_it_ended(server: Valkey, kept: bool) -> None:
    async def main() -> None:
        async with machines(server, 2) as (first, second):
            lease = await first.flights.board("key")
            assert lease is not None
            other = asyncio.create_task(second.flights.board("key"))
            await until(lambda: b"llmopt:flight:1:{key}:wait" in names(server))
            assert not other.done()
            lease.release(kept=kept)
            lease.release(kept=not kept)
            async with asyncio.timeout(PATIENCE_S):
                found = await other
            assert (found is None) is kept
            assert not second.flights.held  # it may ask for itself, and keeps nobody else from it

    run(main())


def test_error_of_one_machine_lets_the_others_ask(server: Valkey) -> None:
    async def main() -> None:
        async with machines(server, 3) as made:
            first = made[0]
            first.origin.gate.clear()
            first.origin.error = GatewayError(502, "gone", "gone")
            tasks = [asyncio.create_task(first.step.answer(call_of(), first.origin))]
            await until(lambda: len(first.origin.calls) == 1)
            tasks += [asyncio.create_task(each.step.answer(call_of(), each.origin)) for each in made[1:]]
            await until(lambda: waiting(made) == 2)
            first.origin.gate.set()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            assert isinstance(found[0], GatewayError)
            assert [each.body for each in found[1:] if not isinstance(each, BaseException)] == [answer()] * 2

    run(main())


def test_lease_is_renewed_while_the_call_is_under_way(server: Valkey) -> None:
    async def main() -> None:
        async with machines(server, 2, lease_s=0.5) as (first, second):
            lease = await first.flights.board("key")
            other = asyncio.create_task(second.flights.board("key"))
            await until(lambda: first.flights.renewed >= 4)
            assert not other.done()
            assert lease is not None
            lease.release(kept=True)
            assert await other is None

    run(main())


def test_machine_that_died_is_followed_by_one_other(server: Valkey) -> None:
    async def main() -> None:
        async with machines(server, 3, lease_s=0.5) as (first, second, third):
            await first.flights.board("key")
            first.flights.held.clear()  # nobody renews it any more
            tasks = [asyncio.create_task(each.flights.board("key")) for each in (second, third)]
            async with asyncio.timeout(PATIENCE_S):
                done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            (lease,) = (task.result() for task in done)
            assert lease is not None
            assert len(left) == 1
            lease.release(kept=True)
            assert await left.pop() is None

    run(main())


def test_client_who_leaves_gives_the_lease_back(server: Valkey) -> None:
    async def main() -> None:
        async with machines(server, 2) as (first, second):
            first.origin.gate.clear()
            task = asyncio.create_task(first.step.answer(call_of(), first.origin))
            await until(lambda: len(first.origin.calls) == 1)
            task.cancel()
            assert (await second.step.answer(call_of(), second.origin)).body == answer()
            assert len(second.origin.calls) == 1

    run(main())


def test_deadline_holds_also_for_who_waits_for_another_machine(server: Valkey) -> None:
    async def main() -> None:
        async with machines(server, 2) as (first, second):
            first.origin.gate.clear()
            task = asyncio.create_task(first.step.answer(call_of(), first.origin))
            await until(lambda: len(first.origin.calls) == 1)
            with pytest.raises(GatewayError) as told:
                await second.step.answer(call_of(within_s=0.1), second.origin)
            assert told.value.status == 504
            assert not second.origin.calls
            first.origin.gate.set()
            await task

    run(main())


@pytest.mark.parametrize("how", ["killed", "hung"])
def test_server_that_is_gone_means_that_everyone_asks(server: Valkey, how: str) -> None:
    async def main() -> None:
        async with machines(server, 2, timeout_s=0.05) as made:
            server.kill() if how == "killed" else server.stand_still()
            try:
                for each in made:
                    assert (await each.step.answer(call_of(), each.origin)).body == answer()
                    assert len(each.origin.calls) == 1
            finally:
                server.go_on()

    run(main())


def test_server_killed_while_machines_wait_lets_them_ask(server: Valkey) -> None:
    async def main() -> None:
        async with machines(server, 2) as (first, second):
            first.origin.gate.clear()
            one = asyncio.create_task(first.step.answer(call_of(), first.origin))
            await until(lambda: len(first.origin.calls) == 1)
            two = asyncio.create_task(second.step.answer(call_of(), second.origin))
            await until(lambda: second.flights.waiting == 1)
            server.kill()
            assert (await two).body == answer()
            first.origin.gate.set()
            assert (await one).body == answer()
            server.start()

    run(main())


def test_nothing_is_left_behind(server: Valkey) -> None:
    async def main() -> None:
        async with machines(server, 2) as (first, second):
            for each in (first, second):
                each.origin.status = 500
                await each.step.answer(call_of(), each.origin)
        assert names(server) == []

    run(main())
