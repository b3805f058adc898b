"""Find paragraphs that a text repeats.

What stands together in both copies goes together or stays: of a section that is there twice, no paragraph is cut out
while the rest of the copy still refers to it. A heading goes with all that is below it, and no heading, introduction
or list is left without what belongs to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llmopt.prompts.passes.lines import TextLine
from llmopt.prompts.spans import Segments

SENTENCE_END = re.compile(r"[.!?…][\"'”\u2019)\]*_]*(?=\s|$)")
LABEL = re.compile(r"[^\s:][^:\n]{0,60}:(?:\s|$)|[\"“”'\u2018\u2019\u2013—>]|-\s|\d")
"""What a line of a dialogue, a field or a quotation begins with."""
TOLD = re.compile(r"\s*(?:[-*+•]\s+)?(?:I|I['\u2019]\w+|[Ww]e|[Mm]y|[Oo]ur|[Tt]ôi|[Mm]ình|[Cc]húng tôi)\b")
"""What somebody tells begins so; who tells the same are two."""
TELLING = re.compile(
    r"\s*(?:the|an?|he|she|it|they|this|that|these|those|there|his|her|their|một|các|những|anh|chị|cô|ông|bà|nó|họ|đây|đó)"
    r"\b",
    re.IGNORECASE,
)
"""A sentence that begins so tells something, and may tell it of two; instructions begin otherwise."""
STEP = re.compile(
    r"\s*(?:[-*+•]\s+)?(?:step|then|next|first|second|third|finally|afterwards?|after that|again|repeat|given|when|"
    r"bước|rồi|sau đó|tiếp theo|đầu tiên|cuối cùng|lặp lại)\b",
    re.IGNORECASE,
)
_REFERRING = re.compile(
    r"\W*(?:for (?:example|instance)|e\.g|such as|this|these|those|that|it|they|otherwise|however|instead|"
    r"in (?:this|that) case|therefore|thus|so|but|also|"
    r"ví dụ|chẳng hạn|điều này|những|tuy nhiên|nếu không|do đó|vì vậy|nhưng)\b",
    re.IGNORECASE,
)
"""What begins so refers to what is before."""
_FEWEST_WORDS = 5
_PARAGRAPH_WORDS = 12
_HEAD_WORDS = 8
"""Most words of a line that is a heading although nothing marks it as one."""
_VERSE = 50
"""Mean characters of lines that are shorter than wrapped prose."""
_HAIKU = 30
"""Mean characters of lines that may be verse although each is a sentence."""
_HASHES = re.compile(r"\s*(#{1,6})\s")
_SAID = frozenset({"prose", "heading", "list"})


@dataclass(frozen=True, slots=True)
class _Unit:
    """A block that is not blank."""

    kind: str
    text: str
    numbers: tuple[int, ...]
    """Its lines."""
    copied: bool
    """Whether one before it is the same."""
    free: bool
    """Whether it may go: both are said rather than shown, and nothing in it is guarded."""

    @property
    def is_head(self) -> bool:
        """Whether it says what the next one is about."""
        if self.kind in ("heading", "source"):
            return True
        line = len(self.numbers) == 1 and self.kind == "prose"
        return line and len(self.text.split()) <= _HEAD_WORDS and not SENTENCE_END.search(self.text, len(self.text) - 3)

    @property
    def is_separator(self) -> bool:
        """Whether it is a ruled line: what stands between two of them is one of several."""
        return not any(map(str.isalnum, self.text))

    @property
    def is_introduction(self) -> bool:
        """Whether it ends as what introduces the next one does."""
        return self.text.endswith((":", ","))


def repeated_paragraphs(segments: Segments, lines: Sequence[TextLine], shown: Sequence[bool]) -> Iterator[int]:
    """Yield the numbers of the lines of paragraphs that are there before.

    Args:
        segments: the text.
        lines: all of its lines.
        shown: of each line, whether it shows something rather than says it.
    """
    units = _units(segments, lines, shown)
    stray = _stray_heads(units)
    at = 0
    while at < len(units):
        end = at
        while end < len(units) and units[end].copied:
            end += 1
        after = max(end, at + 1)
        while end > at and units[end - 1].is_head:
            end -= 1
        if end > at and at not in stray and _may_go(units, at, end):
            yield from (number for unit in units[at:end] for number in unit.numbers)
        at = after


def _units(segments: Segments, lines: Sequence[TextLine], shown: Sequence[bool]) -> list[_Unit]:
    units: list[_Unit] = []
    seen: set[str] = set()
    told: set[str] = set()
    numbers: list[int] = []
    for number, line in enumerate(lines):
        numbers.append(number)
        if number + 1 < len(lines) and lines[number + 1].block == line.block:
            continue
        text = "\n".join(lines[each].text for each in numbers)
        if line.kind != "blank" and text.strip():
            said = not shown[numbers[0]]
            free = text in told and said and line.kind in _SAID and is_free(segments, lines, numbers)
            units.append(_Unit(line.kind, text, tuple(numbers), text in seen, free))
            seen.add(text)
            if text.lstrip().startswith(">"):  # what is said around a quotation answers it
                told.clear()
            elif said:
                told.add(text)
        numbers = []
    return units


def is_free(segments: Segments, lines: Sequence[TextLine], numbers: Sequence[int]) -> bool:
    """Return whether lines hold neither anything guarded nor JSON.

    Args:
        segments: the text.
        lines: all of its lines.
        numbers: of lines that follow each other.
    """
    spans = segments.overlapping(lines[numbers[0]].start, lines[numbers[-1]].end)
    return all(not span.guarded and span.kind != "json" for span in spans)


def _may_go(units: Sequence[_Unit], at: int, end: int) -> bool:
    """Return whether a run of copies can go at once and leave nothing behind that needs it."""
    if any(unit.is_separator for unit in units[at:end]):
        return False
    if not all(unit.free and (unit.kind != "prose" or unit.is_head or _is_said(unit)) for unit in units[at:end]):
        return False
    if not any(unit.kind == "prose" and _is_paragraph(unit) for unit in units[at:end]):
        return False
    following = units[end] if end < len(units) else None
    if units[end - 1].is_introduction or not (following is None or _stands_without(following)):
        return False
    if units[at].is_head:
        return following is None or following.is_head
    return at == 0 or not (units[at - 1].is_head or units[at - 1].text.endswith((":", ",", "?")))


def _stands_without(unit: _Unit) -> bool:
    """Return whether what follows a copy does not go on with it, as a list, code or half a sentence does."""
    if unit.kind not in ("heading", "source", "prose") or unit.text.lstrip()[:1].islower():
        return False
    return not _REFERRING.match(unit.text)


def _is_said(unit: _Unit) -> bool:
    """Return whether prose is neither verse nor dialogue nor steps."""
    if any(pattern.match(unit.text) for pattern in (LABEL, STEP, TOLD)) or _is_verse(unit):
        return False
    return unit.is_introduction or len(unit.text.split()) >= _FEWEST_WORDS


def _is_verse(unit: _Unit) -> bool:
    """Return whether prose has short lines that are no sentences, or very short ones."""
    rows = len(unit.numbers)
    if rows == 1 or len(unit.text) / rows >= _VERSE:
        return False
    return len(unit.text) / rows < _HAIKU or not all(
        SENTENCE_END.search(line, len(line) - 3) for line in unit.text.split("\n")
    )


def _is_paragraph(unit: _Unit) -> bool:
    """Return whether prose says something by itself: some words, or a sentence that asks nothing."""
    text = unit.text
    if unit.is_introduction or unit.is_head:
        return False
    if len(text.split()) >= _PARAGRAPH_WORDS or len(SENTENCE_END.findall(text)) > 1:
        return True
    end = SENTENCE_END.search(text, len(text) - 3)
    if TELLING.match(text):
        return False
    return len(text.split()) >= _FEWEST_WORDS and text[0].isupper() and end is not None and "?" not in end[0]


def _stray_heads(units: Sequence[_Unit]) -> set[int]:
    """Return which headings repeat one that stands below another heading of a higher level than they do."""
    stray: set[int] = set()
    last: dict[str, int] = {}
    above: list[tuple[int, int]] = []
    for number, unit in enumerate(units):
        if not unit.is_head:
            continue
        level = _level(unit)
        while above and above[-1][0] >= level:
            above.pop()
        if above and last.get(unit.text, number) < above[-1][1]:
            stray.add(number)
        last[unit.text] = number
        if unit.kind == "heading":
            above.append((level, number))
    return stray


def _level(unit: _Unit) -> int:
    hashes = _HASHES.match(unit.text)
    return len(hashes[1]) if hashes else 7
