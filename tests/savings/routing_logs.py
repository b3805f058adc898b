"""Labelled logs for the tests: made-up prompts that two models answered."""

from __future__ import annotations

from pathlib import Path

from benchmarks.routing_data import prompts, write_log

CHEAP, STRONG = "gpt-4o-mini", "gpt-4o"


def paired_log(path: Path, n: int = 400, seed: int = 1) -> Path:
    """Write a log in which both models answered each prompt."""
    write_log(path, prompts(n, seed), seed, (CHEAP, STRONG))
    return path


def lone_log(path: Path, n: int = 400, seed: int = 1) -> Path:
    """Write a log that holds answers of the cheap model only."""
    paired_log(path, n, seed)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if f'"model": "{STRONG}"' not in line), encoding="utf-8")
    return path
