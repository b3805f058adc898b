"""Lines of a parsed text, and the edits that drop some of them without leaving holes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llmopt.prompts.edits import Edit
from llmopt.prompts.spans import BlockKind, Segments


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of a text."""

    start: int
    end: int
    """Behind its line break."""
    kind: BlockKind
    """Of its block."""
    block: int
    """Number of its block, from 0."""
    text: str
    """Without what is blank at its end."""


def lines_of(segments: Segments) -> list[TextLine]:
    """Return the lines of a text."""
    lines: list[TextLine] = []
    for number, block in enumerate(segments.blocks):
        at = block.start
        while at < block.end:
            end = segments.text.find("\n", at, block.end) + 1 or block.end
            lines.append(TextLine(at, end, block.kind, number, segments.text[at:end].rstrip()))
            at = end
    return lines


def dropped(segments: Segments, lines: Sequence[TextLine], rules: Mapping[int, str]) -> list[Edit]:
    """Return the edits that drop lines, and blank lines that would otherwise stand doubled.

    Args:
        segments: the text.
        lines: all of its lines.
        rules: why to drop, by the number of the line; lines that touch something guarded are left out.
    """
    edits: list[Edit] = []
    numbers = sorted(n for n in rules if not segments.touches_guarded(lines[n].start, lines[n].end))
    position = 0
    while position < len(numbers):
        first = last = numbers[position]
        while position + 1 < len(numbers) and _follows(lines, last, numbers[position + 1]):
            position += 1
            last = numbers[position]
        position += 1
        start, end = _range(segments.text, lines, first, last)
        if segments.touches_guarded(start, end):
            edits += [Edit(lines[n].start, lines[n].end, "", rules[n]) for n in range(first, last + 1) if n in rules]
        else:
            edits.append(Edit(start, end, "", rules[first]))
    return edits


def _follows(lines: Sequence[TextLine], before: int, after: int) -> bool:
    """Return whether nothing but blank lines is between two lines."""
    return all(not lines[n].text for n in range(before + 1, after))


def _range(text: str, lines: Sequence[TextLine], first: int, last: int) -> tuple[int, int]:
    start, end = lines[first].start, lines[last].end
    before, after = first - 1, last + 1
    while after < len(lines) and not lines[after].text:
        after += 1
    if after == len(lines):  # the text ends here: it ends as it did, only earlier
        while before >= 0 and not lines[before].text:
            before -= 1
        if before < 0:
            return start, end
        stop = lines[before].start + len(text[lines[before].start : lines[before].end].rstrip("\r\n"))
        return (lines[before].end, lines[last].end) if text[:end].endswith("\n") else (stop, end)
    if after > last + 1 and (before < 0 or not lines[before].text):
        end = lines[after - 1].end
    return start, end
