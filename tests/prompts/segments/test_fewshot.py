"""Examples under labels that come again."""

from __future__ import annotations

import pytest

from tests.prompts.segments.shown import block_kinds, blocks


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Input", "Output"),
        ("Q", "A"),
        ("Question", "Answer"),
        ("User", "Assistant"),
        ("Text", "Label"),
        ("English", "French"),
        ("Human", "AI"),
        ("**Input**", "**Output**"),
        ("Review", "Sentiment"),
        ("\u0110\u1ea7u v\u00e0o", "\u0110\u1ea7u ra"),
        ("C\u00e2u h\u1ecfi", "Tr\u1ea3 l\u1eddi"),
        ("INPUT", "OUTPUT"),
        ("Q1", "A1"),
    ],
)
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_two_labels_that_come_twice_are_examples(first: str, second: str, gap: str) -> None:
    shots = gap.join(f"{first}: one thing {number}\n{second}: another" for number in range(3)) + "\n"
    assert blocks(f"Do as shown.\n\n{shots}\nNow go on.") == [
        ("prose", "Do as shown.\n"),
        ("fewshot", shots),
        ("prose", "Now go on."),
    ]


def test_the_heading_of_the_first_example_belongs_to_it() -> None:
    text = "Example 1:\nInput: a\nOutput: b\n\nExample 2:\nInput: c\nOutput: d\n"
    assert blocks(text) == [("fewshot", text)]
    vietnamese = text.replace("Example", "V\u00ed d\u1ee5")
    assert blocks(vietnamese) == [("fewshot", vietnamese)]


def test_the_last_example_may_be_open() -> None:
    text = "Q: a\nA: b\n\nQ: c\nA:"
    assert blocks(text) == [("fewshot", text)]


@pytest.mark.parametrize(
    "text",
    [
        "Question: what is it?\n\nAnswer:",
        "Source: a\nTitle: b\n\nSource: c\nTitle: d\n",
        "Note: one\nHint: two\nNote: three\nHint: four\n",
        "Input: a\nInput: b\nInput: c\n",
    ],
)
def test_a_label_alone_or_of_sources_is_no_example(text: str) -> None:
    assert "fewshot" not in block_kinds(text)


def test_another_heading_ends_the_examples() -> None:
    text = "Input: a\nOutput: b\n\n# Rules\n\nSome rule.\n\nInput: c\nOutput: d\n"
    assert "fewshot" not in block_kinds(text)


def test_a_hash_line_without_words_parts_examples_and_does_not_end_them() -> None:
    shots = "Tweet: a\nSentiment: b\n###\nTweet: c\nSentiment: d\n"
    assert blocks(shots) == [("fewshot", shots)]


def test_the_heading_of_an_example_may_stand_above_a_blank_line() -> None:
    text = "### Example 1\n\nInput: a\nOutput: b\n\n### Example 2\n\nInput: c\nOutput: d\n"
    assert blocks(text) == [("fewshot", text)]
