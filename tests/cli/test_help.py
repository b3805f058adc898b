"""The help of every command ends with an example, which is one that works."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup

from llmopt.cli.registry import COMMANDS, load
from llmopt.cli.settings import within
from tests.cli.conftest import Llmopt
from tests.conftest import ROOT
from tests.typed import fault_of

NEEDS = ("models/", "answers.db", "log.jsonl", "https://", "refresh")
"""What a reader has and the checkout has not; `prices refresh` would write into it."""


def commands() -> Iterator[tuple[str, Any]]:
    for entry in COMMANDS:
        command = load(entry)
        if isinstance(command, TyperGroup):
            yield from ((" ".join(within([entry.name], name)), sub) for name, sub in command.commands.items())
        else:
            yield entry.name, command


ALL = dict(commands())


@pytest.mark.parametrize("name", ALL)
def test_the_help_ends_with_an_example(name: str) -> None:
    lines = ALL[name].help.splitlines()
    assert lines[-1].startswith(f"Example: llmopt {name} ")
    assert lines[-2] == ""
    assert len(lines[-1]) <= 78, "it would be broken in two on a terminal of 80 columns"
    assert sum("xample" in line for line in lines) == 1
    assert fault_of(shlex.split(lines[-1])[2:]) == ""


RUN = [name for name in ALL if not any(word in ALL[name].help.splitlines()[-1] for word in NEEDS)]


@pytest.mark.parametrize("name", RUN)
def test_the_example_runs(name: str, llmopt: Llmopt, workdir: Path) -> None:
    for folder in ("samples", "pricing"):
        (workdir / folder).symlink_to(ROOT / folder)
    (workdir / ".git").mkdir()
    (workdir / "monitoring").mkdir()
    outcome = llmopt(*shlex.split(ALL[name].help.splitlines()[-1])[2:])
    assert outcome.code == 0, outcome.err
    assert "error" not in outcome.err


def test_most_examples_run() -> None:
    assert len(RUN) > len(ALL) / 2
    assert all((ROOT / word).exists() for name in RUN for word in ALL[name].help.split() if word.startswith("samples"))
