"""duckdb reads each byte once and in its order, whichever threads ask; what fails names its object."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.cost.stores import duckdb_files
from llmopt.cost.stores.duckdb_files import ObjectFile, ObjectFiles, serving
from llmopt.cost.stores.heads import Heads
from llmopt.cost.stores.mount import reason_of
from llmopt.cost.stores.stored import Halt, Stored, StoreError
from llmopt.errors import InputError

DATA = bytes(random.Random(1).randbytes(500_000))
LINES = b"".join(b'{"n": %d, "x": "%s"}\n' % (n, b"y" * 90) for n in range(60_000))


class Store:
    """One object, and something that happens while it is read."""

    def __init__(self, data: bytes, happens: Callable[[], object] = lambda: None) -> None:
        self.data, self.happens, self.asked = data, happens, 0

    def read(self, key: str, start: int, end: int) -> bytes:
        self.asked += 1
        self.happens()
        return self.data[start:end]


def stored(store: Store, *, exact: bool = False, number: int = 7) -> Stored:
    heads = Heads()
    place = heads.add(store, "k", len(store.data))
    url = f"llmopt://{number}/bucket/day=1/k [*].json"
    return Stored(url, "s3://k", "k", len(store.data), "", None, store, heads, place, Halt(), exact)


def failing(error: BaseException) -> Callable[[], object]:
    def fail() -> None:
        raise error

    return fail


def count(connection: duckdb.DuckDBPyConnection, one: Stored) -> tuple[int, int]:
    options = "format = 'newline_delimited', columns = {n: 'BIGINT'}, maximum_object_size = 65536"
    found: tuple[int, int] = connection.execute(
        f"SELECT count(*), sum(n) FROM read_json('{one.path}', {options})"
    ).fetchall()[0]
    return found


@pytest.mark.parametrize("threads", [1, 4])
def test_duckdb_reads_all_lines_once(threads: int) -> None:
    one = stored(Store(LINES))
    with duckdb.connect(config={"threads": threads}) as connection, serving(connection, [one]):
        assert count(connection, one) == (60_000, sum(range(60_000)))


def test_threads_with_places_of_their_own_do_not_disturb_each_other() -> None:
    file = ObjectFile(stored(Store(DATA)))

    def part(start: int) -> bytes:
        file.seek(start)
        return file.read(1000)

    starts = random.Random(2).sample(range(len(DATA) - 1000), 200)
    with ThreadPoolExecutor(8) as executor:
        assert list(executor.map(part, starts)) == [DATA[start : start + 1000] for start in starts]


def test_a_file_may_be_passed_from_thread_to_thread() -> None:
    file = ObjectFile(stored(Store(DATA)))
    with ThreadPoolExecutor(1) as other:
        assert file.read(10) == DATA[:10]
        file.seek(0)
        assert other.submit(file.read, 300).result() == DATA[:300]
        assert file.read(200) == DATA[300:500]
        assert other.submit(file.read, 100).result() == DATA[500:600]
        assert other.submit(file.tell).result() == 600


@given(st.lists(st.tuples(st.sampled_from([0, 1, 2, None]), st.integers(0, 90_000), st.integers(-1, 200_000))))
def test_it_reads_as_a_file_does(steps: list[tuple[int | None, int, int]]) -> None:
    file, at = ObjectFile(stored(Store(DATA))), 0
    for whence, place, size in steps:
        if whence is not None:
            at = file.seek(-place if whence == 2 else place, whence)
            assert at == (place, at, len(DATA) - place)[whence] or whence == 1
        data = file.read(size)
        assert data == (DATA[at:] if size < 0 else DATA[at : at + size])
        at = min(len(DATA), at + len(data)) if data else at


def test_reading_on_is_buffered_but_in_a_file_that_is_read_here_and_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb_files, "BLOCK_BYTES", 100_000)
    for exact, requests in ((False, 5), (True, 50)):
        store = Store(DATA)
        file = ObjectFile(stored(store, exact=exact))
        assert b"".join(file.read(10_000) for _ in range(50)) == DATA
        assert store.asked == requests
        file.close()


def test_what_is_listed() -> None:
    one = stored(Store(DATA))
    files = ObjectFiles([one])
    assert files.glob(one.path) == [one.path]
    assert files.exists(one.path)
    assert files.info(one.path) == {"name": one.path, "type": "file", "size": len(DATA)}
    assert files.modified(one.path) == datetime(1970, 1, 1, tzinfo=UTC)
    file = files.open(one.path)
    assert (file.readable(), file.seekable()) == (True, True)


def test_an_error_names_its_object() -> None:
    one = stored(Store(LINES, failing(StoreError("no such object"))))
    with duckdb.connect() as connection, serving(connection, [one]):
        with pytest.raises(duckdb.Error) as caught:
            count(connection, one)
        assert one.path in str(caught.value)
        assert reason_of(caught.value) == "no such object"


@pytest.mark.parametrize("kind", [InputError, KeyboardInterrupt])
def test_what_ends_the_run_comes_out_of_the_context(kind: type[BaseException]) -> None:
    one = stored(Store(LINES, failing(kind("cannot be reached"))))
    with duckdb.connect() as connection:
        with pytest.raises(kind), serving(connection, [one]), pytest.raises(duckdb.Error):
            count(connection, one)
        assert not connection.filesystem_is_registered("llmopt")


@pytest.mark.parametrize("threads", [1, 4])
def test_ctrl_c_while_duckdb_reads(threads: int) -> None:
    one = stored(Store(LINES, lambda: os.kill(os.getpid(), signal.SIGINT)))
    before = signal.getsignal(signal.SIGINT)
    with duckdb.connect(config={"threads": threads}) as connection:
        with pytest.raises(KeyboardInterrupt):  # noqa: SIM117
            with serving(connection, [one]), suppress(duckdb.Error, RuntimeError, KeyboardInterrupt):
                count(connection, one)
        with pytest.raises(KeyboardInterrupt):
            one.read(0, 9)
    assert signal.getsignal(signal.SIGINT) is before


def test_signals_are_left_alone_outside_of_the_main_thread() -> None:
    one = stored(Store(LINES))

    def work() -> tuple[int, int]:
        with duckdb.connect() as connection, serving(connection, [one]):
            return count(connection, one)

    with ThreadPoolExecutor(1) as executor:
        assert executor.submit(work).result()[0] == 60_000
    assert threading.current_thread() is threading.main_thread()
