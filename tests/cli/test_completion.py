"""A shell completes commands and their options, by loading no more than the command that is named."""

from __future__ import annotations

import os
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


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "llmopt", "--show-completion", shell], capture_output=True, text=True, check=True
    )
    assert "_LLMOPT_COMPLETE" in done.stdout
