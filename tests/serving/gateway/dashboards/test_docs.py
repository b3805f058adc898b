"""The page on monitoring names every metric, rule and alert that there is, and none that there is not."""

from __future__ import annotations

import re

from llmopt.serving.gateway.dashboards.alerts import ALERTS
from llmopt.serving.gateway.dashboards.rules import rules
from llmopt.serving.gateway.metrics.families import FAMILIES
from llmopt.serving.gateway.metrics.tutorial import TUTORIAL_FAMILIES
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
BESIDES = {"llmopt_budget_spent_usd", "llmopt_budget_usd", "llmopt_build_info", "llmopt_workers", "llmopt_source"}
"""Told at the scrape, or a label."""


def test_metrics() -> None:
    named = set(re.findall(r"`((?:llmopt|gen_ai_client|llm_api|llm_cache)_\w+)`", PAGE))
    assert named == {*FAMILIES, *TUTORIAL_FAMILIES, *BESIDES}


def test_rules_and_alerts() -> None:
    assert set(re.findall(r"`(llmopt:[\w:]+)`", PAGE)) == {rule.record for rule in rules()}
    assert set(re.findall(r"`(Llmopt\w+)`", PAGE)) == {alert.name for alert in ALERTS}
