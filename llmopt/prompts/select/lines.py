"""Lines of prose that say what the lines behind them are about: questions, speakers, articles of a law."""

from __future__ import annotations

import re
from collections.abc import Iterator

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
    lines = list(line_spans(text, block))
    speakers = [bool(_SPEAKER.match(text, start, end)) for start, end in lines]
    talk = sum(speakers) > 1
    at, scope = block.start, -1
    for number, (start, end) in enumerate(lines):
        last = number + 1 == len(lines)
        if end - start <= _LONGEST and _ARTICLE.fullmatch(text, start, end):
            yield from _sentences(text, at, start, group, scope)
            yield Unit(start, end, group, "header", level=ARTICLE_LEVEL)
            at, scope = end, -1
        elif not last and is_question(text, start, end) and not is_question(text, *lines[number + 1]):
            yield from _sentences(text, at, start, group, scope)
            scope = -2 - start
            yield Unit(start, end, group, "label", scope=scope)
            at = end
        elif talk and speakers[number]:
            yield from _sentences(text, at, start, group, scope)
            scope = scope if number and is_question(text, *lines[number - 1]) else -1
            at = start
            if end - start > _SHORT_TURN and scope == -1:
                match = _SPEAKER.match(text, start, end)
                at, scope = match.end() if match else start, -2 - start
                yield Unit(start, at - len(text[start:at]) + len(text[start:at].rstrip()), group, "label", scope=scope)
            elif end - start <= _SHORT_TURN:
                yield Unit(start, end, group, prose=True, scope=scope)
                at = end
    yield from _sentences(text, at, block.end, group, scope)


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
