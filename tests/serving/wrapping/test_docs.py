"""docs/wrap.md describes every argument."""

from __future__ import annotations

import re

import llmopt
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "wrap.md").read_text(encoding="utf-8")


def test_there_is_a_word_on_each_argument() -> None:
    arguments = set(llmopt.wrap.__annotations__) - {"client", "return"}
    assert arguments == set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
