"""What memory and SQLite stores have in common: the contract of `Store`, held against a plain dictionary."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import UsageError
from llmopt.serving.cache.entry import Entry
from llmopt.serving.cache.stores.memory import MemoryStore
from llmopt.serving.cache.stores.sqlite import SqliteStore
from llmopt.serving.cache.stores.store import Store, TenantStats

NOW_S = 1_000.0
Make = Callable[..., Store]


def entry(body: bytes = b"{}", tenant: str = "acme", model: str = "m", ttl_s: float = 60.0) -> Entry:
    return Entry(body, tenant, model, NOW_S, NOW_S + ttl_s, "0.01")


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    opened: list[Store] = []

    def made(**options: Any) -> Store:
        if request.param == "memory":
            opened.append(MemoryStore(**options))
        else:
            opened.append(SqliteStore(tmp_path / f"{len(opened)}.db", **options))
        return opened[-1]

    yield made
    for store in opened:
        store.close()


def settled(store: Store) -> Store:
    store.flush()
    return store


@pytest.mark.parametrize("flushed", [False, True])
def test_what_was_set_is_there_until_it_expires(make: Make, flushed: bool) -> None:
    store = make()
    store.set("a", entry())
    if flushed:
        store.flush()
    assert store.get("a", NOW_S) == entry()
    assert store.get("a", NOW_S + 59.9) == entry()
    assert store.get("b", NOW_S) is None
    assert store.get("a", NOW_S + 60) is None


@pytest.mark.parametrize("flushed", [False, True])
def test_a_later_answer_takes_the_place_of_an_earlier(make: Make, flushed: bool) -> None:
    store = make()
    store.set("a", entry(b"old and long"))
    if flushed:
        store.flush()
    store.set("a", entry(b"new"))
    assert store.get("a", NOW_S) == entry(b"new")
    found = settled(store).stats(NOW_S)
    assert (found.entries, found.size_bytes) == (1, 3)
    assert store.get("a", NOW_S) == entry(b"new")


@pytest.mark.parametrize(
    "kept",
    [
        entry(b""),
        entry(b"\x00\xff" * 300),
        entry(tenant="", model=""),
        entry(tenant="half a pair \ud800", model="nul \x00 'quoted\" \n"),
        entry(ttl_s=float("inf")),
        replace(entry(), usd=""),
        replace(entry(), stored_at_s=0.1 + 0.2),
        entry(b"x" * 300_000),
    ],
    ids=["empty", "bytes", "no tenant", "odd names", "for ever", "no cost", "exact time", "large"],
)
def test_an_entry_comes_back_as_it_was(make: Make, kept: Entry) -> None:
    store = make()
    store.set("a", kept)
    settled(store)
    assert store.get("a", NOW_S) == kept
    assert store.purge(tenant=kept.tenant, model=kept.model) == 1


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        ({}, ""),
        ({"tenant": "t"}, "cd"),
        ({"model": "m"}, "bd"),
        ({"tenant": "t", "model": "m"}, "bcd"),
        ({"key": "a"}, "bcd"),
        ({"key": "a", "tenant": "u"}, "abcd"),
        ({"tenant": ""}, "abc"),
        ({"tenant": "%"}, "abcd"),
        ({"key": "zz"}, "abcd"),
    ],
)
def test_purge_deletes_what_fits_everything_given(make: Make, wanted: dict[str, str], left: str) -> None:
    store = make()
    for key, tenant, model in (("a", "t", "m"), ("b", "t", "n"), ("c", "u", "m"), ("d", "", "n")):
        store.set(key, entry(tenant=tenant, model=model))
    assert store.purge(**wanted) == 4 - len(left)
    assert [key for key in "abcd" if store.get(key, NOW_S)] == list(left)
    assert settled(store).stats(NOW_S).entries == len(left)


def test_stats_tell_what_is_there(make: Make) -> None:
    store = make(max_bytes=10_000)
    empty = store.stats(NOW_S)
    assert (empty.entries, empty.size_bytes, empty.oldest_s, empty.newest_s, empty.tenants) == (0, 0, None, None, ())
    store.set("a", entry(b"1" * 10))
    store.set("b", entry(b"2" * 20))
    store.set("c", replace(entry(b"3" * 5, tenant="u", ttl_s=10), stored_at_s=NOW_S - 5))
    found = store.stats(NOW_S + 30)
    assert found.kind in ("memory", "sqlite")
    assert (found.entries, found.size_bytes, found.max_bytes, found.expired) == (3, 35, 10_000, 1)
    assert (found.oldest_s, found.newest_s) == (NOW_S - 5, NOW_S)
    assert (found.evicted, found.errors, found.last_error) == (0, 0, "")
    cents = Decimal("0.01")
    assert found.usd == 3 * cents
    assert found.tenants == (TenantStats("acme", "m", 2, 30, 2 * cents), TenantStats("u", "m", 1, 5, cents))


@pytest.mark.parametrize(
    ("costs", "total"),
    [
        ([], None),
        (["", ""], None),
        (["0"], "0"),
        (["0.1", "", "0.2"], "0.3"),
        (["1e-9", "123456789.000000001"], "123456789.000000002"),
        (["nonsense", "NaN", "Infinity", "0.5"], "0.5"),
    ],
)
def test_costs_are_added_exactly(make: Make, costs: list[str], total: str | None) -> None:
    store = make()
    for number, usd in enumerate(costs):
        store.set(f"{number}", replace(entry(), usd=usd))
    assert store.stats(NOW_S).usd == (None if total is None else Decimal(total))


def test_one_answer_larger_than_the_store_is_not_kept_and_makes_nothing_go(make: Make) -> None:
    store = make(max_bytes=100)
    store.set("a", entry(b"1" * 100))
    store.set("b", entry(b"1" * 101))
    found = settled(store).stats(NOW_S)
    assert store.get("a", NOW_S) is not None
    assert store.get("b", NOW_S) is None
    assert (found.entries, found.errors) == (1, 1)
    assert found.last_error


def test_small_answers_have_a_bound_of_their_own(make: Make) -> None:
    store = make(max_bytes=100_000)
    for number in range(1_200):
        store.set(f"{number}", entry(b"1"))
    found = settled(store).stats(NOW_S)
    assert (found.entries, found.evicted) == (1_000, 200)


def test_a_closed_store_misses(make: Make) -> None:
    store = make()
    store.set("a", entry())
    store.close()
    store.set("b", entry())
    assert store.get("a", NOW_S) is None
    assert store.get("b", NOW_S) is None
    store.flush()
    store.close()


def test_an_event_loop_gets_the_same(make: Make) -> None:
    async def run() -> None:
        store = make()
        await store.aset("a", entry(b"1"))
        assert await store.aget("a", NOW_S) == entry(b"1")
        assert await store.aget("a", NOW_S + 60) is None
        await store.aclose()
        assert await store.aget("a", NOW_S) is None

    asyncio.run(run())


@pytest.mark.parametrize("bound", [0, -1])
def test_a_bound_has_to_make_sense(make: Make, bound: int) -> None:
    with pytest.raises(UsageError, match="max_bytes"):
        make(max_bytes=bound)


def test_many_threads_at_once(make: Make) -> None:
    store, wrong = make(), []

    def work(name: int) -> None:
        for number in range(60):
            key, body = f"{number % 20}", f"{number % 20} by {name}".encode()
            store.set(key, entry(body))
            found = store.get(key, NOW_S)
            if found is None or not found.body.startswith(f"{number % 20} by ".encode()):
                wrong.append((key, found))
            if number % 30 == 29:
                store.purge(key="none such")

    threads = [Thread(target=work, args=(name,)) for name in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = settled(store).stats(NOW_S)
    assert not wrong
    assert (found.entries, found.errors) == (20, 0)


Step = tuple[str, int, int]
STEPS = st.lists(st.tuples(st.sampled_from(["set", "get", "purge", "flush"]), st.integers(0, 5), st.integers(0, 3)))


@given(STEPS)
def test_memory_is_a_dictionary(steps: list[Step]) -> None:
    behaves_like_a_dictionary(MemoryStore(), steps)


def test_sqlite_is_a_dictionary() -> None:
    with TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder, "cache.db"))

        @given(STEPS)
        def check(steps: list[Step]) -> None:
            store.purge()
            behaves_like_a_dictionary(store, steps)

        check()
        store.close()


def behaves_like_a_dictionary(store: Store, steps: list[Step]) -> None:
    expected: dict[str, Entry] = {}
    for step, number, tenant in steps:
        key, name = f"{number}", f"{tenant}"
        if step == "set":
            expected[key] = entry(bytes([number, tenant]), name, f"{number % 2}", ttl_s=10.0 * tenant)
            store.set(key, expected[key])
        elif step == "flush":
            store.flush()
        elif step == "purge":
            gone = [key for key, each in expected.items() if each.tenant == name and each.expires_at_s > NOW_S]
            store.purge(tenant=name)
            expected = {key: each for key, each in expected.items() if each.tenant != name}
            assert not [key for key in gone if store.get(key, NOW_S)]
        found, there = store.get(key, NOW_S), expected.get(key)
        assert found == (there if there and there.expires_at_s > NOW_S else None)
    for key, each in expected.items():
        assert store.get(key, NOW_S) == (each if each.expires_at_s > NOW_S else None)
