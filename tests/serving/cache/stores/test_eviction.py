"""What goes when a store is full: the least recently used in memory, what was not used for a round in SQLite."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.cache.entry import Entry
from llmopt.serving.cache.stores.memory import MemoryStore
from llmopt.serving.cache.stores.sqlite import SqliteStore

NOW_S = 1_000.0


def entry(size: int = 100, expires_s: float = NOW_S + 60, stored_s: float = NOW_S) -> Entry:
    return Entry(b"x" * size, "t", "m", stored_s, expires_s)


def held(store: MemoryStore | SqliteStore, keys: str) -> str:
    return "".join(key for key in keys if store.get(key, NOW_S))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 60)), max_size=60))
def test_memory_keeps_what_was_used_last(steps: list[tuple[bool, int, int]]) -> None:
    store, expected, bound = MemoryStore(100), OrderedDict[str, int](), 100
    for is_read, number, size in steps:
        key = f"{number}"
        if is_read:
            assert (store.get(key, NOW_S) is not None) == (key in expected)
            if key in expected:
                expected.move_to_end(key)
        else:
            store.set(key, entry(size))
            expected.pop(key, None)
            expected[key] = size
            while sum(expected.values()) > bound:
                expected.popitem(last=False)
        assert store.stats(NOW_S).size_bytes == sum(expected.values())
    assert [key for key in map(str, range(10)) if store.get(key, NOW_S)] == sorted(expected)


def test_memory_lets_go_of_what_has_expired() -> None:
    store = MemoryStore()
    store.set("a", entry(expires_s=NOW_S + 1))
    assert store.get("a", NOW_S + 1) is None
    assert store.stats(NOW_S).entries == 0


@pytest.fixture
def small(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "cache.db", max_bytes=1_000)


def fill(store: SqliteStore, keys: str) -> None:
    for key in keys:
        store.set(key, entry())
        store.flush()


def test_sqlite_gives_a_second_chance_to_what_was_read(small: SqliteStore) -> None:
    fill(small, "abcdefghij")
    assert held(small, "ace") == "ace"
    fill(small, "klmno")
    found = small.stats(NOW_S)
    assert held(small, "abcdefghijklmno") == "aceijklmno"
    assert (found.entries, found.size_bytes, found.evicted) == (10, 1_000, 5)
    small.close()


def test_sqlite_gives_it_once(small: SqliteStore) -> None:
    fill(small, "abcdefghij")
    assert held(small, "a") == "a"
    fill(small, "klmnopqrs")
    assert small.stats(NOW_S).evicted == 9
    fill(small, "t")
    assert held(small, "abcdefghijklmnopqrst") == "klmnopqrst"
    small.close()


def test_sqlite_ends_when_everything_was_read(small: SqliteStore) -> None:
    fill(small, "abcdefghij")
    assert held(small, "abcdefghij") == "abcdefghij"
    fill(small, "k")
    assert small.stats(NOW_S).entries == 10
    assert held(small, "bcdefghijk") == "bcdefghijk"
    small.close()


def test_what_was_read_is_remembered_across_a_restart(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "cache.db", max_bytes=1_000)
    fill(first, "abcdefghij")
    assert held(first, "b") == "b"
    first.close()
    again = SqliteStore(tmp_path / "cache.db", max_bytes=1_000)
    fill(again, "klm")
    assert held(again, "abcdefghijklm") == "befghijklm"
    again.close()


def test_what_has_expired_goes_first(small: SqliteStore) -> None:
    fill(small, "abcde")
    for key in "fghij":
        small.set(key, entry(expires_s=NOW_S + 1))
    small.flush()
    small.set("k", entry(stored_s=NOW_S + 2))
    small.flush()
    assert small.stats(NOW_S).entries == 6
    assert held(small, "abcdefghijk") == "abcdek"
    small.close()


def test_reading_writes_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "cache.db")
    for key in "abcdefghij":
        store.set(key, entry())
    store.flush()
    before = [(path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(tmp_path.glob("*.db*"))]
    for _ in range(300):
        assert held(store, "abcdefghij") == "abcdefghij"
    store.flush()
    after = [(path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(tmp_path.glob("*.db*"))]
    assert [each for each in after if "shm" not in each[0]] == [each for each in before if "shm" not in each[0]]
    store.close()


def test_a_full_store_notes_reads_many_at_a_time(small: SqliteStore) -> None:
    fill(small, "abcdefghij")
    assert small.get("a", NOW_S) is not None
    assert small._writer._waiting.used == {"a": None}
    assert small.get("b", NOW_S + 9) is not None
    assert small._writer._thread is not None
    assert small._writer._waiting.used == {"a": None, "b": None}
    assert small.get("c", NOW_S + 10) is not None
    small.close()
    assert small._writer._waiting.used == {}


def test_the_file_stays_near_its_bound(tmp_path: Path) -> None:
    path, bound, random = tmp_path / "cache.db", 2_000_000, Random(1)
    store = SqliteStore(path, max_bytes=bound)
    for number in range(4_000):
        store.set(f"{number:064}", Entry(random.randbytes(random.randint(1_500, 2_500)), "t", "m", NOW_S, NOW_S + 60))
    found = store.stats(NOW_S)
    assert found.size_bytes <= bound
    assert found.entries + found.evicted == 4_000
    assert store.get(f"{3_999:064}", NOW_S) is not None
    store.close()
    assert path.stat().st_size < 2 * bound
