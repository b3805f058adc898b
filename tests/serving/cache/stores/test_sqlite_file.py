"""Files that are no good: damaged, of another version, of somebody else, missing, not writable."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Thread

import pytest

from llmopt.errors import ConfigError, InputError, UsageError
from llmopt.serving.cache.entry import Entry
from llmopt.serving.cache.stores.sqlite import SqliteStore
from llmopt.serving.cache.stores.sqlite_file import identity, renewed, set_aside

NOW_S = 1_000.0
ENTRY = Entry(b"{}" * 1_000, "t", "m", NOW_S, NOW_S + 60)


def filled(path: Path, count: int = 50) -> None:
    store = SqliteStore(path)
    for number in range(count):
        store.set(f"{number}", ENTRY)
    store.close()


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def cut(path: Path, size: int) -> None:
    os.truncate(path, size)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "no database": lambda path: path.write_bytes(b"this is no database\n" * 100),
    "a few bytes": lambda path: path.write_bytes(b"note\n"),
    "header": lambda path: overwrite(path, 0, os.urandom(100)),
    "first page": lambda path: overwrite(path, 0, b"\0" * 8_192),
    "schema": lambda path: overwrite(path, 100, os.urandom(8_000)),
    "cut in half": lambda path: cut(path, path.stat().st_size // 2),
    "cut in a page": lambda path: cut(path, 20_000),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(
    damage: Callable[[Path], object], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cache.db"
    filled(path)
    damage(path)
    damaged = path.read_bytes()
    with caplog.at_level(logging.WARNING):
        store = SqliteStore(path)
        assert store.get("1", NOW_S) is None
        store.set("a", ENTRY)
        store.flush()
    aside = tmp_path / "cache.db.damaged"
    assert aside.read_bytes() == damaged
    said = f"{path} is damaged; it was set aside as {aside}, and a new one begun"
    assert said in caplog.text
    found = store.stats(NOW_S)
    assert (found.entries, found.last_error) == (1, said)
    assert store.get("a", NOW_S) == ENTRY
    store.close()


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_file_stays_where_it_is_when_none_may_be_made(
    damage: Callable[[Path], object], tmp_path: Path
) -> None:
    path = tmp_path / "cache.db"
    filled(path)
    damage(path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="is damaged"):
        SqliteStore(path, create=False)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_no_damage_of_any_page_gives_a_wrong_answer(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    filled(path)
    whole = path.read_bytes()
    lost = 0
    for offset in range(8_192, len(whole), 8_192):
        overwrite(path, offset, b"\xa5" * 4_000)
        store = SqliteStore(path)
        answers = [store.get(f"{number}", NOW_S) for number in range(50)]
        assert set(answers) <= {None, ENTRY}
        lost += answers.count(None)
        store.set("new", ENTRY)
        store.flush()
        assert store.get("new", NOW_S) == ENTRY
        store.close()
        for left in tmp_path.iterdir():
            left.unlink()
        path.write_bytes(whole)
    assert lost


def test_damage_is_found_while_it_runs_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "cache.db"
    filled(path)
    store = SqliteStore(path)
    assert store.get("1", NOW_S) == ENTRY
    store._readers.close()
    overwrite(path, 0, b"\xa5" * path.stat().st_size)
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    assert store.get("1", NOW_S) is None
    store.set("a", ENTRY)
    store.flush()
    assert store.get("a", NOW_S) == ENTRY
    assert (tmp_path / "cache.db.damaged").exists()
    assert "set aside" in caplog.text
    found = store.stats(NOW_S)
    assert found.entries == 1
    assert found.errors >= 1
    store.close()


@pytest.mark.parametrize("idle", [True, False], ids=["nothing open", "connections open"])
def test_a_file_cut_to_nothing_while_it_runs_is_begun_anew(idle: bool, tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    filled(path)
    store = SqliteStore(path)
    assert store.get("1", NOW_S) == ENTRY
    if idle:
        store._writer.hold()
        store._readers.hold(1.0)
        store._readers.go_on(child=False)
        store._writer.go_on(child=False)
    cut(path, 0)
    for _ in range(3):
        assert store.get("2", NOW_S) in (None, ENTRY)
        store.set("a", ENTRY)
        store.flush()
    assert store.get("a", NOW_S) == ENTRY
    store._readers.close()
    assert store.get("a", NOW_S) == ENTRY
    store.close()
    again = SqliteStore(path, create=False)
    assert again.get("a", NOW_S) == ENTRY
    again.close()


def test_only_the_last_damaged_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    for text in (b"first" * 100, b"second" * 100):
        path.write_bytes(text)
        SqliteStore(path).close()
    assert (tmp_path / "cache.db.damaged").read_bytes() == b"second" * 100


def test_a_file_that_another_process_replaced_is_not_set_aside_again(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    path.write_bytes(b"damaged" * 100)
    seen = identity(path)
    SqliteStore(path).close()
    assert set_aside(path, seen) is None
    assert renewed(path, seen, "is damaged") == f"{path} is damaged; it was replaced"
    SqliteStore(path, create=False).close()


def test_many_that_find_it_damaged_at_once_share_one_new_file(tmp_path: Path) -> None:
    path, barrier, stores = tmp_path / "cache.db", Barrier(6), list[SqliteStore]()
    path.write_bytes(b"damaged" * 1_000)

    def begin() -> None:
        barrier.wait()
        stores.append(SqliteStore(path))

    threads = [Thread(target=begin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, store in enumerate(stores):
        store.set(f"{number}", ENTRY)
        store.flush()
    assert [stores[0].get(f"{number}", NOW_S) for number in range(6)] == [ENTRY] * 6
    for store in stores:
        store.close()


def test_another_version_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    filled(path)
    change(path, "PRAGMA user_version = 99")
    with pytest.raises(InputError, match="is a cache of another version of llmopt"):
        SqliteStore(path, create=False)
    store = SqliteStore(path)
    assert "another version" in store.stats(NOW_S).last_error
    assert store.get("1", NOW_S) is None
    store.close()
    assert (tmp_path / "cache.db.damaged").exists()


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.db"
    path.touch()
    change(path, "CREATE TABLE mine (a)")
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="is a database of something else"):
        SqliteStore(path)
    with pytest.raises(InputError, match="is a database of something else"):
        SqliteStore(path, create=False)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_empty_file_is_begun(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    path.touch()
    with pytest.raises(InputError, match="is no cache"):
        SqliteStore(path, create=False)
    filled(path, 1)
    store = SqliteStore(path, create=False)
    assert store.get("0", NOW_S) == ENTRY
    store.close()


def test_folders_are_made_and_nobody_else_may_read(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "cache.db"
    filled(path, 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_has_to_be_there(tmp_path: Path) -> None:
    path = tmp_path / "a" / "cache.db"
    with pytest.raises(InputError, match="does not exist"):
        SqliteStore(path, create=False)
    assert not path.parent.exists()


@pytest.mark.parametrize("where", ["", "file/cache.db", "nul\0byte", "n" * 5_000, "pipe"])
@pytest.mark.parametrize("create", [True, False])
def test_a_path_that_cannot_work_is_one_clear_error(where: str, create: bool, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises((ConfigError, InputError)) as caught:
        SqliteStore(f"{tmp_path}/{where}", create=create)
    assert "\n" not in caught.value.message
    assert caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("there", [True, False])
def test_a_folder_without_rights(there: bool, tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    if there:
        filled(path)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ConfigError, match="cannot be written"):
            SqliteStore(path)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("path", ["", ":memory:"])
def test_sqlite_in_memory_is_no_store(path: str) -> None:
    with pytest.raises(UsageError, match="is no path of a file"):
        SqliteStore(path)


def change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()
