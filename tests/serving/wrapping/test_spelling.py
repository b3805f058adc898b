"""Policies as text: the same in every process, and another one for another policy."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.routing.policy import load_policy
from llmopt.serving.routing.reading import parse_policy
from llmopt.serving.routing.router import Router
from llmopt.serving.wrapping.spelling import spelled, spelled_router

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
)
SHIPPED = """
import json
from llmopt.serving.routing.router import Router
from llmopt.serving.wrapping.spelling import spelled, spelled_router
print(json.dumps(spelled_router(Router())))
"""


@given(PLAIN)
def test_values_are_spelled_as_json_has_them(value: object) -> None:
    assert json.loads(json.dumps(spelled(value))) == spelled(value)


@given(PLAIN, PLAIN)
def test_other_values_are_spelled_otherwise(one: object, other: object) -> None:
    def text(value: object) -> str:
        return json.dumps(value, sort_keys=True)

    assert (text(spelled(one)) == text(spelled(other))) == (text(one) == text(other))


@given(st.sets(st.text()))
def test_a_set_has_no_order(values: set[str]) -> None:
    assert spelled(values) == spelled(frozenset(sorted(values, reverse=True)))


def test_other_kinds() -> None:
    assert spelled(PurePosixPath("a/b")) == "a/b"
    assert spelled(re.compile("a", re.IGNORECASE)) != spelled(re.compile("a"))
    assert spelled(object()) != spelled(object())


POLICY = 'default = "a"\n[routes]\na = "x"\nb = "y"\n[[rule]]\nname = "r"\nwords = ["one"]\nroute = "b"\n'


@pytest.mark.parametrize(
    "other", ['words = ["two"]', 'regex = ["one"]', 'words = ["one"]\nin = "all"'], ids=["words", "kind", "place"]
)
def test_another_rule_is_another_policy(other: str) -> None:
    one, same = parse_policy(POLICY), parse_policy(POLICY)
    changed = parse_policy(POLICY.replace('words = ["one"]', other))
    assert spelled(one) == spelled(same)
    assert spelled(one) != spelled(changed)
    assert spelled_router(Router(one)) != spelled_router(Router(one.with_models(a="z")))
    assert spelled_router(Router(one)) == spelled_router(Router(parse_policy(POLICY, source="elsewhere.toml")))


def test_the_shipped_policy_is_spelled_alike_in_every_process() -> None:
    here = json.dumps(spelled_router(Router(load_policy())))
    assert " at 0x" not in here
    assert "default.toml" not in here
    run = [sys.executable, "-c", SHIPPED]
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    root = Path(__file__).parents[3]
    there = subprocess.run(run, capture_output=True, text=True, check=True, cwd=root, env=environment, timeout=120)
    assert there.stdout.strip() == here
