"""The store when its server is absent, killed midway, hung, full or read-only: a miss, counted, and soon over."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from llmopt.errors import InputError
from llmopt.serving.cache import Found, ResponseCache
from llmopt.serving.cache.entry import Entry
from llmopt.serving.cache.stores.breaker import FIRST_PAUSE_S, LONGEST_PAUSE_S
from tests.serving.cache.valkey import Valkey, program

if TYPE_CHECKING:
    from llmopt.serving.cache.stores.redis import RedisStore

NOW_S = 1_000.0
ENTRY = Entry(b"{}", "acme", "m", NOW_S, NOW_S + 60)
BODY = {"model": "m", "seed": 7, "messages": [{"role": "user", "content": "?"}]}
ANSWER = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "!"}, "finish_reason": "stop"}]}


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Valkey]:
    program()  # skips where there is none
    with Valkey(tmp_path) as started:
        yield started


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(server: Valkey, clock: Clock) -> Iterator[RedisStore]:
    from llmopt.serving.cache.stores.redis import RedisStore

    with contextlib.closing(RedisStore(server.url, timeout_s=0.2, clock=clock)) as made:
        yield made


def warm(store: RedisStore, clock: Clock) -> None:
    """Set an entry, and leave the breaker closed; a busy machine may take several tries."""
    for _ in range(100):
        store.set("a", ENTRY)
        if store.get("a", NOW_S) == ENTRY:
            return
        clock.now_s += LONGEST_PAUSE_S
    raise AssertionError("the server does not answer")


def recovers(store: RedisStore, clock: Clock) -> bool:
    """Return whether the store has its server again, a pause later, for threads and loops."""
    clock.now_s += LONGEST_PAUSE_S
    warm(store, clock)

    async def main() -> bool:
        for _ in range(100):
            if await store.aget("a", NOW_S) == ENTRY:
                return True
            clock.now_s += LONGEST_PAUSE_S
        return False

    async def closing() -> bool:
        recovered = await main()
        await store.aclose()
        return recovered

    return asyncio.run(closing())


def test_a_server_that_is_killed_midway_is_a_miss_and_comes_back(
    store: RedisStore, server: Valkey, clock: Clock
) -> None:
    async def main() -> None:
        await asyncio.gather(*(store.aget("a", NOW_S) for _ in range(32)))
        server.kill()
        found = await asyncio.gather(*(store.aget("a", NOW_S) for _ in range(128)))
        assert found == [None] * 128
        await store.aset("a", ENTRY)
        with ThreadPoolExecutor(32) as pool:
            assert list(pool.map(lambda _: store.get("a", NOW_S), range(128))) == [None] * 128
        link: Any = store._loops.pop(asyncio.get_running_loop())
        await link.close()

    warm(store, clock)
    asyncio.run(main())
    with pytest.raises(InputError, match=r"unix:///.*"):
        store.stats(NOW_S)
    with pytest.raises(InputError):
        store.purge(tenant="acme")
    assert store.ping() != ""
    server.start()
    assert store.ping() == ""
    assert recovers(store, clock)
    assert store.stats(NOW_S).errors >= 128


def test_a_hung_server_is_a_miss_and_comes_back(store: RedisStore, server: Valkey, clock: Clock) -> None:
    async def main() -> None:
        server.stand_still()
        found = await asyncio.gather(*(store.aget("a", NOW_S) for _ in range(128)))
        assert found == [None] * 128
        link: Any = store._loops.pop(asyncio.get_running_loop())
        await link.close()

    warm(store, clock)
    try:
        asyncio.run(main())
        with ThreadPoolExecutor(32) as pool:
            assert list(pool.map(lambda _: store.get("a", NOW_S), range(128))) == [None] * 128
    finally:
        server.go_on()
    assert recovers(store, clock)


def test_a_hung_server_is_asked_a_few_times_only(
    store: RedisStore, server: Valkey, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm(store, clock)
    client: Any = store._threads._client
    get, asked = client.get, []

    def ask(name: str) -> Any:
        asked.append(name)
        return get(name)

    monkeypatch.setattr(client, "get", ask)
    server.stand_still()
    try:
        for _ in range(200):
            assert store.get("a", NOW_S) is None
        assert len(asked) == 3
        clock.now_s += FIRST_PAUSE_S
        for _ in range(200):
            assert store.get("a", NOW_S) is None
        assert len(asked) == 4, "one caller tries after the pause"
    finally:
        server.go_on()
    assert store.stats(NOW_S).errors == 400


@pytest.mark.parametrize("asynchronous", [False, True])
def test_who_waits_too_long_for_a_connection_gets_a_miss(
    server: Valkey, monkeypatch: pytest.MonkeyPatch, asynchronous: bool
) -> None:
    from llmopt.serving.cache.stores.redis import RedisStore

    monkeypatch.setattr("llmopt.serving.cache.stores.redis_links.WAIT_S", 0.01)
    server.stand_still()
    store = RedisStore(server.url, timeout_s=0.5, connections=1)

    async def main() -> list[Entry | None]:
        try:
            return await asyncio.gather(*(store.aget("a", NOW_S) for _ in range(2)))
        finally:
            await store.aclose()

    try:
        if asynchronous:
            found = asyncio.run(main())
        else:
            with ThreadPoolExecutor(2) as pool:
                found = list(pool.map(lambda _: store.get("a", NOW_S), range(2)))
    finally:
        server.go_on()
        store.close()
    assert found == [None, None]
    with contextlib.closing(RedisStore(server.url)) as again:
        assert again.ping() == ""
    assert store.stats(NOW_S).errors == 2


def test_an_absent_server_lets_every_request_through(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    program()
    from llmopt.serving.cache.stores.redis import RedisStore

    store = RedisStore(f"unix://{tmp_path}/none")

    async def main(cache: ResponseCache) -> list[Found]:
        async def answer() -> dict[str, Any]:
            return ANSWER

        async with cache:
            return [(await cache.aget_or_call(BODY, answer)).found for _ in range(10)]

    with caplog.at_level(logging.WARNING):
        cache = ResponseCache(store)
        assert {cache.get_or_call(BODY, lambda: ANSWER).found for _ in range(10)} == {Found.MISS}
        assert set(asyncio.run(main(cache))) == {Found.MISS}
    assert len(caplog.records) == 1, "said once, not at every request"
    assert "none" in caplog.text


def test_a_cache_on_a_server_serves_tasks_and_threads(server: Valkey) -> None:
    from llmopt.serving.cache.stores.redis import RedisStore

    calls = []

    async def answer() -> dict[str, Any]:
        calls.append(1)
        await asyncio.sleep(0.01)
        return ANSWER

    async def main() -> set[Found]:
        async with ResponseCache(RedisStore(server.url, timeout_s=5.0)) as cache:
            answers = await asyncio.gather(*(cache.aget_or_call(BODY, answer) for _ in range(500)))
            later = await cache.aget_or_call(BODY, answer)
            assert (later.found, json.loads(later.body)) == (Found.HIT, ANSWER)
            return {each.found for each in answers}

    assert Found.SHARED in asyncio.run(main())
    assert len(calls) == 1


def test_a_full_server_is_a_lost_write_and_no_dead_one(server: Valkey, store: RedisStore, clock: Clock) -> None:
    import redis

    warm(store, clock)
    with contextlib.closing(redis.Redis.from_url(server.url)) as client:
        client.config_set("maxmemory", "1")
        for number in range(10):
            store.set(f"{number}", ENTRY)
        assert store.get("a", NOW_S) == ENTRY, "reading goes on"
        found = store.stats(NOW_S)
        assert (found.entries, found.errors >= 10) == (1, True)
        assert "memory" in found.last_error
        client.config_set("maxmemory", "0")
    warm(store, clock)


def test_a_server_that_wants_a_password_is_a_miss(tmp_path: Path) -> None:
    program()
    from llmopt.serving.cache.stores.redis import RedisStore

    with Valkey(tmp_path, "--requirepass", "secret") as server:
        with contextlib.closing(RedisStore(server.url + "?password=hunter2")) as store:
            assert store.get("a", NOW_S) is None
            assert "hunter2" not in store.ping() != ""
        with contextlib.closing(RedisStore(server.url + "?password=secret", timeout_s=5.0)) as store:
            store.set("a", ENTRY)
            assert store.get("a", NOW_S) == ENTRY


def test_a_closed_store_misses(store: RedisStore, clock: Clock) -> None:
    warm(store, clock)
    store.close()
    store.set("b", ENTRY)
    assert store.get("a", NOW_S) is None

    async def main() -> Entry | None:
        await store.aset("c", ENTRY)
        return await store.aget("a", NOW_S)

    assert asyncio.run(main()) is None
    assert store.stats(NOW_S).entries == 1


def test_what_a_server_refuses_is_said_once(
    server: Valkey, store: RedisStore, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    import redis

    warm(store, clock)
    caplog.clear()
    with contextlib.closing(redis.Redis.from_url(server.url)) as client:
        client.config_set("maxmemory", "1")
    for _ in range(10):
        store.set("b", ENTRY)
        assert store.get("a", NOW_S) == ENTRY
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "keeping an answer: command not allowed" in caplog.text


def test_idle_connections_go_when_the_server_is_left_alone(server: Valkey, store: RedisStore, clock: Clock) -> None:
    import redis

    async def main() -> int:
        await asyncio.gather(*(store.aget("a", NOW_S) for _ in range(16)))
        server.stand_still()
        for _ in range(3):
            assert await store.aget("a", NOW_S) is None
        server.go_on()
        with contextlib.closing(redis.Redis.from_url(server.url)) as client:
            held = len(client.client_list())
        await store.aclose()
        return held

    warm(store, clock)
    assert asyncio.run(main()) <= 2, (
        "that of the threads, and the one that counts; what a firewall has forgotten would fail one by one"
    )


def test_closing_waits_for_those_who_ask(server: Valkey, clock: Clock) -> None:
    from llmopt.serving.cache.stores.redis import RedisStore

    async def main() -> None:
        for steps in range(20):
            store = RedisStore(server.url, timeout_s=5.0)
            asking = [asyncio.create_task(store.aget("a", NOW_S)) for _ in range(50)]
            for _ in range(steps):
                await asyncio.sleep(0)
            await store.aclose()
            await asyncio.gather(*asking)
            assert store.stats(NOW_S).errors == 0

    asyncio.run(main())
    store = RedisStore(server.url, timeout_s=5.0)
    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(store.get, "a", NOW_S) for _ in range(400)]
        asking[20].result()
        store.close()
        assert [each.result() for each in asking] == [None] * 400
    assert store.stats(NOW_S).errors == 0
