"""What is asked travels whole, and what is wrong with it is told before Spark is there."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from llmopt.errors import ConfigError, UsageError
from llmopt.savings.project.api import Reading
from llmopt.savings.project.plan import CacheLever, CompressionLever, Plan, PromptCacheLever, RoutingLever
from tests.savings.project.cases import write_policy
from tests.savings.project.made_prices import write_prices

pytest.importorskip("pyarrow", reason="the extra `spark` is not installed")

from llmopt.savings.project.spark.asked import asked_for


def test_files_travel_by_their_content(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    plan = Plan(routing=RoutingLever(write_policy(here)), cache=CacheLever(), prices=write_prices(here))
    asked = pickle.loads(pickle.dumps(asked_for(plan, Reading(mapping={"a": "model"}, dedupe="none"))))
    assert asked.wanted.table.resolve("acme-1") is not None
    assert asked.wanted.plan.dedupe == "none"
    for path in here.iterdir():
        path.unlink()
    policy = asked.widened(there / "policy").routing.policy
    assert policy.parent == there / "policy"
    assert "in a hurry" in policy.read_text("utf-8")


def test_what_is_shipped_need_not_travel(tmp_path: Path) -> None:
    asked = asked_for(Plan(routing=RoutingLever()), Reading())
    assert asked.files == {}
    wider = asked.widened(tmp_path)
    assert wider.routing is not None
    assert wider.routing.policy is None
    assert list(tmp_path.iterdir()) == []


def test_wrong_things_are_told_by_the_driver(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="prompt_cache"):
        asked_for(Plan(prompt_cache=PromptCacheLever()), Reading())
    with pytest.raises(ConfigError, match=r"rules\.toml"):
        asked_for(Plan(routing=RoutingLever(tmp_path / "rules.toml")), Reading())
    with pytest.raises(ConfigError, match=r"none\.json"):
        asked_for(Plan(), Reading(prices=[tmp_path / "none.json"]))
    with pytest.raises(UsageError, match="no such input format"):
        asked_for(Plan(), Reading(input_format="nonsense"))
    with pytest.raises(UsageError, match="extreme"):
        asked_for(Plan(compression=CompressionLever("extreme")), Reading())
