"""The examples of docs/routing.md run, and print what the page says."""

from __future__ import annotations

import contextlib
import io
import re

import pytest

from llmopt.serving.routing import parse_policy
from tests.conftest import GOLDEN, ROOT

PAGE = (ROOT / "docs" / "routing.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("code", "printed"), EXAMPLES, ids=[code.splitlines()[0] for code, _ in EXAMPLES])
def test_an_example_prints_what_the_page_says(code: str, printed: str) -> None:
    if "Schema" in code:
        pytest.importorskip("jsonschema_rs", reason="the extra `serve` is not installed")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "docs/routing.md", "exec"), {"__name__": "example"})
    assert out.getvalue() == printed


def test_the_examples_are_there() -> None:
    assert len(EXAMPLES) >= 3


def test_the_explanation_is_a_real_one() -> None:
    shown = (GOLDEN / "cli" / "route-explain.txt").read_text(encoding="utf-8")
    assert f"```text\n{shown.strip()}\n```" in PAGE


def test_the_policy_of_the_page_is_one() -> None:
    pytest.importorskip("jsonschema_rs", reason="the extra `serve` is not installed")
    text = next(block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if block.startswith("default"))
    without_score = re.sub(r"\[score\].*?\n\n", "", text, flags=re.DOTALL)
    policy = parse_policy(without_score)
    assert [rule.name for rule in policy.rules] == ["extraction"]
    assert policy.cascade is not None
