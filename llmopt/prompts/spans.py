"""What the parts of a text are: blocks of whole lines, and spans within them that passes must respect."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

BlockKind = Literal[
    "blank",  # lines of nothing but whitespace
    "prose",  # a paragraph of natural language, instructions included
    "heading",  # a markdown or label heading on a line of its own
    "list",  # consecutive items, bulleted or numbered, with their continuation lines
    "table",  # a markdown table
    "log",  # log lines, with their stack traces
    "fewshot",  # examples that show input and output under labels
    "source",  # the header line of a retrieved chunk, such as `[3] Title` or `Source: ...`
    "code",  # fenced code, closed or not
    "data",  # JSON, YAML, CSV, indented or aligned text: whatever is laid out and is none of the above
]
SpanKind = Literal[
    "fence",  # fenced code with its fences
    "inline_code",  # between backticks
    "json",  # a valid JSON object or array; only passes that keep its values may touch it
    "tag",  # one XML or HTML tag; what it encloses is not part of it
    "placeholder",  # {name}, {{ jinja }}, {% if %}, ${name}, $name, %s, %(name)s, <name> in capitals
    "url",  # a URL or an e-mail address
    "quoted",  # a quoted string with its quotes
    "keep",  # a <keep> region with its tags
    "pinned",  # a match of a pattern that the user wants kept
    "prefix",  # the beginning that a provider has cached
    "broken",  # from an unbalanced fence, brace or tag up to where it can be trusted again
]
GUARDED: frozenset[str] = frozenset(
    {"fence", "inline_code", "tag", "placeholder", "keep", "pinned", "prefix", "broken"}
)
"""Spans that no pass touches at all."""
LITERALS: frozenset[str] = frozenset({"url", "quoted"})
"""Spans that are never changed inside; one may go only with an exact copy of the whole line it stands in."""
Language = Literal["en", "vi", "other"]


@dataclass(frozen=True, slots=True)
class Span:
    """A typed part of a text; spans of one text are sorted and do not overlap."""

    start: int
    """Offset of the first character."""
    end: int
    """Offset behind the last character."""
    kind: SpanKind
    guarded: bool
    """Whether no pass may touch it: by its kind, or because something guarded is inside."""


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of one kind, their final line break included; the blocks of a text cover all of it."""

    start: int
    end: int
    kind: BlockKind
    language: Language = "other"
    """Of prose, lists and headings."""


@dataclass(frozen=True, slots=True)
class Segments:
    """A text with its blocks and spans."""

    text: str
    blocks: tuple[Block, ...]
    """In order, without gaps or overlaps, from 0 to the end of the text."""
    spans: tuple[Span, ...]
    """Sorted, none overlapping; what is in none of them is free text."""
    _starts: list[int] = field(default_factory=list, repr=False, compare=False)

    def overlapping(self, start: int, end: int) -> tuple[Span, ...]:
        """Return the spans that share a character with `[start, end)`; of an empty range, those it lies within."""
        if len(self._starts) != len(self.spans):
            self._starts[:] = [span.start for span in self.spans]
        first = max(bisect_right(self._starts, start) - 1, 0)
        last = bisect_left(self._starts, max(end, start + 1))
        return tuple(span for span in self.spans[first:last] if span.end > start and span.start < max(end, start))

    def touches_guarded(self, start: int, end: int) -> bool:
        """Return whether an edit of `[start, end)` would touch what no pass may touch."""
        return any(span.guarded for span in self.overlapping(start, end))

    def free(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the ranges of `[start, end)` that lie in no span at all."""
        at = start
        for span in self.overlapping(start, end):
            if span.start > at:
                yield at, span.start
            at = max(at, span.end)
        if at < end:
            yield at, end

    def of_kind(self, *kinds: SpanKind) -> tuple[Span, ...]:
        """Return the spans of these kinds."""
        return tuple(span for span in self.spans if span.kind in kinds)

    def slice(self, part: Span | Block) -> str:
        """Return the text of a span or a block."""
        return self.text[part.start : part.end]
