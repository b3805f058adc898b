"""docs/compress.md shows what the command prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Llmopt
from tests.conftest import ROOT, UPDATE

PAGE = ROOT / "docs" / "compress.md"
PROMPT = re.compile(r"This prompt, `support.md`:\n\n```text\n(.*?)```", re.DOTALL)
BLOCK = re.compile(r"(```console\n\$ llmopt ([^\n]*)\n)(.*?)```", re.DOTALL)


def commands() -> list[str]:
    return [command for _, command, _ in BLOCK.findall(PAGE.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("command", commands())
def test_an_example_prints_what_it_says(llmopt: Llmopt, workdir: Path, command: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    (prompt,) = PROMPT.findall(page)
    Path("support.md").write_text(prompt, encoding="utf-8")
    outcome = llmopt(*shlex.split(command))
    assert outcome.code == 0
    if UPDATE:
        page = BLOCK.sub(lambda found: _block(found, command, outcome.out), page)
        PAGE.write_text(page, encoding="utf-8", newline="\n")
    outputs = {shown: output for _, shown, output in BLOCK.findall(page)}
    assert outputs[command] == outcome.out


def _block(found: re.Match[str], command: str, output: str) -> str:
    return f"{found[1]}{output}```" if found[2] == command else found[0]


def test_there_are_examples() -> None:
    assert len(commands()) >= 2
