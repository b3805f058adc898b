"""An object reads like a file, in few requests; nothing more is asked for once a run is to end."""

from __future__ import annotations

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.cost.stores.heads import HEAD_BYTES, Heads
from llmopt.cost.stores.stored import BLOCK_BYTES, FIRST_BLOCK_BYTES, Halt, Ranges, Stored
from llmopt.errors import InputError

DATA = bytes(range(256)) * 4096  # 1 MiB


class Memory:
    """A store of one object."""

    def __init__(self, data: bytes = DATA, failure: BaseException | None = None) -> None:
        self.data, self.failure = data, failure
        self.asked: list[tuple[int, int]] = []

    def read(self, key: str, start: int, end: int) -> bytes:
        self.asked.append((start, end))
        if self.failure is not None:
            raise self.failure
        return self.data[start:end]


def stored(store: Memory, halt: Halt | None = None) -> Stored:
    heads = Heads()
    place = heads.add(store, "k", len(store.data))
    size = len(store.data)
    return Stored("llmopt://0/k", "s3://k", "k", size, "", None, store, heads, place, halt or Halt())


def test_a_file_is_read_in_growing_blocks() -> None:
    store = Memory(DATA * 20)
    assert Ranges(stored(store)).readall() == store.data
    sizes = [end - start for start, end in store.asked]
    assert sizes[:3] == [HEAD_BYTES, FIRST_BLOCK_BYTES, 2 * FIRST_BLOCK_BYTES]
    assert max(sizes) == BLOCK_BYTES
    assert sum(sizes) == len(store.data)


@given(st.lists(st.integers(1, 300_000), max_size=12))
def test_any_reads_give_the_bytes_of_the_file(sizes: list[int]) -> None:
    file, other = io.BufferedReader(Ranges(stored(Memory()))), io.BytesIO(DATA)
    assert [file.read(size) for size in sizes] == [other.read(size) for size in sizes]


def test_an_archive_that_fits_the_head_is_one_request() -> None:
    store = Memory(gzip.compress(DATA))
    with gzip.open(Ranges(stored(store))) as file:
        assert file.read() == DATA
    assert store.asked == [(0, len(store.data))]


def test_bytes_of_a_head_that_is_there_are_not_fetched_again() -> None:
    store = Memory()
    one = stored(store)
    one.head()
    assert one.read(5, HEAD_BYTES) == DATA[5:HEAD_BYTES]
    assert one.read(len(DATA) - 1, len(DATA) + 9) == DATA[-1:]
    assert one.read(len(DATA), len(DATA) + 9) == b""
    assert store.asked == [(0, HEAD_BYTES), (len(DATA) - 1, len(DATA))]


@pytest.mark.parametrize("kind", [InputError, KeyboardInterrupt])
def test_what_ends_a_run_ends_all_reads_of_it(kind: type[BaseException]) -> None:
    halt, first, second = Halt(), Memory(failure=kind("cannot be reached")), Memory()
    with pytest.raises(kind):
        stored(first, halt).read(0, 9)
    with pytest.raises(kind):
        stored(second, halt).read(0, 9)
    assert not second.asked
