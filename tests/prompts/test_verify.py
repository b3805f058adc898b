"""What is checked before an edit may stay."""

from __future__ import annotations

import pytest

from llmopt.prompts.edits import Edit, applied
from llmopt.prompts.passes.registry import Keeps
from llmopt.prompts.segments.parse import parse
from llmopt.prompts.verify import admissible, holds


def verdict(text: str, old: str, new: str, keeps: Keeps = "every") -> tuple[bool, bool]:
    before = parse(text)
    edit = Edit(text.index(old), text.index(old) + len(old), new, "test")
    return admissible(before, edit, keeps), holds(before, parse(applied(text, [edit])), [edit], keeps)


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("We use it in order to win.", "in order to", "to"),
        ("There are 5 or 6 reasons.", "There are 5 or 6", "5 or 6"),
        ("It is not the case here.", "It is not the case", "Not so"),
    ],
)
def test_a_rewrite_that_keeps_the_facts_may_stay(text: str, old: str, new: str) -> None:
    assert verdict(text, old, new) == (True, True)


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("There are 5 or 6 reasons.", "5 or 6", "6 or 5"),
        ("There are 15 reasons.", "5", ""),
        ("It isn't so.", "n't", ""),
        ("You cannot go.", "not", ""),
        ("Take only one.", "only ", ""),
        ("Đừng trả lời ngay.", "Đừng ", ""),
    ],
)
def test_a_rewrite_that_loses_a_fact_may_not(text: str, old: str, new: str) -> None:
    assert verdict(text, old, new)[0] is False


def test_a_rewrite_may_not_touch_a_literal_nor_json_but_a_copy_may_go() -> None:
    assert verdict('Say "a  b" now.', "a  b", "a b")[0] is False
    assert verdict('Data: {"a":  1} here', "  1", "1")[0] is False
    assert verdict('Data: {"a":  1} here', "  1", "1", "values")[0] is True
    assert verdict('Say "a b" now.\nSay "a b" now.\n', 'Say "a b" now.\n', "", "distinct") == (True, True)


def test_a_copy_may_not_take_the_last_of_a_literal_or_number() -> None:
    assert verdict('Say "a b" now.\nSay "a c" now.\n', 'Say "a b" now.\n', "", "distinct")[1] is False
    assert verdict("Take 4 of these.\nTake 44 of these.\n", "Take 4 of these.\n", "", "distinct")[1] is False


def test_an_edit_that_changes_nothing_is_none() -> None:
    assert verdict("one two", "one", "one")[0] is False


def test_what_is_guarded_keeps_its_order_and_number() -> None:
    before = parse("{a} x {b}")
    for after, verdict in (("{a} {b} {c}", True), ("{b} {a}", False), ("{a}", False)):
        assert holds(before, parse(after), [Edit(0, 7, after, "test")], "distinct") is verdict
