"""Files stand in the order of the listing, and what is gone stays where it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmopt.cost.state.changes import Fate, Known
from llmopt.cost.state.marks import Mark, Stat
from llmopt.cost.state.order import ordered


def known(number: int, place: float, fate: Fate = "counted") -> Known:
    return Known(number, f"/{number}", str(number), place, Stat(1), Mark(1), "auto", fate=fate)


def numbers(files: list[Known]) -> list[int]:
    return [file.id for file in files]


def test_new_files_stand_where_they_are_listed() -> None:
    files = [known(1, 0.0), known(2, 1.0), known(3, 0.0, "added"), known(4, 0.0, "added")]
    found = ordered(files, {3: 0, 1: 1, 4: 2, 2: 3})
    assert numbers(found) == [3, 1, 4, 2]


def test_old_files_keep_their_places_so_that_they_need_not_be_written() -> None:
    files = [known(1, 0.0), known(2, 1.0), known(3, 0.0, "added")]
    found = ordered(files, {1: 0, 3: 1, 2: 2})
    assert [(file.id, file.place) for file in found] == [(1, 0.0), (3, 0.5), (2, 1.0)]


def test_what_is_gone_stays_behind_the_same_file() -> None:
    files = [known(1, 0.0), known(2, 1.0), known(3, 2.0)]
    assert numbers(ordered(files, {3: 0, 1: 1})) == [3, 1, 2]
    assert numbers(ordered(files, {2: 0, 3: 1})) == [1, 2, 3]


@given(st.data())
def test_the_order_is_that_of_the_listing_and_lasts(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 8))
    files = [known(n, float(n), data.draw(st.sampled_from(["counted", "added"]))) for n in range(count)]
    there = data.draw(st.permutations(range(count)))[: data.draw(st.integers(0, count))]
    there += [file.id for file in files if file.fate == "added" and file.id not in there]
    found = ordered(files, {number: place for place, number in enumerate(there)})
    assert [number for number in numbers(found) if number in there] == there
    assert sorted(numbers(found)) == list(range(count))
    assert numbers(sorted(found, key=lambda file: file.place)) == numbers(found)


def test_places_that_come_too_close_are_dealt_out_anew() -> None:
    files = [known(1, 0.0), known(2, 5e-324), known(3, 0.0, "added")]
    found = ordered(files, {1: 0, 3: 1, 2: 2})
    assert [(file.id, file.place) for file in found] == [(1, 0.0), (3, 1.0), (2, 2.0)]
