"""Stores by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmopt.errors import InputError, UsageError
from llmopt.serving.cache.stores.memory import MEMORY_BYTES, MemoryStore
from llmopt.serving.cache.stores.opening import open_store
from llmopt.serving.cache.stores.sqlite import SQLITE_BYTES, SqliteStore


@pytest.mark.parametrize(("max_bytes", "bound"), [(None, MEMORY_BYTES), (1_000, 1_000)])
def test_memory(max_bytes: int | None, bound: int) -> None:
    store = open_store("memory:", max_bytes=max_bytes)
    assert isinstance(store, MemoryStore)
    assert store.stats(0).max_bytes == bound


@pytest.mark.parametrize(("max_bytes", "bound"), [(None, SQLITE_BYTES), (1_000, 1_000)])
@pytest.mark.parametrize("name", ["cache.db", "C:cache.db", "a b%20?x=1#.db", "ä.db"])
def test_a_path_is_an_sqlite_file(name: str, max_bytes: int | None, bound: int, workdir: Path) -> None:
    store = open_store(name, max_bytes=max_bytes)
    assert isinstance(store, SqliteStore)
    assert store.stats(0).max_bytes == bound
    assert (workdir / name).is_file()
    store.close()
    open_store(name, create=False).close()


def test_a_file_that_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        open_store(str(tmp_path / "cache.db"), create=False)


@pytest.mark.parametrize("where", ["http://localhost/x", "postgres://u:secret@h/x", "sqlite:///x.db", "REDI://x"])
def test_other_servers_are_no_stores(where: str, workdir: Path) -> None:
    with pytest.raises(UsageError, match="no kind of store") as caught:
        open_store(where)
    assert "secret" not in caught.value.message
    assert list(workdir.iterdir()) == []


def test_a_server_is_not_asked_before_it_is_needed() -> None:
    store = open_store("redis://127.0.0.1:1/0")
    store.close()


def test_a_server_that_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not answer"):
        open_store(f"unix://{tmp_path}/no.sock", create=False)


def test_a_server_has_a_bound_of_its_own() -> None:
    with pytest.raises(UsageError, match="bound of its own"):
        open_store("redis://127.0.0.1:1/0", max_bytes=1_000)
