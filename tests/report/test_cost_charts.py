"""Spend over time: every dollar in a bar, and never more bars than can be told apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.cost.result import DaySpend
from llmopt.report.cost_charts import MODELS, MOST_BARS, MOST_PERIODS, charts, period_of, spend
from llmopt.report.cost_view import view
from llmopt.report.table import Bars, Meters
from tests.cost.reports import empty, group, report_of

FIRST = date(2026, 1, 1)
SPENT = st.builds(
    DaySpend,
    st.dates(),
    st.sampled_from([f"model-{number}" for number in range(MODELS + 4)]),
    st.decimals(min_value="0.000001", max_value="1000", places=6),
)


def days_of(count: int, models: int = 1) -> list[DaySpend]:
    return [
        DaySpend(FIRST + timedelta(days=day), f"model-{model:02}", Decimal(models - model))
        for day in range(count)
        for model in range(models)
    ]


@given(st.lists(SPENT, min_size=1, max_size=40))
def test_no_dollar_is_lost_and_bars_stay_few(days: list[DaySpend]) -> None:
    bars = spend(days)
    assert len(bars.labels) <= MOST_PERIODS
    assert len(bars.layers) <= MODELS + 1
    assert len(set(bars.labels)) == len(bars.labels)
    assert list(bars.labels) == sorted(bars.labels)
    assert all(len(layer.values) == len(bars.labels) for layer in bars.layers)
    if not bars.notes:
        assert sum(sum(layer.values) for layer in bars.layers) == sum(one.cost_usd for one in days)


@pytest.mark.parametrize(
    ("days", "period", "first", "last"),
    [
        (2, "day", "2026-01-01", "2026-01-02"),
        (MOST_BARS, "day", "2026-01-01", "2026-03-03"),
        (MOST_BARS + 1, "week", "2025-12-29", "2026-03-02"),
        (1000, "month", "2026-01", "2028-09"),
        (5000, "year", "2026", "2039"),
    ],
)
def test_a_longer_log_has_longer_periods(days: int, period: str, first: str, last: str) -> None:
    bars = spend(days_of(days))
    assert (bars.period, bars.labels[0], bars.labels[-1]) == (period, first, last)
    assert bars.title == f"Spend by {period} and model"
    assert len(bars.labels) <= MOST_BARS
    assert sum(bars.layers[0].values) == days


def test_days_in_which_nothing_was_spent_are_there() -> None:
    bars = spend([DaySpend(FIRST, "a", Decimal(1)), DaySpend(FIRST + timedelta(days=3), "a", Decimal(2))])
    assert bars.labels == ("2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04")
    assert bars.layers[0].values == tuple(map(Decimal, (1, 0, 0, 2)))


def test_the_dearest_models_have_colours_and_the_others_share_one() -> None:
    layers = spend(days_of(2, MODELS + 3)).layers
    assert [layer.label for layer in layers] == [*(f"model-{number:02}" for number in range(MODELS)), "3 others"]
    assert [layer.rest for layer in layers] == [False] * MODELS + [True]
    assert layers[-1].values == (Decimal(6), Decimal(6))


def test_stray_times_do_not_make_a_thousand_bars() -> None:
    days = [DaySpend(date(year, 1, 1), "a", Decimal(1)) for year in range(1000, 9999, 3)]
    bars = spend(days)
    assert len(bars.labels) == MOST_PERIODS
    assert bars.labels[-1] == "9997"
    assert bars.notes[0].text == f"{len(days) - MOST_PERIODS:,} earlier years are not drawn."


@given(st.dates(), st.dates())
def test_periods_grow_with_the_span(one: date, other: date) -> None:
    order = ["day", "week", "month", "year"]
    first, last = sorted((one, other))
    found = order.index(period_of(first, last))
    assert found >= order.index(period_of(first, first + (last - first) / 2))


def test_a_log_of_a_day_shows_its_groups() -> None:
    report = report_of(group("gpt-4o", "21.5", 9000), group("gpt-4o-mini", "1.25", 700), group(None, "0.04", 30))
    (chart,) = charts(report)
    assert isinstance(chart, Meters)
    assert [(one.label, one.value) for one in chart.meters][:2] == [
        ("gpt-4o", Decimal("21.5")),
        ("gpt-4o-mini", Decimal("1.25")),
    ]
    assert chart.meters[-1].label == "(no model)"
    assert charts(empty()) == ()


def test_the_view_has_the_chart() -> None:
    report = replace(report_of(group("gpt-4o", "3", 9)), days=tuple(days_of(3)))
    (chart,) = view(report).charts
    assert isinstance(chart, Bars)
