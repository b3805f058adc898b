"""Edits of several passes add up to changes of the original."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.prompts.edits import Change, Edit, applied, composed, in_order


@st.composite
def edits_of(draw: st.DrawFn, text: str) -> list[Edit]:
    ends = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    pairs = [(ends[i], ends[i + 1]) for i in range(0, len(ends) - 1, 2)]
    return [Edit(start, end, draw(st.text("xyz", max_size=3)), draw(st.sampled_from("rst"))) for start, end in pairs]


@given(st.data(), st.text("ab \n", max_size=40), st.integers(1, 5))
def test_changes_of_the_original_give_the_text(data: st.DataObject, original: str, rounds: int) -> None:
    text, changes = original, list[Change]()
    for _ in range(rounds):
        edits = data.draw(edits_of(text))
        changes = composed(changes, edits, text)
        text = applied(text, edits)
        assert applied(original, changes) == text
        assert all(text[change.at : change.at + len(change.text)] == change.text for change in changes)
        assert all(one.end < other.start for one, other in pairwise(changes))


def test_an_edit_within_a_change_becomes_part_of_it() -> None:
    first = composed([], [Edit(4, 11, "utilise", "one")], "we  make use of it")
    second = composed(first, [Edit(4, 11, "use", "two")], applied("we  make use of it", first))
    assert second == [Change(4, 11, "use", 4, ("one", "two"))]


def test_an_edit_between_changes_stays_apart() -> None:
    text = "aa bb cc dd"
    changes = composed([], [Edit(0, 2, "", "x"), Edit(9, 11, "D", "x")], text)
    after = applied(text, changes)
    assert composed(changes, [Edit(4, 6, "c", "y")], after) == [
        Change(0, 2, "", 0, ("x",)),
        Change(6, 8, "c", 4, ("y",)),
        Change(9, 11, "D", 6, ("x",)),
    ]


@pytest.mark.parametrize(
    ("edits", "kept"),
    [
        ([Edit(5, 6, "", "b"), Edit(0, 2, "", "a")], "ab"),
        ([Edit(0, 5, "", "a"), Edit(3, 6, "", "b"), Edit(5, 7, "", "c")], "ac"),
        ([Edit(0, 2, "", "a"), Edit(0, 5, "", "b")], "b"),
    ],
)
def test_of_edits_that_overlap_the_first_stays(edits: list[Edit], kept: str) -> None:
    assert "".join(edit.rule for edit in in_order(edits)) == kept
