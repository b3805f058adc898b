"""docs/distill.md: its loop runs, its commands are ones that there are, and its page is named where readers look."""

from __future__ import annotations

import re
import shlex

import pytest

import llmopt.models.distill
from llmopt.cli.registry import COMMANDS, load
from llmopt.models.distill.config import LOSSES
from tests.conftest import ROOT
from tests.models.extras import library

TEXT = (ROOT / "docs" / "distill.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
TYPED = re.findall(r"^(?:\$ )?llmopt ([a-z-]+ .*)$", TEXT, re.MULTILINE)


def test_the_loop_runs(capsys: pytest.CaptureFixture[str]) -> None:
    library("torch", "models")
    loops = [code for code in CODE if "kd_loss" in code]
    assert len(loops) == 1
    exec(compile(loops[0], "docs/distill.md", "exec"), {})
    found = re.fullmatch(r"(\d+)% of the classes are the teacher's\n", capsys.readouterr().out)
    assert found is not None
    assert int(found[1]) >= 75


def test_all_code_is_python() -> None:
    for code in CODE:
        compile(code, "docs/distill.md", "exec")


@pytest.mark.parametrize("command", TYPED)
def test_the_commands_have_these_options(command: str) -> None:
    name, *arguments = shlex.split(command)
    found = load(next(entry for entry in COMMANDS if entry.name == name))
    known = {flag for param in found.params for flag in param.opts}
    assert {word for word in arguments if word.startswith("-")} <= known


def test_the_chain_is_whole() -> None:
    names = [command.split()[0] for command in TYPED]
    chain = ("distill", "quantize", "bench-batch", "project")
    assert [name for name in names[names.index("quantize") - 1 :] if name in chain] == list(chain)


def test_the_example_is_what_was_printed() -> None:
    (shown,) = re.findall(r"```text\n\$ llmopt distill [^\n]*\n(.*?)```", TEXT, re.DOTALL)
    assert shown.startswith("Distilled\n\nmodels/minilm -> "), "run benchmarks/examples.py --page distill.md"


def test_every_loss_is_named() -> None:
    assert {name for name in llmopt.models.distill.__all__ if name not in TEXT} == set()
    assert all(f"| `{loss}` |" in TEXT for loss in LOSSES)
