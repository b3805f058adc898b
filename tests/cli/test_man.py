"""The manual page is that of the commands as they are, and roff takes it."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from llmopt.cli import man
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "llmopt.1"


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text(encoding="utf-8") == man.page(), "run `make docs`"


def test_roff_finds_nothing_wrong() -> None:
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("there is no groff")
    done = subprocess.run(
        [groff, "-man", "-Tutf8", "-ww", "-P-c", "-P-b", "-P-u", PAGE], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert "llmopt cache simulate" in done.stdout


def test_what_roff_would_take_for_itself_is_escaped() -> None:
    assert man._roff(".5 of a-b\\c") == r"\&.5 of a\-b\ec"
