"""The written reference and the help lines say what the commands say."""

from __future__ import annotations

import pytest

from llmopt.cli import docs
from llmopt.cli.registry import COMMANDS, Entry, load
from tests.conftest import ROOT


def test_the_reference_is_not_stale() -> None:
    written = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == docs.reference(), "run `make docs`"


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_the_list_of_commands_says_what_each_command_says(entry: Entry) -> None:
    command = load(entry)
    assert command.name == entry.name
    assert (command.help or "").split("\n")[0] == entry.help
