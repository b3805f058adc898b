"""First bytes are fetched ahead, side by side, once each as long as there is room."""

from __future__ import annotations

import threading

import pytest

from llmopt.cost.stores import heads as module
from llmopt.cost.stores.heads import HEAD_BYTES, Heads
from llmopt.cost.stores.stored import StoreError


class Waiting:
    """A store that answers when so many requests are under way together."""

    def __init__(self, together: int = 1) -> None:
        self.barrier = threading.Barrier(together, timeout=5)
        self.asked: list[str] = []

    def read(self, key: str, start: int, end: int) -> bytes:
        self.asked.append(key)
        self.barrier.wait()
        if key == "gone":
            raise StoreError("no such object", 404)
        return key.encode().ljust(end - start, b".")


def test_they_are_fetched_side_by_side() -> None:
    store, heads = Waiting(together=8), Heads()
    places = [heads.add(store, str(number), 10) for number in range(8)]
    assert [heads.head(place) for place in places] == [str(number).encode().ljust(10, b".") for number in range(8)]
    assert sorted(store.asked) == [str(number) for number in range(8)]


def test_one_that_is_gone_is_an_error_of_its_own() -> None:
    store, heads = Waiting(), Heads()
    places = [heads.add(store, key, 10) for key in ("a", "gone", "b")]
    assert heads.head(places[0]).startswith(b"a")
    for _ in range(2):
        with pytest.raises(StoreError, match="no such object") as caught:
            heads.head(places[1])
        assert caught.value.status == 404
    assert heads.head(places[2]).startswith(b"b")
    assert heads.known(places[1]) == b""
    assert len(store.asked) == 3


def test_nothing_is_fetched_of_an_empty_object_or_one_whose_head_is_known() -> None:
    store, heads = Waiting(), Heads()
    empty, known = heads.add(store, "a", 0), heads.add(store, "b", 9, b"123456789")
    assert (heads.head(empty), heads.head(known)) == (b"", b"123456789")
    assert not store.asked


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEPT_BYTES", 3 * HEAD_BYTES)
    monkeypatch.setattr(module, "_AHEAD", 2)
    store, heads = Waiting(), Heads()
    places = [heads.add(store, str(number), 2 * HEAD_BYTES) for number in range(9)]
    for _ in range(2):
        for place in places:
            assert heads.head(place).startswith(str(place).encode())
    assert store.asked.count("0") == 1
    assert store.asked.count("8") == 2
    assert sum(len(heads.known(place)) for place in places) <= 5 * HEAD_BYTES
