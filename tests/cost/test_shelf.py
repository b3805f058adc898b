"""Texts that wait, in memory and on the disk."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmopt.cost.shelf import Shelf, Ticket


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
        assert filed == (0, 4)
        shelf.drop(held)
        shelf.drop(filed)
        shelf.drop(None)
        assert isinstance(shelf.put(b"0123456789"), bytes)
        assert shelf.put(b"x") == (4, 1)
        assert shelf.take((0, 4)) == b"abcd"


def test_a_shelf_without_a_file_has_nothing_in_it() -> None:
    with Shelf() as shelf:
        assert shelf.take((0, 4)) == b""
