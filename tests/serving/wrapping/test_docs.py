"""docs/wrap.md shows what its example prints."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import llmopt
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "wrap.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n((?:(?!```).)*)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("code", "shown"), EXAMPLES, ids=[f"example {number}" for number in range(len(EXAMPLES))])
def test_an_example_prints_what_it_says(code: str, shown: str, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == shown


def test_there_is_an_example_and_a_word_on_each_argument() -> None:
    assert len(EXAMPLES) == 1
    arguments = set(llmopt.wrap.__annotations__) - {"client", "return"}
    assert arguments == set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
