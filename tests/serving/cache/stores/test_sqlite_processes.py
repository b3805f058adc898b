"""One file and many processes: at once, killed in the middle of a write, and forked."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest

from llmopt.serving.cache.entry import Entry
from llmopt.serving.cache.stores.sqlite import SqliteStore

NOW_S = 1_000.0
WRITE = """
import sys
from tests.serving.cache.stores.test_sqlite_processes import NOW_S, kept
from llmopt.serving.cache.stores.sqlite import SqliteStore
path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
store, number = SqliteStore(path, max_bytes=400_000), 0
while number != count:
    key = f"{name} {number % 300}"
    store.set(key, kept(key))
    other = f"a {number % 300}"
    found = store.get(other, NOW_S)
    if found is not None and found != kept(other):
        sys.exit(f"wrong answer for {other}")
    if number % 40 == 20:
        store.flush()
        if number == 20:
            print("begun", flush=True)
    number += 1
store.flush()
found = store.stats(NOW_S)
if found.errors:
    sys.exit(found.last_error)
"""


def kept(key: str) -> Entry:
    """An entry whose body follows from its key, so that a wrong one is told."""
    digest = hashlib.sha256(key.encode()).digest()
    return Entry(digest * (20 + digest[0]), f"tenant of {key}", "m", NOW_S, NOW_S + 60)


def writing(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    root = Path(__file__).parents[4]
    command = [sys.executable, "-c", WRITE, str(path), name, str(count)]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def check(path: Path) -> int:
    """Return how many entries a file holds; every one is whole, and the tables fit together."""
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    keys = [row[0] for row in connection.execute("SELECT key FROM entries")]
    assert connection.execute("SELECT count(*) FROM bodies").fetchone() == (len(keys),)
    size = sum(len(kept(key).body) for key in keys)
    assert connection.execute("SELECT size, entries FROM totals").fetchone() == (size, len(keys))
    connection.close()
    store = SqliteStore(path, create=False)
    assert [store.get(key, NOW_S) for key in keys] == [kept(key) for key in keys]
    assert store.stats(NOW_S).errors == 0
    store.close()
    return len(keys)


def test_killed_while_it_writes(tmp_path: Path) -> None:
    path, rng = tmp_path / "cache.db", random.Random(1)
    for _ in range(5):
        process = writing(path, "a", -1)
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "begun\n"
        Event().wait(rng.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert check(path) >= 20
    assert list(tmp_path.glob("*.damaged")) == []


def test_many_processes_at_once(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    processes = [writing(path, name, 400) for name in "abcd"]
    told = [process.communicate() for process in processes]
    assert [(process.returncode, errors) for process, (_, errors) in zip(processes, told, strict=True)] == [(0, "")] * 4
    assert check(path) > 50


def in_child(work: Callable[[], None]) -> int:
    """Return the exit status of a forked process that does some work."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_forked_process_reads_and_writes_too(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    store = SqliteStore(path)
    store.set("before", kept("before"))
    assert store.get("before", NOW_S) is not None

    def work() -> None:
        assert store.get("before", NOW_S) == kept("before")
        store.set("child", kept("child"))
        store.close()

    assert in_child(work) == 0
    assert store.get("child", NOW_S) == kept("child")
    store.set("after", kept("after"))
    store.close()
    assert check(path) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_forks_while_threads_read_and_write(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    store, end, wrong = SqliteStore(path), Event(), list[str]()

    def busy(name: str) -> None:
        number = 0
        while not end.is_set():
            number += 1
            key = f"{name} {number % 50}"
            store.set(key, kept(key))
            if store.get(key, NOW_S) != kept(key):
                wrong.append(key)

    threads = [Thread(target=busy, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()

    def work() -> None:
        store.set("child", kept("child"))
        assert store.get("child", NOW_S) == kept("child")
        store.close()

    statuses = [in_child(work) for _ in range(5)]
    end.set()
    for thread in threads:
        thread.join()
    assert (statuses, wrong) == ([0] * 5, [])
    assert store.stats(NOW_S).errors == 0
    store.close()
    assert check(path) == 101
