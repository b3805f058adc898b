"""The README shows what the commands print."""

from __future__ import annotations

import re
import shlex

import pytest

from llmopt.cli.main import run
from tests.conftest import ROOT

BLOCK = re.compile(r"```console\n\$ llmopt (?P<command>[^\n]*)\n(?P<output>.*?)```", re.DOTALL)
EXAMPLES = [match.groups() for match in BLOCK.finditer((ROOT / "README.md").read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("command", "output"), EXAMPLES, ids=[command for command, _ in EXAMPLES])
def test_an_example_prints_what_it_says(
    command: str, output: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert run(shlex.split(command)) == 0
    assert capsys.readouterr().out == output


def test_there_are_examples() -> None:
    assert EXAMPLES
