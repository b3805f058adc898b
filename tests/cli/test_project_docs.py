"""The code and the plans of docs/project.md run."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from llmopt.savings.project.plan import LEVERS
from llmopt.savings.project.plan_file import load_plan
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "project.md"
CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)
TOML = re.compile(r"```toml\n(.*?)```", re.DOTALL)


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_the_code_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = CODE.findall(text())
    exec(compile(code, str(PAGE), "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_the_plans_on_the_page_are_plans(tmp_path: Path) -> None:
    example, full = TOML.findall(text())
    samples = ROOT / "samples" / "projecting"
    assert tomllib.loads(example) == tomllib.loads((samples / "plan.toml").read_text(encoding="utf-8"))
    for name in ("rules.toml", "our-prices.json", "bench.json"):
        (tmp_path / name).touch()
    (tmp_path / "all.toml").write_text(full, encoding="utf-8")
    plan = load_plan(tmp_path / "all.toml")
    assert plan.on == LEVERS
    assert (plan.name, plan.prices) == ("bold", (tmp_path / "our-prices.json",))
