"""Regrouping: what one reading says by many groups is what another says by few."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.counted import Counted
from llmopt.core.money import EXACT
from llmopt.cost.api import price_logs
from llmopt.cost.regroup import added, in_order, regrouped
from llmopt.cost.result import CostReport, Group, Totals
from tests.conftest import ROOT
from tests.cost.reports import empty

DOLLARS = st.decimals(0, 10**9, places=12, allow_nan=False)
TOTALS = st.builds(
    Totals,
    requests=st.integers(0, 10**6),
    input_tokens=st.integers(0, 10**9),
    cost_usd=DOLLARS,
    reported_usd=st.none() | DOLLARS,
    counted=st.builds(Counted, requests=st.integers(0, 9)),
)
GROUPS = st.dictionaries(st.tuples(*[st.sampled_from(["a", "b", None])] * 3), TOTALS, max_size=8)
BY = ("model", "day", "team")


def report_of(groups: dict[tuple[str | None, ...], Totals]) -> CostReport:
    found = tuple(Group(dict(zip(BY, key, strict=True)), totals) for key, totals in groups.items())
    return replace(empty(), by=BY, groups=tuple(in_order(found)))


@given(GROUPS, st.permutations(BY), st.integers(0, 3))
def test_nothing_is_lost(groups: dict[tuple[str | None, ...], Totals], names: list[str], kept: int) -> None:
    report = report_of(groups)
    fewer = regrouped(report, names[:kept])
    assert fewer.by == tuple(names[:kept])
    assert added(group.totals for group in fewer.groups) == added(groups.values())
    assert len({tuple(group.key.values()) for group in fewer.groups}) == len(fewer.groups)
    costs = [group.totals.cost_usd for group in fewer.groups]
    assert costs == sorted(costs, reverse=True)


@given(GROUPS)
def test_in_two_steps_as_in_one(groups: dict[tuple[str | None, ...], Totals]) -> None:
    report = report_of(groups)
    assert regrouped(regrouped(report, ("team", "day")), ("day",)) == regrouped(report, ("day",))


def test_long_decimals_are_added_exactly() -> None:
    parts = [Totals(cost_usd=Decimal(text)) for text in ("0.000000000000000000000000000000000001", "123456789012")]
    assert added(parts).cost_usd == EXACT.add(parts[0].cost_usd, parts[1].cost_usd)
    assert str(added(parts).cost_usd).endswith("01")


@pytest.mark.parametrize("by", [("model",), ("day",), ("provider", "model"), ("tier", "team"), ()])
def test_a_log_by_more_and_then_fewer_groups_is_the_log_by_fewer(by: tuple[str, ...]) -> None:
    logs = [ROOT / "samples" / name for name in ("openai-chat.jsonl", "anthropic-messages.jsonl", "logged-text.jsonl")]
    more = price_logs(logs, by=(*by, *(name for name in ("day", "provider", "model", "tier") if name not in by)))
    assert regrouped(more, by) == price_logs(logs, by=by)


def test_a_group_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="grouped by model, not by team"):
        regrouped(empty(), ("team",))
