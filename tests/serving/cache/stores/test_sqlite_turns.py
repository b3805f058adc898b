"""Opening and replacing a file take turns; forks in the middle of a read or a write leave connections alone."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

import pytest

from llmopt.serving.cache.entry import Entry
from llmopt.serving.cache.stores import sqlite_file
from llmopt.serving.cache.stores.sqlite import SqliteStore
from llmopt.serving.cache.stores.sqlite_file import opening, replacing

NOW_S = 1_000.0
ENTRY = Entry(b"{}", "t", "m", NOW_S, NOW_S + 60)


def test_who_opens_does_not_wait_for_another_who_opens(tmp_path: Path) -> None:
    with opening(tmp_path / "cache.db"), opening(tmp_path / "cache.db"):
        assert list(tmp_path.iterdir()) == []


def test_who_replaces_waits_for_those_who_open(tmp_path: Path) -> None:
    order, opened = list[str](), Event()

    def replace() -> None:
        opened.wait()
        with replacing(tmp_path / "cache.db"):
            order.append("replaced")

    thread = Thread(target=replace)
    thread.start()
    with opening(tmp_path / "cache.db"):
        opened.set()
        Event().wait(0.005)
        order.append("opened")
    thread.join()
    assert order == ["opened", "replaced"]


def test_nobody_waits_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "TURN_WAIT_S", 0.005)
    with opening(tmp_path / "cache.db"), replacing(tmp_path / "cache.db"):
        assert True
    with opening(tmp_path / "gone" / "cache.db"):
        assert True


def test_where_folders_cannot_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, kind: int) -> None:
        raise OSError("no locks here")

    monkeypatch.setattr("fcntl.flock", refuse)
    SqliteStore(tmp_path / "cache.db").close()
    monkeypatch.setattr(sqlite_file, "fcntl", None)
    SqliteStore(tmp_path / "cache.db").close()


def test_what_a_deleted_file_left_behind_is_not_taken_for_its_successors(tmp_path: Path) -> None:
    for name in ("cache.db-wal", "cache.db-shm"):
        (tmp_path / name).write_bytes(b"left" * 10_000)
    store = SqliteStore(tmp_path / "cache.db")
    store.set("a", ENTRY)
    store.flush()
    assert store.get("a", NOW_S) == ENTRY
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["cache.db"]


def test_a_fork_in_the_middle_of_a_read_and_a_write(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "cache.db")
    store.set("a", ENTRY)
    store.flush()
    assert store.get("a", NOW_S) == ENTRY
    reading, writing = store._readers._idle.get(), store._writer._file.connection()
    store._writer._changed.acquire()
    store._readers.hold(0.001)
    store.after_fork(child=True)
    assert store.get("a", NOW_S) == ENTRY
    store.set("b", ENTRY)
    store.flush()
    assert store.get("b", NOW_S) == ENTRY
    assert store._writer._file.connection() is not writing
    store.close()
    for connection in (reading, writing):  # as the parent would
        assert connection.execute("SELECT entries FROM totals").fetchone() == (2,)
        connection.close()
