"""The policy on docs/routing.md is one."""

from __future__ import annotations

import re

import pytest

from llmopt.serving.routing import parse_policy
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "routing.md").read_text(encoding="utf-8")


def test_the_policy_of_the_page_is_one() -> None:
    pytest.importorskip("jsonschema_rs", reason="the extra `serve` is not installed")
    text = next(block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if block.startswith("default"))
    without_score = re.sub(r"\[score\].*?\n\n", "", text, flags=re.DOTALL)
    policy = parse_policy(without_score)
    assert [rule.name for rule in policy.rules] == ["extraction"]
    assert policy.cascade is not None
