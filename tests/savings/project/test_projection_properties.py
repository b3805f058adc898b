"""What must hold of every projection, whatever the log and the plan."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmopt.savings.project.api import project, project_all
from llmopt.savings.project.plan import BatchLever, OwnCost, Plan
from llmopt.savings.project.result import Projection
from tests.savings.project.cases import made_plan, paired, write_policy
from tests.savings.project.made import Shape
from tests.savings.project.made_prices import write_prices

FREE = OwnCost()


@pytest.fixture(params=(3, 8))
def made(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Plan, tuple[Path, ...]]:
    """A log, a plan of five levers that cost nothing by themselves, and prices."""
    rng = random.Random(request.param)
    plan = replace(made_plan(rng, write_policy(tmp_path)), self_host=None, batch=None)
    free: dict[str, Any] = {lever: replace(getattr(plan, lever), own=FREE) for lever in plan.on}
    path, _ = paired(request.param, Shape(calls=60), tmp_path)
    return path, replace(plan, **free), write_prices(tmp_path)


def worth(found: Projection) -> dict[str, tuple[Decimal, ...]]:
    return {lever.name: (lever.saved_usd, lever.alone_usd, lever.last_in_usd) for lever in found.replay.levers}


def test_shares_add_up_to_the_saving_to_the_last_digit(made: tuple[Path, Plan, tuple[Path, ...]]) -> None:
    path, plan, prices = made
    found = project(path, plan, prices=prices).replay
    assert len(found.levers) == 5
    assert sum(lever.saved_usd for lever in found.levers) == found.baseline_usd - found.optimized_usd


def test_a_lever_that_no_call_meets_changes_nothing(made: tuple[Path, Plan, tuple[Path, ...]]) -> None:
    path, plan, prices = made
    idle = replace(plan, batch=BatchLever(tags=(("tag", "nobody"),)))
    one, other = project_all(path, [plan, idle], prices=prices)
    assert worth(other)["batch"] == (Decimal(0),) * 3
    for name, figures in worth(one).items():
        assert worth(other)[name] == pytest.approx(figures, abs=Decimal("1e-11"))
    assert other.replay.optimized_usd == one.replay.optimized_usd
    assert [lever.notes for lever in other.replay.levers if lever.name == "batch"] == [("no call has tag=nobody",)]


def test_plans_beside_each_other_are_what_each_is_alone(made: tuple[Path, Plan, tuple[Path, ...]]) -> None:
    path, plan, prices = made
    plans = [plan, replace(plan, cache=None, name="no cache"), Plan(name="nothing")]
    assert project_all(path, plans, prices=prices) == tuple(project(path, each, prices=prices) for each in plans)


def test_dollars_follow_prices(made: tuple[Path, Plan, tuple[Path, ...]]) -> None:
    path, plan, prices = made
    before = project(path, plan, prices=prices)
    for file in prices:
        file.write_text(json.dumps(_dearer(json.loads(file.read_text("utf-8")), 4)), encoding="utf-8")
    after = project(path, plan, prices=prices)
    assert after.replay.baseline_usd == 4 * before.replay.baseline_usd
    assert after.replay.optimized_usd == 4 * before.replay.optimized_usd
    for name, figures in worth(before).items():
        scaled = [4 * usd for usd in figures]
        assert worth(after)[name] == pytest.approx(scaled, abs=Decimal("1e-11"))


def _dearer(shape: Any, times: int) -> Any:
    """Multiply all rates and fees of a price file."""
    if isinstance(shape, list):
        return [_dearer(item, times) for item in shape]
    if not isinstance(shape, dict):
        return shape
    found = {name: _dearer(value, times) for name, value in shape.items()}
    if "usd_per_mtok" in found:
        found["usd_per_mtok"] = {name: str(times * Decimal(rate)) for name, rate in found["usd_per_mtok"].items()}
    if "usd_per_request" in found:
        found["usd_per_request"] = str(times * Decimal(found["usd_per_request"]))
    return found
