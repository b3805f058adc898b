"""Lines of prose that say what the lines behind them are about: questions, speakers, articles of a law."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from llmopt.prompts.select.sentences import sentences
from llmopt.prompts.select.unit import Unit
from llmopt.prompts.spans import Block, Segments

ARTICLE_LEVEL = 8
"""Of articles, below all headings with number signs."""
_ARTICLE = re.compile(
    r"\s*(?:\*\*)?(?:Điều|Chương|Mục|Phần|Khoản|Article|Section|Chapter|Clause|Part|Annex|§)\s?+[\dIVXLC]{1,6}+\b[^\n]{0,120}"
)
_SPEAKER = re.compile(r"\s*(?:\[[\d:. ]{4,12}\]\s*)?[^\W\d_][\w .'()\u2019-]{0,30}:\s+")
_LONGEST = 160
"""Characters of a question or an article's heading on a line of its own."""
_SHORT_TURN = 100
"""Characters up to which what somebody says stays on one line with the name."""


def prose_units(segments: Segments, block: Block, group: int) -> Iterator[Unit]:
    """Yield the sentences of a block of prose, and lines that lead them."""
    text = segments.text
    if text.find("\n", block.start, block.end - 1) < 0 and block.end - block.start > _LONGEST:
        yield from _sentences(text, block.start, block.end, group)
        return
    at, scope = block.start, -1
    for lead in _leads(text, list(line_spans(text, block)), group):
        yield from _sentences(text, at, lead.start, group, scope)
        yield lead
        at, scope = lead.end, lead.scope
    yield from _sentences(text, at, block.end, group, scope)


def _leads(text: str, lines: Sequence[tuple[int, int]], group: int) -> Iterator[Unit]:
    """Yield lines and beginnings of lines that lead what is behind them, and short turns of a talk, whole."""
    turns = [_SPEAKER.match(text, start, end) for start, end in lines]
    talk = len(turns) - turns.count(None) > 1
    asked = -1  # the scope of a question in the line before
    for number, (start, end) in enumerate(lines):
        turn = turns[number] if talk else None
        long = turn is not None and end - start > _SHORT_TURN
        before, asked = asked, -1
        if end - start <= _LONGEST and _ARTICLE.fullmatch(text, start, end):
            yield Unit(start, end, group, "header", level=ARTICLE_LEVEL)
        elif turn is not None and long:
            yield Unit(start, start + len(turn[0].rstrip()), group, "label", scope=-2 - start)
        elif _asks(text, lines, number):
            asked = -2 - start
            yield Unit(start, end, group, "label", scope=asked)
        elif turn is not None:
            yield Unit(start, end, group, prose=True, scope=before)


def _asks(text: str, lines: Sequence[tuple[int, int]], number: int) -> bool:
    """Whether a line is a question and the next one is none."""
    return is_question(text, *lines[number]) and number + 1 < len(lines) and not is_question(text, *lines[number + 1])


def is_question(text: str, start: int, end: int) -> bool:
    """Return whether a line is a question and nothing else."""
    return end - start <= _LONGEST and text[start:end].rstrip("*_ ").endswith(("?", "\uff1f"))


def line_spans(text: str, block: Block) -> Iterator[tuple[int, int]]:
    """Yield start and end of the lines of a block that are not blank, indentation included."""
    at = block.start
    while at < block.end:
        end = text.find("\n", at, block.end)
        end = block.end if end < 0 else end
        bare = text[at:end].rstrip()
        if bare:
            yield at, at + len(bare)
        at = end + 1


def _sentences(text: str, start: int, end: int, group: int, scope: int = -1) -> Iterator[Unit]:
    for left, right in sentences(text, start, end):
        yield Unit(left, right, group, prose=True, scope=scope)
