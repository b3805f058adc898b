"""Spending in Redis and in a file: shared, exact, and counted on while the store is gone."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from llmopt.errors import ConfigError, UsageError
from llmopt.serving.gateway.spend import redis_spend, shared
from llmopt.serving.gateway.spend.opening import open_totals
from llmopt.serving.gateway.spend.redis_spend import RedisSpend
from llmopt.serving.gateway.spend.shared import SharedTotals, StoreGoneError, Wish
from llmopt.serving.gateway.spend.sqlite_spend import SqliteSpend
from llmopt.serving.gateway.spend.totals import MemoryTotals
from tests.serving.cache.valkey import Valkey

A, B = "day:2026-11-23:tenant:a", "day:2026-11-23:all"
BIG = 9_007_199_254_740_993
"""2^53 + 1, which no double holds."""
WAIT_S = 30.0


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with Valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(params=["sqlite", "redis"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], SharedTotals]:
    """Returns what opens one store again and again."""
    if request.param == "sqlite":
        return lambda: SharedTotals(SqliteSpend(tmp_path / "spend" / "spend.db"))
    url = request.getfixturevalue("valkey").url
    return lambda: SharedTotals(RedisSpend(url, prefix=f"{{{tmp_path}}}:"))


@asynccontextmanager
async def closed_at_the_end(*totals: SharedTotals) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for each in totals:
            await each.close()


async def until(condition: Callable[[], bool], step: Callable[[], Awaitable[None]] | None = None) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(WAIT_S):
        while not condition():
            if step is not None:
                await step()
            await asyncio.sleep(0.01)


def test_two_add_to_one_sum(opened: Callable[[], SharedTotals]) -> None:
    async def run() -> None:
        one, two = opened(), opened()
        async with closed_at_the_end(one, two):
            for _ in range(50):
                one.add({A: 3, B: 3})
                two.add({A: BIG, B: 1})
                await asyncio.sleep(0)
            await until(lambda: (one.get(A), two.get(A)) == (50 * (3 + BIG),) * 2, lambda: refresh(one, two))
            assert one.errors == two.errors == 0
        three = opened()
        async with closed_at_the_end(three):
            assert three.get(A) is None
            await three.ask([A, B, "other"])
            assert [three.get(name) for name in (A, B, "other")] == [50 * (3 + BIG), 200, 0]
            assert three.last("never") is None

    async def refresh(*totals: SharedTotals) -> None:
        for each in totals:
            await each.ask([A, B])

    asyncio.run(run())


def test_what_is_left_is_written_at_the_end(opened: Callable[[], SharedTotals]) -> None:
    async def run() -> None:
        one, two = opened(), opened()
        one.add({A: 7})
        await one.close()
        async with closed_at_the_end(two):
            await two.ask([A])
            assert two.get(A) == 7

    asyncio.run(run())


def test_nothing_is_lost_or_counted_twice_while_redis_is_gone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def run(server: Valkey) -> None:
        one = SharedTotals(RedisSpend(server.url))
        async with closed_at_the_end(one):
            one.add({A: 5})
            await one.ask([A])
            server.kill()
            one.add({A: 7})
            assert one.get(A) == 12
            await until(lambda: one.errors > 0)
            one.add({A: 1})
            await one.ask(["new"])  # nothing to wait for
            assert (one.get(A), one.get("new")) == (13, 0)
            server.start()  # it has forgotten everything
            await until(lambda: one.last(A) == 13 and "shared again" in caplog.text)
        two = SharedTotals(RedisSpend(server.url))
        async with closed_at_the_end(two):
            await two.ask([A])
            assert two.get(A) == 13

    with caplog.at_level(logging.WARNING), Valkey(tmp_path) as server:
        asyncio.run(run(server))


def test_what_each_was_told_before_a_server_forgot_is_not_lost(tmp_path: Path) -> None:
    much = 10**15

    async def told(store: RedisSpend, add: int, floor: int, name: str = A) -> int:
        batch, wishes = f"{add} {floor} {name}", {name: Wish(add, floor)}
        try:
            return (await store.exchange(batch, wishes))[name]
        except StoreGoneError:  # the connection to the server of before was still taken for open
            return (await store.exchange(batch, wishes))[name]

    async def run(server: Valkey) -> None:
        one, two, fresh = stores = RedisSpend(server.url), RedisSpend(server.url), RedisSpend(server.url)
        try:
            await check(server, one, two, fresh)
        finally:
            for store in stores:
                await store.close()

    async def check(server: Valkey, one: RedisSpend, two: RedisSpend, fresh: RedisSpend) -> None:
        assert await told(one, much, 0) == much
        assert await told(two, 10, 0) == much + 10
        server.kill()
        server.start()
        for store in (one, two):
            await store.close()  # lets go of connections to the server that was killed
        assert await told(one, 5, much) == much + 5
        assert await told(one, 0, 0, B) == 0  # what is asked in between changes nothing
        assert await told(two, 3, much + 10) == much + 18  # its own 10 were unknown to the first
        assert await told(two, 3, much + 10) == much + 18  # the answer was lost: sent again
        assert await told(one, 1, much + 5) == much + 19
        assert await told(fresh, 2, 0) == much + 21
        for store in (one, two, fresh):
            assert await told(store, 0, much + 21) == much + 21

    with Valkey(tmp_path) as server:
        asyncio.run(run(server))


def test_a_server_that_hangs_costs_a_short_wait_and_no_double_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_spend, "TIMEOUT_S", 0.2)
    monkeypatch.setattr(shared, "ASK_S", 0.01)

    async def run(server: Valkey) -> None:
        one = SharedTotals(RedisSpend(server.url))
        async with closed_at_the_end(one):
            one.add({A: 5})
            await one.ask([A])
            server.stand_still()
            one.add({A: 7})
            await until(lambda: one.errors > 0)
            server.go_on()  # and reads the batch that nobody waits for any more
            one.add({A: 1})
            two = SharedTotals(RedisSpend(server.url))
            async with closed_at_the_end(two):
                await until(lambda: (two.get(A) or 0) >= 13, lambda: two.ask([A]))
                assert two.get(A) == 13

    with Valkey(tmp_path) as server:
        try:
            asyncio.run(run(server))
        finally:
            server.go_on()


def test_a_batch_is_added_once(valkey: Valkey) -> None:
    async def run() -> None:
        store = RedisSpend(valkey.url, prefix="{once}:")
        for _ in range(3):
            assert await store.exchange("batch", {A: Wish(5, 0), B: Wish(0, 0)}) == {A: 5, B: 0}
        assert await store.exchange("next", {A: Wish(5, 100)}) == {A: 105}
        await store.close()

    asyncio.run(run())


class Stubborn:
    """A store that never answers, or fails."""

    where = "stubborn"

    def __init__(self, *, fails: bool) -> None:
        self.fails = fails
        self.batches: list[str] = []

    async def exchange(self, batch: str, wishes: Mapping[str, Wish]) -> dict[str, int]:
        self.batches.append(batch)
        if self.fails:
            raise StoreGoneError("no")
        await asyncio.Event().wait()
        return {}

    async def close(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("fails", [False, True], ids=["hangs", "fails"])
def test_it_counts_by_itself_and_says_what_could_not_be_written(
    fails: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shared, "ASK_S", 0.01)
    monkeypatch.setattr(shared, "_CLOSE_S", 0.01)

    async def run() -> None:
        totals = SharedTotals(Stubborn(fails=fails))
        totals.add({A: 2_500_000_000_000})
        await totals.ask([A, B])
        assert (totals.get(A), totals.get(B)) == (2_500_000_000_000, 0)
        await totals.close()

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    assert "2.5 USD of spending could not be written" in caplog.text


def test_a_failed_batch_keeps_its_name_until_it_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "PAUSE_S", 0.001)

    async def run() -> None:
        store = Stubborn(fails=True)
        totals = SharedTotals(store)
        totals.add({A: 1})
        await until(lambda: len(store.batches) >= 3)
        await totals.close()
        assert len(set(store.batches)) == 1

    asyncio.run(run())


def test_old_sums_and_stale_ones_are_asked_for_anew() -> None:
    now_s = [0.0]

    class Store(Stubborn):
        async def exchange(self, batch: str, wishes: Mapping[str, Wish]) -> dict[str, int]:
            return {name: max(wish.floor, 40) + wish.add for name, wish in wishes.items()}

    async def run() -> None:
        totals = SharedTotals(Store(fails=False), clock=lambda: now_s[0])
        async with closed_at_the_end(totals):
            await totals.ask([A])
            assert totals.get(A) == 40
            now_s[0] = shared.STALE_S + 1
            assert (totals.get(A), totals.last(A)) == (None, 40)
            totals.seen([A])
            await until(lambda: totals.get(A) == 40)
            totals.forget(("day:2026-11-24:",))
            assert totals.last(A) is None

    asyncio.run(run())


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "cache.db")) as connection:
        connection.execute("CREATE TABLE answers (key)")
    (tmp_path / "text").write_text("no database at all, and longer than a header of one: " * 4)
    for name in ("cache.db", "text", "."):
        with pytest.raises(ConfigError, match="cannot be used for spending") as told:
            open_totals(str(tmp_path / name))
        assert "Errno" not in told.value.message


def test_a_file_that_is_deleted_is_made_anew(tmp_path: Path) -> None:
    async def run() -> None:
        store = SqliteSpend(tmp_path / "spend.db")
        totals = SharedTotals(store)
        async with closed_at_the_end(totals):
            totals.add({A: 5})
            await totals.ask([A])
            for each in tmp_path.iterdir():
                each.unlink()
            totals.add({A: 1})
            await totals.ask([A])
            assert totals.get(A) == 6
        assert await store.exchange("", {A: Wish(0, 0)}) == {A: 6}

    asyncio.run(run())


@pytest.mark.parametrize("where", ["http://host/", "redis://host:port", "rediss://:pass/word@host:x", "redis://[:word"])
def test_what_is_no_store_is_told_without_its_password(where: str) -> None:
    with pytest.raises(UsageError) as told:
        open_totals(where)
    assert "word" not in f"{told.value.message} {told.value.hint}"


def test_a_path_of_a_socket_names_a_server() -> None:
    assert isinstance(open_totals("unix:///run/valkey.sock"), SharedTotals)


def test_memory_forgets_other_periods() -> None:
    totals = open_totals("memory")
    assert isinstance(totals, MemoryTotals)
    totals.add({"day:1:a": 1, "month:1:a": 2})
    totals.forget(("month:1:",))
    assert (totals.get("day:1:a"), totals.get("month:1:a")) == (0, 2)
