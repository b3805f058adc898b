"""Patches without a fence: byte for byte."""

from __future__ import annotations

import pytest

from llmopt.prompts.api import compress
from tests.prompts.segments.shown import spans

HUNK = "@@ -1,3 +1,3 @@ def area():\n a  b\n-c   d\n+c  d\n \n"
NO_COUNT = "@@ -7 +7 @@\n-old  one\n+new  one\n\\ No newline at end of file\n"
UNKNOWN = '@@ ... @@\n-x  = 1\n+x = 1\n \n y = {"a":  1}\n'
CONFLICT = '<<<<<<< SEARCH\nx  = 1\n\n\nprint( ["a",  "b"] )\n=======\nx = 2\n>>>>>>> REPLACE\n'
PATCH = "*** Begin Patch\n*** Update File: a.py\n@@\n-x  = 1\n+x = 1\n*** End Patch\n"


@pytest.mark.parametrize("patch", [HUNK, NO_COUNT, UNKNOWN, CONFLICT, PATCH])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_patch_counts_as_fenced(patch: str, newline: str) -> None:
    patch = patch.replace("\n", newline)
    text = f"Look at  this:{newline * 2}{patch}Well.{newline}Say  why.{newline}"
    assert patch.removesuffix(newline) in spans(text, "fence")
    assert compress(text).text == f"Look at this:{newline * 2}{patch}Well.{newline}Say why."


def test_a_hunk_has_as_many_lines_as_it_says() -> None:
    text = "@@ -1,2 +1,2 @@\n a  b\n-c\n+d\n\nWhat  is this?"
    assert spans(text, "fence") == ["@@ -1,2 +1,2 @@\n a  b\n-c\n+d"]


@pytest.mark.parametrize("text", ["an @@ in  a line @@", "@@ no  hunk", "a << b  and >> c", "<<<<< open\nand  on"])
def test_what_only_looks_like_one(text: str) -> None:
    assert spans(text, "fence") == []
