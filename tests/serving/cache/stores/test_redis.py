"""The store on a real Valkey server: what it keeps, and what happens when many ask at once."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from llmopt.errors import UsageError
from llmopt.serving.cache.entry import Entry
from llmopt.serving.cache.stores.store import TenantStats
from tests.serving.cache.valkey import Valkey, program

if TYPE_CHECKING:
    from llmopt.serving.cache.stores.redis import RedisStore

NOW_S = 1_000.0


def entry(body: bytes = b"{}", tenant: str = "acme", model: str = "m", ttl_s: float = 60.0) -> Entry:
    return Entry(body, tenant, model, NOW_S, NOW_S + ttl_s, "0.01")


def store_at(url: str, **options: Any) -> RedisStore:
    from llmopt.serving.cache.stores.redis import RedisStore

    return RedisStore(url, **options)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    program()  # skips where there is none
    with Valkey(tmp_path_factory.mktemp("valkey")) as started:
        yield started


@pytest.fixture
def store(server: Valkey) -> Iterator[RedisStore]:
    with contextlib.closing(store_at(server.url, timeout_s=5.0)) as made:
        made.purge()
        yield made


def raw(server: Valkey) -> Any:
    """Return a plain client, to look behind the store's back."""
    import redis

    return contextlib.closing(redis.Redis.from_url(server.url))


def test_what_was_set_is_there_until_it_expires(store: RedisStore) -> None:
    store.set("a", entry(b"x" * 2048))
    assert store.get("a", NOW_S) == entry(b"x" * 2048)
    assert store.get("a", NOW_S + 59.9) is not None
    assert store.get("a", NOW_S + 60) is None
    assert store.get("b", NOW_S) is None
    store.set("a", entry(b""))
    assert store.get("a", NOW_S) == entry(b"")


def test_the_server_deletes_what_has_expired(store: RedisStore, server: Valkey) -> None:
    store.set("short", entry(ttl_s=0.02))
    store.set("long", entry(ttl_s=60))
    store.set("over", entry(ttl_s=0))
    with raw(server) as client:
        assert 50_000 < client.pttl("llmopt:1:long") <= 60_000
        for _ in range(500):
            if not client.exists("llmopt:1:short"):
                break
            threading.Event().wait(0.01)
        assert client.keys("*") == [b"llmopt:1:long"]


def test_the_longest_time_that_a_server_can_count(store: RedisStore) -> None:
    store.set("a", Entry(b"{}", "", "", NOW_S, 1e300))
    assert store.get("a", NOW_S) is not None


def test_an_answer_that_is_too_large_is_not_kept_and_said(server: Valkey) -> None:
    with contextlib.closing(store_at(server.url, timeout_s=5.0, largest_bytes=1000)) as store:
        store.set("large", entry(b"x" * 1001))
        store.set("small", entry(b"x" * 1000))
        asyncio.run(store.aset("large", entry(b"x" * 1001)))
        assert [store.get(key, NOW_S) is None for key in ("large", "small")] == [True, False]
        assert "1001 bytes" in store.stats(NOW_S).last_error


def test_the_same_in_an_event_loop(store: RedisStore) -> None:
    async def main() -> None:
        await store.aset("a", entry(b"{1}"))
        assert await store.aget("a", NOW_S) == entry(b"{1}")
        assert await store.aget("a", NOW_S + 60) is None
        assert await store.aget("b", NOW_S) is None
        await store.aclose()

    asyncio.run(main())
    assert store.get("a", NOW_S) is None, "a closed store misses"


def test_several_loops_one_after_another_and_at_once(store: RedisStore) -> None:
    link_of: Any = store._loops

    async def main(name: str) -> bool:
        await store.aset(name, entry())
        found = await store.aget(name, NOW_S) is not None
        await link_of.pop(asyncio.get_running_loop()).close()
        return found

    assert all(asyncio.run(main(f"after {number}")) for number in range(3))
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda number: asyncio.run(main(f"beside {number}")), range(8)))
    assert link_of == {}


def test_a_loop_that_ends_leaves_no_connection(store: RedisStore, server: Valkey) -> None:
    async def main() -> None:
        await asyncio.gather(*(store.aset(f"{number}", entry()) for number in range(20)))

    for _ in range(3):
        asyncio.run(main())  # nobody closes the store there; a warning of what was left open would fail the test
    gc.collect()
    store.close()
    with raw(server) as client:
        assert len(client.client_list()) == 1


def test_a_fork_in_a_loop_leaves_the_loop_its_connections(store: RedisStore) -> None:
    async def main() -> int:
        await store.aset("a", entry())
        child = os.fork()
        if not child:
            gc.collect()
            os._exit(0 if store.get("a", NOW_S) == entry() else 1)
        found = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert await store.aget("a", NOW_S) == entry()
        await store.aclose()
        return found

    assert asyncio.run(main()) == 0


def test_a_key_that_is_no_text(store: RedisStore) -> None:
    store.set("\udcff", entry())
    assert store.get("\udcff", NOW_S) == entry()
    assert store.purge(key="\udcff") == 1


def test_a_time_that_is_no_number(store: RedisStore) -> None:
    store.set("a", entry(ttl_s=float("nan")))
    assert store.get("a", NOW_S) is None


def test_128_tasks_at_once_make_no_error(store: RedisStore) -> None:
    async def one(number: int) -> bool:
        key = f"task {number}"
        await store.aset(key, entry(key.encode()))
        return await store.aget(key, NOW_S) == entry(key.encode())

    async def main() -> list[bool]:
        try:
            return await asyncio.gather(*(one(number) for number in range(128)))
        finally:
            await store.aclose()

    assert all(asyncio.run(main()))
    assert store.stats(NOW_S).errors == 0


def test_128_threads_at_once_make_no_error(store: RedisStore) -> None:
    together = threading.Barrier(128)

    def one(number: int) -> bool:
        key = f"thread {number}"
        together.wait()
        store.set(key, entry(key.encode()))
        return store.get(key, NOW_S) == entry(key.encode())

    with ThreadPoolExecutor(128) as pool:
        assert all(pool.map(one, range(128)))
    assert store.stats(NOW_S).errors == 0


def test_no_more_connections_than_allowed(server: Valkey) -> None:
    async def main() -> int:
        store = store_at(server.url, timeout_s=5.0, connections=3)
        await asyncio.gather(*(store.aset(f"few {number}", entry()) for number in range(50)))
        with raw(server) as client:
            names = len(client.client_list())
        await store.aclose()
        return names

    assert asyncio.run(main()) <= 4  # and the one that counts


def test_who_is_cancelled_leaves_no_answer_for_the_next(store: RedisStore) -> None:
    async def main() -> None:
        for number in range(20):
            await store.aset(f"{number}", entry(f"{number}".encode() * 5000))
        for steps in range(60):
            task = asyncio.create_task(store.aget(f"{steps % 20}", NOW_S))
            for _ in range(steps // 2):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            other = (steps + 1) % 20
            assert await store.aget(f"{other}", NOW_S) == entry(f"{other}".encode() * 5000)
        await store.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x00\x00\x05hello", b"x" * 5000])
def test_damaged_values_are_a_miss_and_said(store: RedisStore, server: Valkey, data: bytes) -> None:
    with raw(server) as client:
        client.set("llmopt:1:a", data)
        client.rpush("llmopt:1:list", "x")
    assert store.get("a", NOW_S) is None
    assert store.get("list", NOW_S) is None
    found = store.stats(NOW_S)
    assert (found.entries, found.errors) == (0, 2)
    assert store.purge(tenant="acme") == 0
    assert store.purge() == 2


def test_an_entry_under_another_name_is_a_miss(store: RedisStore, server: Valkey) -> None:
    store.set("a", entry())
    with raw(server) as client:
        client.rename("llmopt:1:a", "llmopt:1:b")
    assert store.get("b", NOW_S) is None


def filled(store: RedisStore) -> RedisStore:
    long_name = "tenant of a very long name " * 100
    for key, tenant, model in [
        ("1", "acme", "m"),
        ("2", "acme", "n"),
        ("3", "bolt", "m"),
        ("4", "", "m"),
        ("5", long_name, "m"),
        ("6", "größer\n\x00", 'a"*b'),
    ]:
        store.set(key, entry(key.encode() * 10, tenant, model))
    return store


@pytest.mark.parametrize(
    ("chosen", "kept"),
    [
        ({}, ""),
        ({"tenant": "acme"}, "3456"),
        ({"tenant": ""}, "12356"),
        ({"model": "m"}, "26"),
        ({"tenant": "acme", "model": "m"}, "23456"),
        ({"tenant": "tenant of a very long name " * 100}, "12346"),
        ({"tenant": "größer\n\x00", "model": 'a"*b'}, "12345"),
        ({"key": "3"}, "12456"),
        ({"key": "3", "tenant": "acme"}, "123456"),
        ({"key": "none"}, "123456"),
        ({"tenant": "none"}, "123456"),
    ],
)
def test_purge_deletes_what_fits(store: RedisStore, chosen: dict[str, str], kept: str) -> None:
    filled(store)
    assert store.purge(**chosen) == 6 - len(kept)
    assert "".join(key for key in "123456" if store.get(key, NOW_S)) == kept


def test_others_keep_their_names_on_the_same_server(server: Valkey) -> None:
    with contextlib.ExitStack() as stack:
        odd, other = (
            stack.enter_context(contextlib.closing(store_at(server.url, prefix=prefix, timeout_s=5.0)))
            for prefix in ("odd*[x]?\\", "odder")
        )
        client = stack.enter_context(raw(server))
        client.set("theirs", "1")
        odd.set("a", entry())
        other.set("a", entry())
        assert (odd.stats(NOW_S).entries, odd.purge()) == (1, 1)
        assert (other.stats(NOW_S).entries, other.purge()) == (1, 1)
        assert client.get("theirs") == b"1"


def test_stats_count_by_tenant_and_model(store: RedisStore) -> None:
    filled(store)
    store.set("7", Entry(b"x" * 100, "acme", "m", NOW_S - 5, NOW_S + 1))
    found = store.stats(NOW_S + 1)
    assert (found.kind, found.entries, found.size_bytes, found.max_bytes, found.expired) == ("redis", 7, 160, None, 1)
    assert (found.oldest_s, found.newest_s) == (NOW_S - 5, NOW_S)
    assert found.tenants[0] == TenantStats("acme", "m", 2, 110, Decimal("0.01"))
    assert (len(found.tenants), found.usd) == (6, Decimal("0.06"))


def test_thousands_are_counted_and_purged_in_batches(store: RedisStore, server: Valkey) -> None:
    with raw(server) as client:
        pipe = client.pipeline(transaction=False)
        for number in range(2500):
            pipe.set(f"other:{number}", "x")
        pipe.execute()
    for number in range(1200):
        store.set(f"{number}", entry(tenant=f"{number % 2}"))
    assert store.stats(NOW_S).entries == 1200
    assert store.purge(tenant="1") == 600
    assert store.purge() == 600
    with raw(server) as client:
        assert client.dbsize() >= 2500
        client.flushdb()


@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_forked_process_has_connections_of_its_own(store: RedisStore) -> None:
    store.set("a", entry(b"parent"))
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            store.set("b", entry(b"child"))
            os._exit(7 if store.get("a", NOW_S) == entry(b"parent") else 1)
        os._exit(2)
    for _ in range(20):
        assert store.get("a", NOW_S) == entry(b"parent")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert store.get("b", NOW_S) == entry(b"child")
    assert store.stats(NOW_S).errors == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost",
        "localhost:6379",
        "",
        "redis://host:port",
        "redis://h:99999",
        "redis://[::1",
        "redis://h?db=x",
    ],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        store_at(url)
    assert "Traceback" not in raised.value.message + raised.value.hint


def test_a_password_is_never_shown(server: Valkey) -> None:
    with pytest.raises(UsageError) as raised:
        store_at("redis://user:hunter2@host:port/0")
    assert "hunter2" not in raised.value.message + raised.value.hint
    assert store_at("redis://user:hunter2@host:6379/3?password=hunter2").where == "redis://host:6379/3"
    assert "hunter2" not in store_at("redis://user:6379/hunter2@host").where
    with contextlib.closing(store_at(server.url + "?password=hunter2")) as store:
        assert "hunter2" not in store.ping()


@pytest.mark.parametrize(
    "options", [{"timeout_s": 0}, {"timeout_s": float("inf")}, {"connections": 0}, {"largest_bytes": 0}]
)
def test_numbers_that_make_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        store_at("redis://localhost", **options)


def test_answers_are_bytes_whatever_the_url_says(server: Valkey) -> None:
    with contextlib.closing(store_at(server.url + "?decode_responses=True", timeout_s=5.0)) as store:
        store.purge()
        store.set("a", entry(b"\xff\x00"))
        assert store.get("a", NOW_S) == entry(b"\xff\x00")
        assert store.purge(tenant="acme") == 1
