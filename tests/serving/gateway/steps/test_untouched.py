"""What is passed over at a glance is what compression would leave as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.prompts.api import compress
from llmopt.prompts.context import Level
from llmopt.serving.gateway.steps.piece_counter import PieceCounter
from llmopt.serving.gateway.steps.untouched import is_untouched

PIECES = [
    "a",
    "Ada.",
    " ",
    "\n",
    "\n\n",
    "1",
    '"',
    "{",
    "}",
    "[",
    "|",
    "-",
    "©",
    "é",
    "<b>",
    "`",
    "```",
    ":",
    "\t",
    "  ",
]
GENTLE: tuple[Level, ...] = ("lossless", "safe")
DOCS = (Path(__file__).parents[4] / "docs" / "routing.md").read_text()


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=40).map("".join), st.sampled_from(GENTLE))
def test_any_text(text: str, level: Level) -> None:
    if is_untouched(text, level):
        assert compress(text, level=level, tokenizer=PieceCounter()).text == text


@pytest.mark.parametrize("level", GENTLE)
def test_passages_of_a_page(level: Level) -> None:
    passed_over = [text for text in (*DOCS.split("\n"), *DOCS.split("\n\n")) if is_untouched(text, level)]
    assert len(passed_over) > 50
    assert [text for text in passed_over if compress(text, level=level, tokenizer=PieceCounter()).text != text] == []


@pytest.mark.parametrize(
    ("text", "level", "is_passed_over"),
    [
        ("What is the capital of France?", "safe", True),
        ("What is the capital of France?", "aggressive", True),
        ("Please could you kindly tell me the capital of France?", "safe", True),
        ("Please could you kindly tell me the capital of France?", "aggressive", False),
        ("two\nlines", "lossless", True),
        ("two\nlines", "safe", False),
        ("", "safe", True),
    ],
)
def test_levels(text: str, level: Level, is_passed_over: bool) -> None:
    assert is_untouched(text, level) is is_passed_over
