"""Reasons of rejects are counted by kind, and parts of a log add up."""

from __future__ import annotations

from llmopt.cost.rejected import Rejects


def test_reasons_that_differ_only_in_values_are_one() -> None:
    rejects = Rejects()
    for number in (1, 2, 30):
        rejects.add(f"prompt_tokens is '{number}x', {number} more than -{number}", "a.jsonl", number)
    rejects.add("not JSON", "a.jsonl", 9)
    assert [(entry.reason, entry.count, entry.first) for entry in rejects.listed()] == [
        ("prompt_tokens is '1x', 1 more than -1", 3, "a.jsonl:1"),
        ("not JSON", 1, "a.jsonl:9"),
    ]
    assert rejects.count == 4


def test_a_later_part_adds_up_and_its_lines_are_counted_on() -> None:
    one, other = Rejects(), Rejects()
    one.add("not JSON", "a.jsonl", 3)
    other.add("not JSON", "a.jsonl", 2)
    other.add("not JSON", "a.jsonl", 4)
    other.add("truncated JSON", "a.jsonl", 2)
    other.add("truncated JSON", "b.jsonl", 1)
    one.merge(other, {"a.jsonl": 10})
    assert [(entry.reason, entry.count, entry.first) for entry in one.listed()] == [
        ("not JSON", 3, "a.jsonl:3"),
        ("truncated JSON", 2, "a.jsonl:12"),
    ]
    assert other.count == 4
