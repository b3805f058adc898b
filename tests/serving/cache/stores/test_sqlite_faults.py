"""What goes wrong while a store runs: a full disk, a lock, a deleted file, a disk that hangs. Nothing of it raises."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmopt.errors import InputError
from llmopt.serving.cache.entry import Entry
from llmopt.serving.cache.stores import sqlite_connections, sqlite_table, sqlite_writer
from llmopt.serving.cache.stores.sqlite import SqliteStore

NOW_S = 1_000.0
ENTRY = Entry(b"x" * 2_000, "t", "m", NOW_S, NOW_S + 60)
FULL = """
import resource, sys
from tests.serving.cache.stores.test_sqlite_faults import ENTRY, NOW_S
from llmopt.serving.cache.stores.sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
store.set("a", ENTRY)
store.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
for number in range(300):
    store.set(f"{number}", ENTRY)
    if number % 10 == 0:
        store.flush()
store.flush()
full = store.stats(NOW_S).errors
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.set("b", ENTRY)
store.flush()
found = store.stats(NOW_S)
print(full > 0, found.errors == full, store.get("a", NOW_S) == ENTRY, store.get("b", NOW_S) == ENTRY)
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "cache.db")
    yield made
    made.close()


def limit_pages(store: SqliteStore, pages: int) -> None:
    """Make the disk full for a store, as far as SQLite can tell."""
    store._writer._file.connection().execute(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_loses_writes_and_says_so(store: SqliteStore, caplog: pytest.LogCaptureFixture) -> None:
    store.set("a", ENTRY)
    store.flush()
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            limit_pages(store, 1)
            store.set(f"{number}", Entry(b"x" * 100_000, "t", "m", NOW_S, NOW_S + 60))
            store.flush()
    found = store.stats(NOW_S)
    assert (found.entries, found.errors) == (1, 3)
    assert "disk is full" in found.last_error
    assert len(caplog.records) == 1, "said once, not each time"
    assert store.get("a", NOW_S) == ENTRY
    assert store.get("0", NOW_S) is None
    store.set("b", ENTRY)
    store.flush()
    assert store.get("b", NOW_S) == ENTRY


def test_a_limit_of_the_system_is_a_full_disk(tmp_path: Path) -> None:
    root = Path(__file__).parents[4]
    command = [sys.executable, "-c", FULL, str(tmp_path / "cache.db")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.stdout == "True True True True\n", done.stderr


def test_who_holds_the_file_locked_costs_writes_only(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_table, "WRITE_WAIT_S", 0.01)
    store.set("a", ENTRY)
    store.flush()
    store._writer.hold()
    store._writer.go_on(child=False)
    other = sqlite3.connect(tmp_path / "cache.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.set("b", ENTRY)
    assert store.get("b", NOW_S) == ENTRY
    store.flush()
    assert store.get("a", NOW_S) == ENTRY
    assert store.get("b", NOW_S) is None
    other.execute("ROLLBACK")
    other.close()
    store.set("c", ENTRY)
    store.flush()
    assert store.get("c", NOW_S) == ENTRY
    assert store.stats(NOW_S).last_error == "writing: database is locked"


def test_a_writer_asks_again_and_again_for_a_file_that_others_write(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = list[float]()
    with contextlib.closing(sqlite3.connect(tmp_path / "cache.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store.set("a", ENTRY)
        released = threading.Event()

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) >= 20:
                released.wait()

        monkeypatch.setattr("time.sleep", pause)
        while len(pauses) < 20:
            released.wait(0.001)
        other.execute("ROLLBACK")
        released.set()
        store.flush()
    assert max(pauses) <= 0.01, "whoever always writes leaves short gaps only"
    assert store.stats(NOW_S).errors == 0
    assert store.get("a", NOW_S) == ENTRY


def test_a_file_deleted_underneath_is_begun_anew(store: SqliteStore, tmp_path: Path) -> None:
    store.set("a", ENTRY)
    store.flush()
    for path in tmp_path.glob("cache.db*"):
        path.unlink()
    store.set("b", ENTRY)
    store.flush()
    assert store.get("a", NOW_S) is None
    assert store.get("b", NOW_S) == ENTRY
    assert store.stats(NOW_S).entries == 1


def test_a_deleted_file_without_a_write_is_a_miss(store: SqliteStore, tmp_path: Path) -> None:
    store.set("a", ENTRY)
    store.flush()
    store._readers.close()
    for path in tmp_path.glob("cache.db*"):
        path.unlink()
    assert store.get("a", NOW_S) is None
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="could not be opened"):
        store.stats(NOW_S)
    with pytest.raises(InputError, match="could not be opened"):
        store.purge()


def test_who_only_reads_notices_that_the_file_was_deleted(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_connections, "LOOK_EVERY_S", 0.0)
    store.set("a", ENTRY)
    store.flush()
    assert store.get("a", NOW_S) == ENTRY
    for path in tmp_path.glob("cache.db*"):
        path.unlink()
    assert store.get("a", NOW_S) is None


def test_a_key_that_is_no_text_costs_nobody_else_anything(store: SqliteStore) -> None:
    store.set("a", ENTRY)
    store.set("\udcff", ENTRY)
    assert store.get("\udcff", NOW_S) is None
    assert store.purge(key="\udcff") == 0
    store.set("b", ENTRY)
    store.flush()
    assert [store.get(key, NOW_S) for key in "ab"] == [ENTRY, ENTRY]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_dies_is_begun_again(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise SystemExit  # ends a thread without a word

    with monkeypatch.context() as patched:
        patched.setattr(store._writer, "_keep", fail)
        store.set("a", ENTRY)
        store.flush()
    store.set("b", ENTRY)
    store.flush()
    assert store._writer.find("b") is None
    assert store.get("b", NOW_S) == ENTRY


def test_reading_that_failed_again_is_said_again(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(key: str) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    store.set("a", ENTRY)
    store.flush()
    for _ in range(2):
        with monkeypatch.context() as patched:
            patched.setattr(store._readers, "row", fail)
            assert [store.get("a", NOW_S) for _ in range(3)] == [None] * 3
        assert store.get("a", NOW_S) == ENTRY
    assert [record.getMessage().count("disk I/O error") for record in caplog.records] == [1, 1]


def test_after_an_io_error_everything_is_opened_again(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(key: str) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMMAP
        raise error

    store.set("a", ENTRY)
    store.flush()
    assert store.get("a", NOW_S) == ENTRY
    before = store._writer._file.connection(), store._readers._idle
    with monkeypatch.context() as patched:
        patched.setattr(store._readers, "row", fail)
        assert store.get("a", NOW_S) is None
    store.set("b", ENTRY)
    store.flush()
    assert store._writer._file.connection() is not before[0]
    assert store._readers._idle is not before[1]
    assert [store.get(key, NOW_S) for key in "ab"] == [ENTRY, ENTRY]


def test_a_deleted_folder_is_not_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    store = SqliteStore(folder / "cache.db")
    store.set("a", ENTRY)
    store.flush()
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    store.set("b", ENTRY)
    store.close()
    assert not folder.exists()


def test_one_damaged_answer_is_a_miss_and_the_rest_stay(store: SqliteStore, tmp_path: Path) -> None:
    store.set("a", ENTRY)
    store.set("b", ENTRY)
    store.flush()
    other = sqlite3.connect(tmp_path / "cache.db", isolation_level=None)
    other.execute("UPDATE bodies SET value = zeroblob(100) WHERE id = (SELECT id FROM entries WHERE key = 'a')")
    assert store.get("a", NOW_S) is None
    assert store.get("b", NOW_S) == ENTRY
    other.execute("UPDATE entries SET id = (SELECT id FROM entries WHERE key = 'b') WHERE key = 'a'")
    assert store.get("a", NOW_S) is None, "an answer to something else"
    other.close()
    assert store.stats(NOW_S).errors == 2


def test_more_threads_than_readers_wait_for_one(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.set("a", ENTRY)
    store.flush()
    monkeypatch.setattr(sqlite_connections, "MOST_READERS", 1)
    monkeypatch.setattr(sqlite_connections, "READER_WAIT_S", 0.01)
    assert store.get("a", NOW_S) == ENTRY
    connection = store._readers._idle.get()
    assert store.get("a", NOW_S) is None
    assert "waiting for the disk" in store.stats(NOW_S).last_error
    store._readers._idle.put(connection)
    assert store.get("a", NOW_S) == ENTRY


def test_a_slow_disk_makes_writers_wait_and_then_give_up(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_writer, "MOST_WAITING_BYTES", 5_000)
    monkeypatch.setattr(sqlite_writer, "ROOM_WAIT_S", 0.01)
    slow, write = threading.Event(), store._writer._write

    def stuck(batch: sqlite_writer.Batch) -> None:
        slow.wait()
        write(batch)

    monkeypatch.setattr(store._writer, "_write", stuck)
    store.set("first", ENTRY)
    while not store._writer._writing.entries:
        threading.Event().wait(0.001)
    for number in range(3):
        store.set(f"{number}", ENTRY)
    asyncio.run(store.aset("one too many", ENTRY))
    assert store.get("one too many", NOW_S) is None
    assert [store.get(key, NOW_S) for key in ("first", "0", "2")] == [ENTRY] * 3
    slow.set()
    store.flush()
    assert [store.get(key, NOW_S) for key in ("first", "0", "2")] == [ENTRY] * 3
    assert store.stats(NOW_S).errors == 1


def test_without_threads_it_writes_at_once(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    store.set("a", ENTRY)
    assert store._writer.find("a") is None
    assert store.get("a", NOW_S) == ENTRY


def test_what_was_purged_is_not_in_the_file_any_more(store: SqliteStore, tmp_path: Path) -> None:
    for number in range(600):
        body = f"secret of {number}" if number % 2 else f"public {number}"
        store.set(f"{number}", Entry(body.encode() * 50, f"{number % 2}", "m", NOW_S, NOW_S + 60))
    assert store.purge(tenant="1") == 300
    data = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"secret of" not in data
    assert b"public" in data
    assert store.get("0", NOW_S) is not None


def test_what_waits_is_written_when_the_process_ends(tmp_path: Path) -> None:
    code = (
        "import sys; from tests.serving.cache.stores.test_sqlite_faults import ENTRY; "
        "from llmopt.serving.cache.stores.sqlite import SqliteStore; SqliteStore(sys.argv[1]).set('gone', ENTRY); "
        "store = SqliteStore(sys.argv[1]); store.set('a', ENTRY)"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path / "cache.db")]
    done = subprocess.run(command, cwd=Path(__file__).parents[4], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    store = SqliteStore(tmp_path / "cache.db")
    assert [store.get(key, NOW_S) for key in ("a", "gone")] == [ENTRY, ENTRY]
    store.close()
