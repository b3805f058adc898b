"""Shorten whitespace that carries no meaning.

Four rules: blanks at line ends go (`trailing-whitespace`; so do the two that make a line break in markdown), runs of
blank lines become one (`blank-lines`), several blanks between words of prose become one (`repeated-spaces`), and
blank lines at the start and whitespace at the end of the text go (`end-of-text`). Blanks are U+0020 and tabs; other
spaces are characters like any other. Indentation stays, and line endings stay what they are.

What is laid out is left alone: code altogether; data, tables and examples lose no more than blanks at line ends; and in
prose a line keeps its gaps where they may be those of columns. Tabs at the end of a line that has tabs within may be
empty columns, so they stay too.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property

from llmopt.prompts.context import Context
from llmopt.prompts.edits import Edit, in_order
from llmopt.prompts.spans import BlockKind, Segments

_START = re.compile(r"(?:[ \t]*+\r?\n)++")
_BLANK_LINES = re.compile(r"\n[ \t]*+\r?(\n)(?:[ \t]*+\r?\n)++")
_LINE_END = re.compile(r"[ \t]\r?\n")
_LINE_ENDS = (" \n", "\t\n", " \r\n", "\t\r\n")
_SPACES = re.compile(r"  ++")
_BEFORE = re.compile(r"""[^\W_]|[.,;:!?)\]"'\u201d\u2019\u2026%]""")
_BEHIND = re.compile(r"""[^\W_]|[("'\u201c\u2018\[$€£]""")
_SENTENCE = re.compile(r"""(?:[.!?]["')\]\u201d\u2019]|.?[.!?])\Z""", re.DOTALL)
_BLANKS = re.compile(r"[ \t]*+")
_SIGN = re.compile(r"[^\w\s]|_")
_MARKER = re.compile(r"[ \t]*(?:[0-9]{1,4}|[A-Za-z])[.)]")
_SEPARATORS = (",", ";", "|")
_LONGEST_MARKER = 16
_WIDE = 3
"""Blanks of a gap, two of which in one line are those of columns."""
_PROSE: frozenset[BlockKind] = frozenset({"prose", "heading", "list"})
_LOOSE: frozenset[BlockKind] = frozenset({"blank", "prose", "heading", "list", "log", "source"})
"""Blocks within which runs of blank lines mean no more than one."""
_LAID_OUT: frozenset[BlockKind] = frozenset({"code", "data", "fewshot"})
"""Blocks between which they may mean more."""


def whitespace(segments: Segments, _context: Context) -> list[Edit]:
    """Shorten whitespace that carries no meaning."""
    text = segments.text
    end = _end(text)
    if not end:
        return []
    found = _START.match(text)
    start = found.end() if found else 0
    kinds = _Kinds(segments)
    if kinds.at(end - 1) == "code" and not segments.overlapping(end - 1, end):
        end = text.find("\n", end) + 1 or len(text)  # a block scalar of YAML ends with its line break
    edits = [Edit(0, start, "", "end-of-text"), Edit(end, len(text), "", "end-of-text")]
    edits += _blank_lines(text, start, end, kinds)
    edits += _trailing(text, start, end, kinds)
    edits += _repeated(text, start, end, kinds)
    if segments.spans:
        edits = [edit for edit in edits if not segments.overlapping(edit.start, edit.end)]
    return in_order(edit for edit in edits if edit.end > edit.start)


def _end(text: str) -> int:
    """Return where a text ends but for whitespace; what is blank behind a separator may be a cell."""
    end = len(text.rstrip(" \t\r\n"))
    behind = _BLANKS.match(text, end)
    above = text.rfind("\n", 0, max(text.rfind("\n", 0, end), 0)) + 1
    if behind and text[end - 1 : end] in (",", ";"):
        return behind.end()
    return behind.end() if behind and "\t" in behind[0] and "\t" in text[above:end].strip() else end


class _Kinds:
    """What kind of block a place is in."""

    def __init__(self, segments: Segments) -> None:
        self._blocks = segments.blocks
        self._starts = [block.start for block in segments.blocks]

    def at(self, place: int) -> BlockKind:
        """Return the kind of the block around a character."""
        return self._blocks[bisect_right(self._starts, place) - 1].kind

    def is_within_layout(self, place: int) -> bool:
        """Return whether a blank line is laid out itself, or stands between blocks that are."""
        index = bisect_right(self._starts, place) - 1
        if self._blocks[index].kind != "blank":
            return self._blocks[index].kind not in _LOOSE
        around = self._blocks[max(index - 1, 0) : index + 2 : 2]
        return len(around) == 2 and all(block.kind in _LAID_OUT for block in around)


def _blank_lines(text: str, start: int, end: int, kinds: _Kinds) -> Iterator[Edit]:
    for found in _BLANK_LINES.finditer(text, start, end):
        if not kinds.is_within_layout(found.end(1)):
            yield Edit(found.end(1), found.end(), "", "blank-lines")


def _trailing(text: str, start: int, end: int, kinds: _Kinds) -> Iterator[Edit]:
    if not any(ending in text for ending in _LINE_ENDS):
        return
    for found in _LINE_END.finditer(text, start, end):
        stop = found.start() + 1
        first = stop - 1
        while first > start and text[first - 1] in " \t":
            first -= 1
        kind = kinds.at(first)
        is_blank = first == 0 or text[first - 1] == "\n"
        if kind == "code" or (is_blank and kinds.is_within_layout(first)):
            continue
        if kind == "data" and text[first - 1 : first] in _SEPARATORS:
            continue
        if "\t" in text[first:stop] and (kind == "data" or _has_tabs(text, first)):
            continue
        yield Edit(first, stop, "", "trailing-whitespace")


def _has_tabs(text: str, end: int) -> bool:
    """Return whether the line up to a place has tabs behind its indentation."""
    return "\t" in text[text.rfind("\n", 0, end) + 1 : end].lstrip()


def _repeated(text: str, start: int, end: int, kinds: _Kinds) -> Iterator[Edit]:
    line = _Line(text, start)
    for found in _SPACES.finditer(text, start, end):
        first, stop = found.span()
        if first == 0 or not _BEFORE.match(text, first - 1) or not _BEHIND.match(text, stop):
            continue
        if kinds.at(first) not in _PROSE:
            continue
        line = line.around(first)
        if not line.is_marker(first) and not line.has_columns:
            yield Edit(first, stop, " ", "repeated-spaces")


class _Line:
    """A line of prose and its gaps: where several blanks stand within it."""

    def __init__(self, text: str, start: int, above: _Line | None = None) -> None:
        end = text.find("\n", start)
        self._text = text
        self._above = above
        self.start = start
        self.end = end if end >= 0 else len(text)

    def around(self, place: int) -> _Line:
        """Return the line of a place in this line or behind it."""
        if place <= self.end:
            return self
        if place <= self.below.end:
            return self.below
        return _Line(self._text, self._text.rfind("\n", self.below.end, place) + 1)

    @cached_property
    def below(self) -> _Line:
        """The next line, which is empty behind the last one."""
        return _Line(self._text, min(self.end + 1, len(self._text)), self)

    @cached_property
    def above(self) -> _Line | None:
        """The line before; None before the first one."""
        if self._above or not self.start:
            return self._above
        return _Line(self._text, self._text.rfind("\n", 0, self.start - 1) + 1)

    def is_marker(self, place: int) -> bool:
        """Return whether what stands before a place is the number of a list item: what follows is its indentation."""
        short = place - self.start <= _LONGEST_MARKER
        return short and _MARKER.fullmatch(self._text, self.start, place) is not None

    @cached_property
    def has_columns(self) -> bool:
        """Whether the gaps may be those of columns or of a drawing, as the lines around say."""
        around = [self.below, self.above] if self.above else [self.below]
        if any(line.is_drawn or line.is_wide for line in [self, *around]):
            return True
        return bool(self.gaps) and any(self.is_like(line) for line in around)

    def is_like(self, other: _Line) -> bool:
        """Return whether two lines may be rows: their gaps stand at the same places, or are as many."""
        if not other.gaps:
            return False
        if len(self.gaps) == len(other.gaps) and not self.is_sentence and not other.is_sentence:
            return True
        starts, ends = map(set, zip(*other.gaps, strict=True))
        return any(start in starts or end in ends for start, end in self.gaps)

    @cached_property
    def gaps(self) -> list[tuple[int, int]]:
        """The gaps, counted from the start of the line, without those of two blanks behind a sentence."""
        if self._text.find("  ", self.start, self.end) < 0:
            return []
        line = self._text[self.start : self.end].rstrip()
        indent = len(line) - len(line.lstrip())
        gaps = (found.span() for found in _SPACES.finditer(line, indent))
        return [gap for gap in gaps if gap[1] - gap[0] > 2 or not _SENTENCE.match(line, max(gap[0] - 2, 0), gap[0])]

    @cached_property
    def is_wide(self) -> bool:
        """Whether a few words have wide gaps between them, as cells have, and chords above a line of a song."""
        wide = sum(end - start >= _WIDE for start, end in self.gaps)
        return wide > 1 and len(self._text[self.start : self.end].split()) <= 2 * (wide + 1)

    @cached_property
    def is_drawn(self) -> bool:
        """Whether most of the line is neither letters nor digits."""
        line = self._text[self.start : self.end]
        signs = len(_SIGN.findall(line))
        return signs > 0 and 2 * signs >= len(line) - sum(map(line.count, " \t\r"))

    @cached_property
    def is_sentence(self) -> bool:
        """Whether the line ends as a sentence or a part of one does, which rows do not."""
        return self._text[self.start : self.end].rstrip().endswith((".", "!", "?", ":", ",", ";"))
