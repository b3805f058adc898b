"""Sentences and list items of the prose of a text."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from llmopt.prompts.spans import BlockKind, Segments

_MARKER = re.compile(
    r"[ \t]*(?:>[ \t]*)*(?:#{1,6}[ \t]+)?(?:(?:[-*+•\u2013]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])[ \t]+)?(?:\[[ xX]\][ \t]+)?"
)
_ENDS = re.compile(r"[.!?…]['\")\]\u201d\u2019]*[ \t]+(?=[^\sa-z])|\r?\n(?=[ \t]*[^\sa-z]|[ \t]*\r?\n)")
_PROSE: frozenset[BlockKind] = frozenset({"prose", "list", "heading"})
_ABBREVIATED = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|Mr|Mrs|Ms|Dr|Prof|No|St|v\.v)|\b[A-Z0-9])\.['\")\]\u201d\u2019]*[ \t]*$"
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, or an item of a list, without the marker and the blanks around it."""

    start: int
    end: int
    item: bool
    """Whether it begins behind the marker of a list item."""
    first: bool
    """Whether it begins its line."""
    kind: BlockKind


def sentences(segments: Segments) -> Iterator[Sentence]:
    """Yield the sentences of all prose, lists and headings, in order."""
    for block in segments.blocks:
        if block.kind in _PROSE:
            yield from _of_block(segments.text, block.start, block.end, block.kind)


def prose_at(segments: Segments) -> Callable[[int], bool]:
    """Return what tells whether an offset lies in prose, a list, or a line such as `Please answer these:`."""
    starts = [block.start for block in segments.blocks]

    def in_prose(at: int) -> bool:
        block = segments.blocks[bisect_right(starts, at) - 1]
        if block.kind != "heading":
            return block.kind in _PROSE
        line = segments.slice(block).strip()
        return line.endswith(":") and not line.startswith("#")

    return in_prose


def _of_block(text: str, start: int, end: int, kind: BlockKind) -> Iterator[Sentence]:
    at = start
    first = True
    for found in _ENDS.finditer(text, start, end):
        broken = found[0].endswith("\n")
        if not broken and _ABBREVIATED.search(text, max(start, found.end() - 12), found.end()):
            continue
        stop = found.start() if broken else found.end()
        yield from _sentence(text, at, stop, first, kind)
        at, first = found.end(), broken
    yield from _sentence(text, at, end, first, kind)


def _sentence(text: str, start: int, end: int, first: bool, kind: BlockKind) -> Iterator[Sentence]:
    marker = _MARKER.match(text, start, end) if first else None
    at = marker.end() if marker else start
    while at < end and text[at].isspace():
        at += 1
    while end > at and text[end - 1].isspace():
        end -= 1
    if end > at:
        item = bool(marker and text[start : marker.end()].strip(" \t>#"))
        yield Sentence(at, end, item, first, kind)
