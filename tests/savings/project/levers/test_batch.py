"""Which calls can wait."""

from __future__ import annotations

import pytest

from llmopt.cost.call_columns import NO_TIME
from llmopt.savings.project.levers.batch import chosen, columns_of, in_hours, tagged, values_of
from llmopt.savings.project.plan import BatchLever

HOUR_US = 3_600_000_000


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ((22, 6), [22, 23, 0, 1, 2, 3, 4, 5]),
        ((9, 12), [9, 10, 11]),
        ((0, 24), list(range(24))),
        ((22, 24), [22, 23]),
        (None, []),
    ],
)
def test_hours_are_of_the_utc_day(hours: tuple[int, int] | None, expected: list[int]) -> None:
    midnight = 20_000 * 24 * HOUR_US
    found = [hour for hour in range(24) if in_hours(midnight + hour * HOUR_US, hours)]
    assert sorted(found) == sorted(expected)
    last = [hour for hour in range(24) if in_hours(midnight + (hour + 1) * HOUR_US - 1, hours)]
    assert last == found


def test_hours_before_1970_count_too() -> None:
    assert in_hours(-1, (23, 24))
    assert not in_hours(-1, (0, 1))


def test_without_a_time_only_a_tag_tells() -> None:
    lever = BatchLever(tags=(("feature", "nightly"),), hours=(0, 24))
    assert not chosen(lever, {}, NO_TIME)
    assert chosen(lever, {"feature": "nightly"}, NO_TIME)
    assert chosen(lever, {"feature": "chat"}, 0)


def test_a_tag_is_a_group_or_a_column_with_a_value() -> None:
    tags = (("team", "search"), ("tag", "offline"))
    assert tagged({"team": "search"}, tags)
    assert not tagged({"team": "Search"}, tags)
    assert not tagged({"feature": "search"}, tags)
    assert not tagged({"team": "search"}, ())


@pytest.mark.parametrize("column", ["tag", "tags", "request_tags", "metadata.tags"])
def test_tags_may_be_lists(column: str) -> None:
    assert tagged({column: '["eu","offline"]'}, [("tag", "offline")])
    assert tagged({column: "offline"}, [("tags", "offline")])
    assert not tagged({column: '["offline-2"]'}, [("tag", "offline")])


def test_lists_of_other_values_are_texts() -> None:
    assert values_of({"tags": "[1,true,null]"}, "tags") == ("1", "true", "")
    assert values_of({"job": "[broken"}, "job") == ("[broken",)


def test_the_columns_to_read() -> None:
    assert columns_of([("team", "a"), ("job", "b"), ("job", "c")]) == ("job",)
    assert {"tag", "tags", "metadata.tags"} <= set(columns_of([("tag", "x")]))
