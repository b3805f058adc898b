"""Texts that wait, in memory and on the disk."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.cost.shelf import Shelf, Ticket
from llmopt.errors import ConfigError


@given(st.lists(st.binary(max_size=40), max_size=30), st.integers(0, 200), st.randoms(use_true_random=False))
def test_what_is_put_comes_back_in_any_order(texts: list[bytes], most: int, random: object) -> None:
    with Shelf(most) as shelf:
        tickets: list[tuple[Ticket, bytes]] = [(shelf.put(text), text) for text in texts]
        random.shuffle(tickets)  # type: ignore[attr-defined]
        assert all(shelf.take(ticket) == text for ticket, text in tickets)


def test_no_more_than_asked_for_stays_in_memory() -> None:
    with Shelf(10) as shelf:
        held, filed = shelf.put(b"12345678"), shelf.put(b"abcd")
        assert isinstance(held, bytes)
        shelf.drop(held)
        shelf.drop(filed)
        shelf.drop(None)
        assert isinstance(shelf.put(b"0123456789"), bytes)
        other = shelf.put(b"x")
        assert not isinstance(filed, bytes)
        assert shelf.take(filed) == b"abcd"
        last = shelf.put(b"yz")
        assert (shelf.take(other), shelf.take(last)) == (b"x", b"yz")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_full_disk_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w+b") as full, Shelf(0) as shelf:
        monkeypatch.setattr("llmopt.cost.shelf.tempfile.TemporaryFile", lambda **_: full)
        ticket = shelf.put(b"abcd")
        with pytest.raises(ConfigError, match=r"cannot be kept in .*: No space left"):
            shelf.take(ticket)
        with pytest.raises(ConfigError, match=r"cannot be kept in .*: No space left"):
            shelf.put(b"x" * 2**20)
        with suppress(OSError):
            full.close()


def test_a_shelf_without_a_file_has_nothing_in_it() -> None:
    with Shelf() as shelf:
        assert shelf.take(4) == b""
