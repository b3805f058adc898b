"""What holds of any text: it parses, its blocks cover it, its spans are apart, and each part is found by itself."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from llmopt.prompts.segments.parse import parse
from llmopt.prompts.spans import GUARDED, Segments

PIECES = (
    "text and  more",
    "không có gì",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    " ",
    "\t",
    "    ",
    "- ",
    "# ",
    "> ",
    "1. ",
    "| a | b |\n|---|---|\n",
    "a,b,c\n",
    "```",
    "~~~",
    "```py\n",
    "`",
    "``",
    "`x  y`",
    "{",
    "}",
    "[",
    "]",
    "{name}",
    "{{ x }}",
    "{%",
    '{"a": [1, {"b": "c"}]}',
    '{"a": 1,}',
    "[1]",
    "[1, ",
    '["',
    '"',
    "'",
    "\u201cq  q\u201d",
    '"q  q"',
    "\\",
    "<",
    ">",
    "<b>",
    "</b>",
    '<a href="',
    "<!--",
    "-->",
    "<%",
    "<keep>",
    "</keep>",
    "%s",
    "$x",
    "[NAME]",
    "https://x.y/z",
    "a@b.co",
    "/usr/bin/x",
    "Input: ",
    "Output: ",
    "Source: ",
    "2024-05-01 10:00:00 ERROR x\n",
    "  at a.b(c)\n",
    "key: value\n",
    "\0",
    "\u2028",
    "\x0b",
    "\ud800",
    "\U0001f600",
    "e\u0301",
)
mixed: SearchStrategy[str] = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
texts = st.one_of(mixed, st.text(max_size=200), st.text("{}[]`\"'<>%$\\ \n\ra1,:|-#", max_size=80))
SOUND = (
    "```\na  b\n```",
    "`a  b`",
    "{name}",
    "{{ x }}",
    "<b>",
    '{"a": 1,}',
    "<keep>a  b</keep>",
    "%s",
    '{"a": [1, 2]}',
    "https://x.y/z",
    '"a  b"',
)


def check(found: Segments) -> None:
    at = 0
    for block in found.blocks:
        assert block.start == at
        assert block.end > block.start
        at = block.end
        assert at == len(found.text) or found.text[at - 1] in "\n\r"
        assert found.text[at - 1 : at + 1] != "\r\n"
    assert at == len(found.text)
    end = 0
    for span in found.spans:
        assert end <= span.start < span.end <= len(found.text)
        assert span.guarded or span.kind not in GUARDED
        end = span.end


@given(text=texts)
def test_blocks_cover_the_text_and_spans_are_apart(text: str) -> None:
    check(parse(text))


@given(text=texts, prefix=st.integers(0, 60), pattern=st.sampled_from((r"\w+", " +", ".", "a|b", r"\{", "x*")))
def test_what_is_kept_is_guarded(text: str, prefix: int, pattern: str) -> None:
    found = parse(text, keep=[re.compile(pattern)], prefix=prefix)
    check(found)
    assert not prefix or not text or found.touches_guarded(0, prefix)
    for match in re.finditer(pattern, text):
        for at in range(*match.span()):
            assert found.touches_guarded(at, at + 1)


@given(text=texts)
def test_a_text_is_parsed_the_same_each_time(text: str) -> None:
    assert parse(text) == parse(text)


@example(text="text and  more`2024-05-01 10:00:00 ERROR x\n")
@given(text=texts)
def test_every_brace_backtick_and_placeholder_is_in_a_span(text: str) -> None:
    found = parse(text)
    for match in re.finditer(r"(?<!\\)[{}]|(?<![\\`])`|\{\w+\}|<keep>", text):
        # what is loose in a line of a log is no mark-up that was left open
        logged = any(block.kind == "log" and block.start <= match.start() < block.end for block in found.blocks)
        if '"' not in text and "'" not in text and not (logged and len(match[0]) == 1):
            assert found.overlapping(*match.span()), match


@given(before=st.lists(st.sampled_from(SOUND), max_size=6), behind=st.lists(st.sampled_from(SOUND), max_size=6))
def test_what_is_guarded_is_found_again_after_an_edit_elsewhere(before: list[str], behind: list[str]) -> None:
    first = "\n\n".join((*before, "some  words", *behind))
    second = "\n\n".join((*before, "words", *behind))
    old, new = ([found.slice(span) for span in found.spans] for found in (parse(first), parse(second)))
    assert old == new == before + behind


@given(text=mixed)
def test_a_keep_region_is_guarded_whatever_stands_around_it(text: str) -> None:
    found = parse(f"{text}\n<keep>a  {{b</keep>\n{text}")
    at = found.text.index("<keep>a  {b</keep>")
    assert all(found.touches_guarded(place, place + 1) for place in range(at, at + 18))


UNITS = "{}[]`<>\"'\\%$#*-_=|:/@.,a1(\n\r\0\u2028\ud800\u1ea1~+^&; \t"
PAIRS = (
    *(
        "{\n",
        "[ ",
        "[1, ",
        "[1",
        '["',
        '["\\',
        '{"a":',
        '{"a": [',
        '"\\',
        '"{"',
        "<a ",
        '<a b="',
        "<a b='\"",
        "<!--",
        "<%",
    ),
    *("<keep>", "```\n", "> ```\n", "- ```\n", "`a\n\n", "`` ` ", "[1] ", "a, b, c\n", "a,b,c\n", "a  b\n", "Q:\n"),
    *("Q: a\n\n", "INFO x\n", "INFO x\n  y\n", "2024-05-01 10:00:00 x\n", "k: v\n", "[s]\n", "|-|\n", "| ", "- \n"),
    *("a@b.", "://", "a.a", "./", "--a", "%(", "[[a", "[A", "' ", " \n", "a b ", "a\n\n", "x\n```\n"),
)


@pytest.mark.untraced
@pytest.mark.parametrize("unit", [*UNITS, *PAIRS])
def test_one_thing_over_and_over_takes_linear_time(unit: str) -> None:
    size = 60_000
    text = (unit * (size // len(unit) + 1))[:size]
    start = time.process_time()
    check(parse(text))
    assert time.process_time() - start < 3  # well under a second; what grows as the square takes a minute
