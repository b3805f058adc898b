"""Blocks: what a few lines are taken for."""

from __future__ import annotations

import pytest

from llmopt.prompts.segments.parse import parse
from tests.prompts.segments.shown import block_kinds, blocks


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("prose", "One sentence.\nAnother, longer one: with a colon.\n"),
        ("prose", "The following, which is long, has commas.\nSo, too, has this.\nAnd, well, this.\n"),
        ("prose", "Ratio: 3 | 4 in one line\nand the next one"),
        ("prose", "> quoted text\n> goes on"),
        ("heading", "# Title"),
        ("heading", "###### deep\n"),
        ("heading", "Title\n====="),
        ("heading", "A longer title\n---"),
        ("heading", "**Bold title**"),
        ("heading", "Instructions:\n"),
        ("heading", "Output format:"),
        ("heading", "Y\u00eau c\u1ea7u:"),
        ("list", "- a\n- b\n  goes on\n"),
        ("list", "1. a\n2. b\n   - c\n3) d"),
        ("list", "* a\n+ b\n\u2022 c"),
        ("list", "(1) a\n(2) b"),
        ("list", "A. yes\nB. no"),
        ("table", "| a | b |\n|---|:-:|\n| 1 | 2 |\n"),
        ("table", "a | b\n--|--\n1 | 2\n3 | 4"),
        ("table", "  | a |\n  |---|\n  | 1 |"),
        ("code", "```\nx\n```"),
        ("data", "    indented\n    code"),
        ("data", "\tindented"),
        ("data", "a,b,c\n1,2,3\n4,5,6\n"),
        ("data", "a\tb\n1\t2\n3\t4\n"),
        ("data", "name: x\nage: 3\ncity: y\n"),
        ("data", "[section]\nkey = value\nother = 3\n"),
        ("data", "Name     Age   City\nAlice    30    Paris\nBob      4     Rome\n"),
        ("data", '{\n  "a": 1\n}'),
        ("data", "def f(x):\n    return x\n"),
        ("data", "class A:\n    b = 1\n"),
        ("data", "foo(bar);\nif (x) {\n  y = 2;\n}"),
        ("data", "SELECT a FROM b WHERE c"),
        ("data", "config:\n  key: value\n  list:\n    - a"),
        ("prose", "Select the best answer from the list.\nPublic opinion is divided; so what"),
        ("prose", "Article 5 of the treaty says that nobody may leave."),
        ("prose", "import duties are high\nReturn the answer."),
        ("source", "[1] A title of something"),
        ("source", "Source: wiki/page.html"),
        ("source", "Document 3: Title"),
        ("source", "Doc 2 (score 0.8): a.pdf"),
        ("source", "--- Chunk 4 ---"),
        ("source", "=== Document 2 ==="),
        ("source", "Passage 5:"),
        ("source", "Title: The history of salt"),
        ("source", "[Document 7]"),
        ("source", '<document index="1">'),
        ("source", "Ngu\u1ed3n: b\u00e1o.html"),
        ("source", "T\u00e0i li\u1ec7u 2: T\u00ean"),
    ],
)
def test_a_block_is_told_by_its_lines(kind: str, text: str) -> None:
    assert block_kinds(text) == [kind]


def test_blocks_follow_each_other() -> None:
    text = "# Role\nYou help.\n\nRules:\n- one\n- two\nNow begin.\n\n| a | b |\n|---|---|\n| 1 | 2 |\nText.\n"
    assert [kind for kind, _ in blocks(text)] == ["heading", "prose", "heading", "list", "prose", "table", "prose"]


def test_a_list_item_goes_on_in_small_letters_or_indented() -> None:
    assert block_kinds("- one that\ngoes on\n- two\n\n  still two") == ["list", "prose"]
    assert block_kinds("1. Do it.\nThen answer the question.") == ["list", "prose"]


@pytest.mark.parametrize("text", ["| a | b |\n| 1 | 2 |", "a - b\n-----x", "x\n|", "|---|---|"])
def test_without_a_delimiter_row_there_is_no_table(text: str) -> None:
    assert "table" not in block_kinds(text)


def test_blanks_in_disorder_are_no_columns() -> None:
    assert block_kinds("This   is a    messy  line\nand another   one   like it\n") == ["prose"]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_only_line_feeds_and_carriage_returns_end_lines(ending: str) -> None:
    text = ending.join(("# Title", "Text\u2028goes\x0bon\x85.", "", "- item", ""))
    assert [kind for kind, _ in blocks(text)] == ["heading", "prose", "list"]
    assert [block.kind for block in parse(text).blocks] == ["heading", "prose", "blank", "list"]


def test_code_with_its_last_line_break_is_one_block() -> None:
    assert blocks("a\n```\n# x\n\n- y\n```\nb") == [
        ("prose", "a\n"),
        ("code", "```\n# x\n\n- y\n```\n"),
        ("prose", "b"),
    ]
