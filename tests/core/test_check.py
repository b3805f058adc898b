"""Checks: what holds, what does not, and whose sentences are whose."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.check import Check, failures, with_others

LINES = st.lists(st.text(min_size=1, max_size=3), max_size=4).map(tuple)
CHECKS = st.lists(st.builds(Check, st.sampled_from("abc"), failures=LINES), max_size=4)


def test_a_check_without_failures_holds() -> None:
    assert Check("--max-cost").ok
    assert not Check("--max-cost", failures=("too much",)).ok


def test_the_label_says_what_it_was_held_against() -> None:
    assert Check("--max-waste", of="a.md").label == "--max-waste: a.md"
    assert Check("--max-cost").label == "--max-cost"


@given(CHECKS)
def test_no_failures_and_all_hold_are_the_same(checks: list[Check]) -> None:
    assert (failures(checks) == ()) == all(check.ok for check in checks)


@given(CHECKS, LINES)
def test_what_a_result_says_is_what_does_not_hold(checks: list[Check], said: tuple[str, ...]) -> None:
    found = with_others(checks, said, "others")
    assert set(failures(found)) == set(said)
    assert [check.name for check in found[: len(checks)]] == [check.name for check in checks]
