"""A diff leads from the original to the text, in linear time, and passes nothing hostile on."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.prompts.edits import Edit, applied
from llmopt.prompts.files.reading import Source
from llmopt.prompts.files.values import FileResult
from llmopt.report import compress_diff_screen
from llmopt.report.compress_diff import diff_lines, diff_text

HEAD = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


def result(text: str, edits: list[Edit]) -> FileResult:
    source = Source("a.txt", "a.txt", text, "utf-8", b"", "none", (0, 0))
    return FileResult(source, tuple(edits), ())


@st.composite
def edited(draw: st.DrawFn) -> FileResult:
    """A text of a few letters and many lines with edits that do not overlap."""
    text = draw(st.text(st.sampled_from("ab\n"), max_size=60))
    edits: list[Edit] = []
    at = 0
    for _ in range(draw(st.integers(0, 5))):
        start = draw(st.integers(at, len(text)))
        end = draw(st.integers(start, min(start + 6, len(text))))
        new = draw(st.text(st.sampled_from("ab\n"), max_size=4))
        if new != text[start:end] and start >= at and (not edits or start > edits[-1].end):
            edits.append(Edit(start, end, new, "rule"))
        at = min(end + 1, len(text))
    return result(text, edits)


def patched(text: str, diff: str) -> str:
    """Apply a diff as `patch` does, checking every line of it."""
    old = text.split("\n")
    ended = not old[-1]
    old = old[:-1] if ended else old
    new: list[str] = []
    at = 0
    lines = diff.splitlines()[2:]
    for number, line in enumerate(lines):
        head = HEAD.fullmatch(line)
        if head:
            start = int(head[1]) - (head[2] != "0")
            new += old[at:start]
            at = start
            assert len(new) == int(head[3]) - (head[4] != "0")
        elif line[0] == "+":
            new.append(line[1:])
        elif line[0] in "- ":
            assert old[at] == line[1:]
            new += [line[1:]] if line[0] == " " else []
            at += 1
        else:
            assert line == "\\ No newline at end of file"
            if lines[number - 1][0] in "+ ":
                return "\n".join(new)
            ended = True
    new += old[at:]
    return "\n".join(new) + ("\n" if ended and new else "")


@given(edited())
def test_a_diff_leads_from_the_original_to_the_text(file: FileResult) -> None:
    diff = diff_text([file])
    if file.text == file.source.text:
        assert diff == ""
    else:
        assert patched(file.source.text, diff) == applied(file.source.text, file.edits)


def test_lines_far_apart_are_in_hunks_of_their_own() -> None:
    text = "".join(f"line {number}\n" for number in range(40))
    edits = [
        Edit(text.index("line 5"), text.index("line 6"), "", "r"),
        Edit(text.index("30"), text.index("30") + 2, "X", "r"),
    ]
    assert [line.text for line in diff_lines(result(text, edits)) if line.sign == "@"] == [
        "@@ -3,7 +3,6 @@",
        "@@ -28,7 +27,7 @@",
    ]


def test_hostile_characters_are_spelled_out_and_tabs_stay() -> None:
    file = result("a\tb \x1b[31m\u202e\x0b\u2028\r\n", [Edit(0, 1, "c", "r")])
    assert diff_text([file]).splitlines()[3:] == [
        "-a\tb \\x1b[31m\\u202e\\x0b\\u2028",
        "+c\tb \\x1b[31m\\u202e\\x0b\\u2028",
    ]


@pytest.mark.untraced
@pytest.mark.parametrize("text", ["a \n" * 300_000, "a " * 500_000])
def test_long_texts_take_linear_time(text: str) -> None:
    blanks = [at for at in range(0, len(text), 101) if text[at] == " "]
    edits = [Edit(at, at + 1, "", "r") for at in blanks]
    start = time.process_time()
    diff = diff_text([result(text, edits)])
    assert diff
    assert time.process_time() - start < 10


def test_a_screen_marks_the_words_that_differ() -> None:
    file = result("Please answer in one word.\nsame\n", [Edit(0, 8, "A", "r")])
    lines = list(diff_lines(file))
    plain = compress_diff_screen.render(lines, 10, color=False)
    assert plain == "".join(f"{line.text}\n" for line in lines)
    coloured = compress_diff_screen.render(lines, 10, color=True)
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == plain
    assert "\x1b[1;7;31m" in coloured
    assert "\x1b[1;7;32m" in coloured
