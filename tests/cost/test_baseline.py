"""Comparing with an earlier report: effects add up exactly, and a file that is none is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.money import EXACT, exact_text
from llmopt.cost.baseline import Baseline, Change, compare, read_baseline
from llmopt.cost.result import CostReport
from llmopt.errors import InputError, UsageError
from llmopt.report.as_json import render
from llmopt.report.cost_view import payload
from tests.cost.reports import empty, group, report_of, troubled


def baseline(**groups: tuple[str, int]) -> Baseline:
    return Baseline(("model",), {(name,): (Decimal(usd), tokens) for name, (usd, tokens) in groups.items()}, 30.0)


def effects(change: Change) -> tuple[str, str, str]:
    amounts = (change.difference_usd, change.token_effect_usd, change.price_effect_usd)
    difference, tokens, price = (exact_text(amount) for amount in amounts)
    return difference, tokens, price


def test_twice_the_tokens_at_the_same_price_is_all_tokens() -> None:
    change = compare(report_of(group("m", "20", 2000)), baseline(m=("10", 1000))).total
    assert effects(change) == ("10", "10", "0")


def test_the_same_tokens_at_twice_the_price_is_all_price() -> None:
    change = compare(report_of(group("m", "20", 1000)), baseline(m=("10", 1000))).total
    assert effects(change) == ("10", "0", "10")


def test_more_tokens_that_got_cheaper_pull_both_ways() -> None:
    # $10 for 1,000 tokens before; 1,500 now for $12: tokens 10 x 500 / 1000 = +5, price 2 - 5 = -3
    change = compare(report_of(group("m", "12", 1500)), baseline(m=("10", 1000))).changes[0]
    assert effects(change) == ("2", "5", "-3")


def test_new_gone_and_empty_groups_are_all_tokens_and_the_largest_change_is_first() -> None:
    comparison = compare(
        report_of(group("new", "3"), group("fees", "2", 1000)), baseline(gone=("7", 500), fees=("1", 0))
    )
    assert [(change.key["model"], *effects(change)) for change in comparison.changes] == [
        ("gone", "-7", "-7", "0"),
        ("new", "3", "3", "0"),
        ("fees", "1", "1", "0"),
    ]
    assert comparison.total.difference_usd == 3 + 2 - 7 - 1


AMOUNTS = st.decimals(min_value=0, max_value=10**9, places=9)
GROUPS = st.dictionaries(st.sampled_from("abcdef"), st.tuples(AMOUNTS, st.integers(0, 10**12)), max_size=6)


@given(GROUPS, GROUPS)
def test_the_effects_always_add_up_to_the_difference(
    before: dict[str, tuple[Decimal, int]], now: dict[str, tuple[Decimal, int]]
) -> None:
    report = report_of(*(group(name, str(usd), tokens) for name, (usd, tokens) in now.items()))
    comparison = compare(report, Baseline(("model",), {(name,): amount for name, amount in before.items()}, None))
    for change in (*comparison.changes, comparison.total):
        assert EXACT.add(change.token_effect_usd, change.price_effect_usd) == change.difference_usd
        assert change.now_usd - change.before_usd == change.difference_usd
    assert comparison.total.now_usd == report.total.cost_usd


@pytest.mark.parametrize("report", [troubled(), empty(), report_of(group("m", "0.1"), group(None, "2"))])
def test_a_report_against_itself_shows_no_difference(report: CostReport, tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text(render(payload(report)), encoding="utf-8")
    comparison = compare(report, read_baseline(path))
    assert comparison.total.difference_usd == 0
    assert comparison.before_days == comparison.now_days
    assert all(change.token_effect_usd == change.price_effect_usd == 0 for change in comparison.changes)


def test_another_grouping_is_refused_and_says_which_to_use() -> None:
    with pytest.raises(UsageError, match="grouped by day, this log by model") as caught:
        compare(report_of(), Baseline(("day",), {}, None))
    assert caught.value.hint == "use --by day"


@pytest.mark.parametrize(
    "change",
    [
        {"groups": [{"key": {}, "cost_usd": "1", "input_tokens": 1, "output_tokens": 1}]},
        {"groups": [{"key": {"model": "m"}, "cost_usd": "much", "input_tokens": 1, "output_tokens": 1}]},
        {"groups": [{"key": {"model": "m"}, "cost_usd": "NaN", "input_tokens": 1, "output_tokens": 1}]},
        {"groups": [{"key": {"model": "m"}, "cost_usd": 1.5, "input_tokens": 1, "output_tokens": 1}]},
        {"groups": None},
        {"by": "model"},
        {"schema": "llmopt.cost/2"},
    ],
)
def test_a_file_of_another_shape_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text(json.dumps({**payload(empty()), **change}))
    with pytest.raises(InputError, match=r"old\.json: (not a cost report|schema is)"):
        read_baseline(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"{}"])
def test_a_file_that_is_no_report_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a cost report"):
        read_baseline(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_baseline(tmp_path / "none.json")
