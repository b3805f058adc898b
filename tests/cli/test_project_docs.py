"""docs/project.md shows what the commands print, and its code runs."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from llmopt.savings.project.plan import LEVERS
from llmopt.savings.project.plan_file import load_plan
from tests.cli.conftest import Llmopt
from tests.conftest import ROOT, UPDATE

PAGE = ROOT / "docs" / "project.md"
BLOCK = re.compile(r"(```console\n\$ llmopt ([^\n]*)\n)(.*?)```", re.DOTALL)
CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)
TOML = re.compile(r"```toml\n(.*?)```", re.DOTALL)


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def text() -> str:
    return PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", [command for _, command, _ in BLOCK.findall(text())])
def test_an_example_prints_what_it_says(llmopt: Llmopt, command: str) -> None:
    outcome = llmopt(*shlex.split(command))
    assert (outcome.code, outcome.err) == (0, "")
    page = text()
    if UPDATE:
        page = BLOCK.sub(lambda found: f"{found[1]}{outcome.out}```" if found[2] == command else found[0], page)
        PAGE.write_text(page, encoding="utf-8", newline="\n")
    outputs = {shown: output for _, shown, output in BLOCK.findall(page)}
    assert outputs[command] == outcome.out


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
