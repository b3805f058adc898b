"""The whitespace pass: what goes, and all the layout that stays."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.prompts.context import Context
from llmopt.prompts.edits import Edit, applied
from llmopt.prompts.passes.whitespace import whitespace
from llmopt.prompts.segments.parse import parse
from llmopt.prompts.spans import Block, BlockKind, Segments, Span
from llmopt.tokens.api import tokenizer_for

CONTEXT = Context(tokenizer_for(encoding="o200k_base"))


def segments_of(text: str, kind: BlockKind = "prose", *spans: Span) -> Segments:
    """Return a text of one kind of blocks, between blank ones."""
    blocks: list[Block] = []
    at = 0
    for line in text.splitlines(keepends=True):
        found: BlockKind = kind if line.strip() else "blank"
        start = blocks.pop().start if blocks and blocks[-1].kind == found else at
        at += len(line)
        blocks.append(Block(start, at, found))
    return Segments(text, tuple(blocks), spans)


def edits_of(segments: Segments) -> list[Edit]:
    return whitespace(segments, CONTEXT)


def short(text: str, kind: BlockKind = "prose", *spans: Span) -> str:
    segments = segments_of(text, kind, *spans)
    return applied(text, edits_of(segments))


def test_each_rule_has_its_name() -> None:
    edits = edits_of(segments_of("\n One  two. \n\n\nThree\n"))
    assert edits == [
        Edit(0, 1, "", "end-of-text"),
        Edit(5, 7, " ", "repeated-spaces"),
        Edit(11, 12, "", "trailing-whitespace"),
        Edit(14, 15, "", "blank-lines"),
        Edit(20, 21, "", "end-of-text"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello   world.  How are  you?\n", "Hello world. How are you?"),
        ("A line \t \nB", "A line\nB"),
        ("A  \r\nB\r\n\r\n\r\n\r\nC\r\n", "A\r\nB\r\n\r\nC"),
        ("A\n \n\t\n  \nB", "A\n\nB"),
        ("A\n  \nB", "A\n\nB"),
        ("  \n\n  A", "  A"),
        ("A\n    B  C\n", "A\n    B C"),
        ("đi   học  rồi", "đi học rồi"),
        ("see (a)  [b]  \u201cc\u201d now", "see (a) [b] \u201cc\u201d now"),
        ("Old.  Style.\nTwo.  Here.\nAnd.  More.", "Old. Style.\nTwo. Here.\nAnd. More."),
    ],
)
def test_what_goes(text: str, expected: str) -> None:
    assert short(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\n",
        "A",
        "A\n\nB",
        "A\r\n\r\nB",
        "A\n    B\n        C",
        "A\u00a0\u00a0B\u00a0\nC\u3000\nD",
        "A \u00a0B",
        "A\tB\t\t\nC\tD\tE",
        "1.  item\n10. item",
        "a)  item",
        "-   item\n    more",
        "Name      Age\nAlice     30\nBob       4",
        "Pen  1.00  3\nNotebook  12.50  10",
        "Total:     12\nTax:        3",
        "Name:   ______",
        " /\\_/\\   /\\\n( o.o )  (o)",
        "x  =  1",
        "  /\\_/\\\n ( o.o )   meow\n  > ^ <",
        "|--|  a  |--|",
        "a  |  b",
        "A\rB \rC",
    ],
)
def test_what_stays(text: str) -> None:
    assert short(text) == text


@pytest.mark.parametrize("kind", ["data", "fewshot", "table", "log", "source"])
def test_layout_loses_blanks_at_line_ends_only(kind: BlockKind) -> None:
    assert short("a  b  \n  c   d \ne", kind) == "a  b\n  c   d\ne"


def test_code_stays() -> None:
    assert short("a  b  \n  c", "code") == "a  b  \n  c"


@pytest.mark.parametrize("kind", ["data", "code", "fewshot"])
def test_blank_lines_between_what_is_laid_out_stay(kind: BlockKind) -> None:
    text = "a\n\n\n\nb\n \nc"
    assert short(text, kind) == text


@pytest.mark.parametrize("kind", ["prose", "list", "log", "heading", "table"])
def test_other_blank_lines_become_one(kind: BlockKind) -> None:
    assert short("a\n\n\n\nb", kind) == "a\n\nb"


def test_blank_lines_of_one_block_stay_where_it_is_laid_out() -> None:
    for kind, expected in {"data": "a\n\n\nb", "log": "a\n\nb"}.items():
        segments = Segments("a\n\n\nb", (Block(0, 5, "data" if kind == "data" else "log"),), ())
        assert applied(segments.text, edits_of(segments)) == expected


def test_blank_lines_between_data_and_prose_become_one() -> None:
    text = "a: 1\n\n\nWhy?"
    blocks = (Block(0, 5, "data"), Block(5, 7, "blank"), Block(7, 11, "prose"))
    assert applied(text, edits_of(Segments(text, blocks, ()))) == "a: 1\n\nWhy?"


def test_empty_columns_at_the_end_of_data_stay() -> None:
    assert short("a\t\nb  \n", "data") == "a\t\nb"


def test_spans_stay() -> None:
    for span in (Span(2, 8, "inline_code", True), Span(2, 8, "quoted", False), Span(2, 8, "json", False)):
        assert short("a 'b  c' d  e", "prose", span) == "a 'b  c' d e"


def test_a_cached_prefix_stays() -> None:
    text = "\n\nA  b. \n\n\nC  d. "
    assert short(text, "prose", Span(0, 9, "prefix", True)) == "\n\nA  b. \n\nC d."


PIECES = st.sampled_from(
    (
        "word", "two  words", "Ends. ", "  ", "\t", "\n", "\r\n", "\n\n\n", " \n", "1. ", "- ", "| a  | b |", "`a  b`",
        "{x}", "{{ y  }}", '{"a":  1}', "```\na  b \n\n\n```\n", "```", "<keep>a  b</keep>", "key:   value", "\u00a0",
        "é", '"q  r"',
    )
)  # fmt: skip


@given(st.lists(PIECES, max_size=14).map("".join))
def test_only_whitespace_goes_and_nothing_guarded(text: str) -> None:
    for _ in range(9):
        segments = parse(text)
        edits = edits_of(segments)
        assert not any(segments.overlapping(edit.start, edit.end) for edit in edits)
        assert all(before.end <= after.start for before, after in pairwise(edits))
        assert all(len(edit.text) < edit.end - edit.start for edit in edits)
        result = applied(text, edits)
        assert result.split() == text.split()
        if not edits:
            return
        text = result
    pytest.fail("the pass never ends")


@given(st.lists(PIECES, max_size=14).map("".join))
def test_indentation_stays(text: str) -> None:
    result = applied(text, edits_of(parse(text)))
    lines = [line for line in text.split("\n") if line.strip(" \t\r")]
    kept = [line for line in result.split("\n") if line.strip(" \t\r")]
    indents = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines]
    assert [line[: len(line) - len(line.lstrip(" \t"))] for line in kept] == indents


@pytest.mark.untraced
@pytest.mark.parametrize(
    "text", [" ", "\n", "\t", "a ", "a  ", " \n", "\r\n", "a \n", "a  b\n", "a\t\n", "- \n", '"  ', "  x\n"]
)
def test_time_is_linear(text: str) -> None:
    """A megabyte of any pattern ends at once, and as a text with a word behind it."""
    for whole in (text * (300_000 // len(text)), text * (300_000 // len(text)) + "x"):
        edits = edits_of(segments_of(whole))
        assert len(applied(whole, edits)) <= len(whole)


def test_columns_of_one_line_and_empty_ones_at_the_end_stay() -> None:
    chords = "C       G        Am\nHello darkness  my friend"
    assert short(chords) == chords
    assert short("a\tb\tc\n1\t\t\n", "data") == "a\tb\tc\n1\t\t"
    assert short("a,b\n1, \n2, \n", "data") == "a,b\n1, \n2, "


def test_a_block_scalar_ends_with_its_line_break() -> None:
    text = "text: |\n  One line.\n\n\n"
    assert applied(text, edits_of(parse(text))) == "text: |\n  One line.\n"
