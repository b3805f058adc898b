"""Spend by day beside a report that stays as it is."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.ledger import Entry, Key, Ledger
from llmopt.core.usage import Usage
from llmopt.cost.api import price_logs
from llmopt.cost.days import with_day, without_day
from llmopt.cost.result import CostReport
from llmopt.cost.state.run import price_with_state
from tests.conftest import ROOT

BY = [("model",), ("day", "model"), ("user", "month"), ("provider",), ()]
NAMES = st.sampled_from([None, "a", "b"])
DAYS = st.sampled_from([None, "2026-01-01", "2026-01-02"])
ENTRIES = st.builds(Entry, records=st.integers(1, 9), usage=st.builds(Usage, output_text=st.integers(0, 9)))


def line(day: str, model: str, tokens: int, user: str = "ana") -> str:
    usage = {"prompt_tokens": tokens, "completion_tokens": 10, "total_tokens": tokens + 10}
    stamp = {"2026-10-01": 1790812800, "2026-10-02": 1790899200}[day]
    return json.dumps({"object": "chat.completion", "created": stamp, "model": model, "user": user, "usage": usage})


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    lines = [line("2026-10-01", "gpt-4o", 2000), line("2026-10-01", "gpt-4o", 100, "bo")]
    lines += [line("2026-10-02", "gpt-4o-mini", 4000), line("2026-10-02", "no-such-model", 5)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def without_days(report: CostReport) -> CostReport:
    return replace(report, days=())


@pytest.mark.parametrize("by", BY[:3])
def test_nothing_else_of_the_report_changes(by: tuple[str, ...], log: Path) -> None:
    paths: list[Any] = [log, *sorted(ROOT.glob("samples/*.jsonl"))]
    daily = price_logs(paths, by=by, daily=True)
    assert without_days(daily) == price_logs(paths, by=by)
    assert len(daily.days) > 10
    assert list(daily.days) == sorted(daily.days, key=lambda one: (one.day, one.model))


@pytest.mark.parametrize("by", BY)
def test_days_add_up_to_the_total(by: tuple[str, ...], log: Path) -> None:
    report = price_logs([log], by=by, daily=True)
    found = [(one.day.isoformat(), one.model, one.cost_usd) for one in report.days]
    assert found == [
        ("2026-10-01", "gpt-4o", Decimal("0.00545")),
        ("2026-10-02", "gpt-4o-mini", Decimal("0.000606")),
    ]
    assert sum(one.cost_usd for one in report.days) == report.total.cost_usd


def test_records_without_a_time_are_in_no_day(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    untimed = json.loads(line("2026-10-01", "gpt-4o", 2000))
    del untimed["created"]
    path.write_text(f"{json.dumps(untimed)}\n{line('2026-10-02', 'gpt-4o', 2000)}\n", encoding="utf-8")
    report = price_logs([path], daily=True)
    assert len(report.days) == 1
    assert 2 * report.days[0].cost_usd == report.total.cost_usd


@pytest.mark.parametrize("by", BY[1:4])
def test_a_state_tells_the_same_days(by: tuple[str, ...], log: Path, tmp_path: Path) -> None:
    plain = price_logs([log], by=by, daily=True)
    for _ in range(2):
        kept = price_with_state([log], tmp_path / "state", by=by, daily=True)
        assert (kept.days, kept.groups, kept.hints) == (plain.days, plain.groups, plain.hints)
    assert without_days(kept) == price_with_state([log], tmp_path / "state", by=by)


@given(st.lists(st.tuples(NAMES, NAMES, DAYS, ENTRIES), max_size=12))
def test_a_ledger_without_its_day_is_the_ledger_kept_without_it(
    records: list[tuple[str | None, str | None, str | None, Entry]],
) -> None:
    daily, plain = Ledger(), Ledger()
    for model, user, day, entry in records:
        daily.add(Key("f", 1, model, groups=(user, day)), entry)
        plain.add(Key("f", 1, model, groups=(user,)), entry)
    assert without_day(daily) == plain


def test_a_day_that_is_there_is_not_asked_for_twice() -> None:
    assert with_day(("user",)) == ("user", "day")
    assert with_day(("day", "model")) == ("day", "model")
