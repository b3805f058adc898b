"""A shell completes commands and their options, by loading no more than the command that is named."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys

import pytest


def completed(*words: str) -> list[str]:
    variables = {"_LLMOPT_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    command = [sys.executable, "-c", "from llmopt.cli.main import main; main([])"]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("llmopt", "co"), ["cost", "compress"]),
        (("llmopt", "cost", "--max-c"), ["--max-cost", "--max-cost-per-request"]),
        (("llmopt", "cache", "s"), ["simulate", "stats"]),
        (("llmopt", "cache", "simulate", "--tt"), ["--ttl"]),
    ],
)
def test_words_are_completed(words: tuple[str, ...], found: list[str]) -> None:
    assert completed(*words) == found


@pytest.mark.parametrize(
    ("shell", "of_it"), [("bash", "complete -o default -F"), ("zsh", "#compdef"), ("fish", "complete --command")]
)
def test_the_script_for_a_shell(shell: str, of_it: str) -> None:
    # not by --show-completion, which asks the process tree which shell is running: there may be none
    variables = {"_LLMOPT_COMPLETE": f"source_{shell}"}
    command = [sys.executable, "-m", "llmopt"]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=True)
    assert of_it in done.stdout
    assert "_LLMOPT_COMPLETE" in done.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_the_shell_that_is_running_is_seen() -> None:
    # the second command keeps bash from becoming the first one
    command = ["bash", "-c", f"{shlex.quote(sys.executable)} -m llmopt --show-completion; exit $?"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "complete -o default -F" in done.stdout
