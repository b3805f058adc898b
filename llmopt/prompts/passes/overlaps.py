"""Find where a retrieved chunk begins with what the one before it ends with, as splitters with an overlap make it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from llmopt.prompts.edits import Edit
from llmopt.prompts.passes.chunks import Chunk
from llmopt.prompts.passes.lines import TextLine
from llmopt.prompts.spans import Segments

RULE = "chunk-overlap"
_FEWEST_WORDS = 5
_MOST_WORDS = 400
"""Words of a chunk's end or beginning that are compared; more than splitters let overlap."""
_WORD = re.compile(r"\S+")
_SENTENCE_END = re.compile(r"[.!?…][\"'”\u2019)\]*_]*\Z")
_SPOKEN = ("prose", "list")


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    start: int
    end: int
    line_start: int


def overlaps(
    segments: Segments, lines: Sequence[TextLine], chunks: Sequence[Chunk], skipped: set[int]
) -> Iterator[Edit]:
    """Yield the edits that leave one copy of what two neighbouring chunks share, whole sentences only.

    Args:
        segments: the text.
        lines: all of its lines.
        chunks: in order.
        skipped: numbers of lines that are boilerplate, which may stand between.
    """
    for before, after in pairwise(chunks):
        last = _spoken(lines, [n for n in reversed(before.lines) if n not in skipped])[::-1]
        first = _spoken(lines, [n for n in after.lines if n not in skipped])
        if not _may_share(lines, last, first):
            continue
        ending = _words(segments, lines, last)[-_MOST_WORDS:]
        beginning = _words(segments, lines, first)
        size = _shared([word.text for word in ending], [word.text for word in beginning])
        while size and not _SENTENCE_END.search(beginning[size - 1].text):
            size -= 1
        if size < _FEWEST_WORDS or size >= len(beginning):
            continue
        start, end = beginning[0].start, beginning[size].start
        if "\n" in segments.text[beginning[size - 1].end : end]:
            end = beginning[size].line_start
        within = any(n in skipped and start <= lines[n].start < end for n in after.lines)
        if not within and not segments.touches_guarded(start, end):
            yield Edit(start, end, "", RULE)


def _spoken(lines: Sequence[TextLine], numbers: Sequence[int]) -> list[int]:
    """Return the first of some lines, as far as they are prose or lists, up to about as many words as matter."""
    found: list[int] = []
    count = 0
    for number in numbers:
        if lines[number].kind not in _SPOKEN or count >= _MOST_WORDS:
            break
        found.append(number)
        count += lines[number].text.count(" ") + 1
    return found


def _may_share(lines: Sequence[TextLine], last: Sequence[int], first: Sequence[int]) -> bool:
    """Return whether the first words of a chunk are in the end of the one before at all."""
    words = lines[first[0]].text.split(maxsplit=_FEWEST_WORDS) if first else []
    opening = " ".join(words[: min(_FEWEST_WORDS, max(len(words) - 1, 1))])
    return bool(opening) and opening in " ".join(" ".join(lines[number].text for number in last).split())


def _words(segments: Segments, lines: Sequence[TextLine], numbers: Sequence[int]) -> list[_Word]:
    return [
        _Word(word[0], word.start(), word.end(), lines[number].start)
        for number in numbers
        for word in _WORD.finditer(segments.text, lines[number].start, lines[number].end)
    ]


def _shared(ending: Sequence[str], beginning: Sequence[str]) -> int:
    """Return the number of words that end the one and begin the other (Knuth, Morris and Pratt, 1977)."""
    pattern = beginning[:_MOST_WORDS]
    borders = [0] * len(pattern)
    size = 0
    for position in range(1, len(pattern)):
        while size and pattern[position] != pattern[size]:
            size = borders[size - 1]
        size += pattern[position] == pattern[size]
        borders[position] = size
    size = 0
    for word in ending:
        while size and (size == len(pattern) or word != pattern[size]):
            size = borders[size - 1]
        size += size < len(pattern) and word == pattern[size]
    return size
