"""docs/cache.md shows what its examples print."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, UPDATE

PAGE = ROOT / "docs" / "cache.md"
EXAMPLE = re.compile(r"```python\n((?:(?!```).)*)```\n\n```text\n(.*?)```", re.DOTALL)
CODES = [code for code, _ in EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("number", range(len(CODES)))
def test_an_example_prints_what_it_says(number: int, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", CODES[number]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    page = PAGE.read_text(encoding="utf-8")
    shown = EXAMPLE.findall(page)[number][1]
    if UPDATE:
        old = f"```python\n{CODES[number]}```\n\n```text\n"
        page = page.replace(f"{old}{shown}```", f"{old}{done.stdout}```")
        PAGE.write_text(page, encoding="utf-8", newline="\n")
        shown = done.stdout
    assert done.stdout == shown


def test_there_are_examples() -> None:
    assert len(CODES) == 2
