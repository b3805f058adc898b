"""Drop what retrieved chunks repeat: navigation, notices, overlaps.

Only where a text looks like a retrieved context. Of a line that several chunks begin or end with, the first copy stays;
of sentences that one chunk ends with and the next begins with, too. A line that is furniture by its look (see
`boilerplate_lines`) goes even where it stands once, if it stands among others of its kind or at the border of its chunk
and every number, negation and quantifier in it is elsewhere in the text. Headers of sources and headings always stay.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby

from llmopt.prompts.context import Context
from llmopt.prompts.edits import Edit, in_order
from llmopt.prompts.facts import facts
from llmopt.prompts.passes.boilerplate_lines import is_boilerplate, is_menu_entry
from llmopt.prompts.passes.chunks import Chunk, chunks_of
from llmopt.prompts.passes.lines import TextLine, dropped, lines_of
from llmopt.prompts.passes.overlaps import overlaps
from llmopt.prompts.spans import Segments

RULE = "chunk-boilerplate"
_FEWEST_WORDS = 6
"""Of a repeated line that does not look like furniture."""
_TELLING_WORDS = 4
"""Of a line of furniture that needs no other beside it."""
_FEWEST_COPIES = 3
"""Of such a line."""
_FEWEST_ENTRIES = 3
_LABEL = re.compile(r"[^\s:][^:\n]{0,30}:\s")
_SPOKEN = ("prose", "list")
_ASKED = re.compile(r"[^?]*\?|\s*(?:question|query|user|task|câu hỏi|hỏi|yêu cầu)\b.*", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{5,}")
"""Words that tell what a question is about."""


def boilerplate(segments: Segments, _context: Context) -> list[Edit]:
    """Drop what retrieved chunks repeat: navigation, notices, overlaps."""
    lines = lines_of(segments)
    chunks = chunks_of(segments, lines)
    if not chunks:
        return []
    furniture = {number for chunk in chunks for number in _furniture(lines, chunk)}
    repeated = _repeated(lines, chunks, furniture)
    copies = {n for numbers in repeated for n in numbers[1:]}
    firsts = {numbers[0] for numbers in repeated}
    single = _single(segments, lines, chunks, furniture, copies)
    edits = dropped(segments, lines, dict.fromkeys(copies | single, RULE))
    return in_order([*edits, *overlaps(segments, lines, chunks, copies | single | firsts | furniture)])


def _is_spoken(line: TextLine) -> bool:
    return line.kind in _SPOKEN


def _furniture(lines: Sequence[TextLine], chunk: Chunk) -> Iterator[int]:
    """Yield the lines of a chunk that look like furniture; single words and entries of menus only among others."""
    looks = [_is_spoken(lines[n]) and is_boilerplate(lines[n].text) for n in chunk.lines]
    entries = [_is_spoken(lines[n]) and is_menu_entry(lines[n].text) for n in chunk.lines]
    for look, run in groupby(range(len(looks)), key=lambda position: looks[position] or entries[position]):
        positions = list(run)
        for position in positions if look else ():
            alone = len(positions) < (2 if looks[position] else _FEWEST_ENTRIES)
            telling = looks[position] and len(lines[chunk.lines[position]].text.split()) > 1
            if telling or not alone:
                yield chunk.lines[position]


def _repeated(lines: Sequence[TextLine], chunks: Sequence[Chunk], furniture: set[int]) -> list[list[int]]:
    """Return, for each line of boilerplate in several chunks, its numbers; one a chunk, the first one kept."""
    places: dict[str, list[int]] = defaultdict(list)
    for chunk in chunks:
        for text, number in {lines[n].text.strip(): n for n in reversed(chunk.lines) if _is_spoken(lines[n])}.items():
            places[text].append(number)
    several = {text: numbers for text, numbers in places.items() if len(numbers) > 1}
    edges = {n for chunk in chunks for n in _edges(lines, chunk, several, furniture)}
    found: list[list[int]] = []
    for text, numbers in several.items():
        if numbers[0] in furniture:
            found.append(numbers)
            continue
        at_edge = [number for number in numbers if number in edges]
        enough = len(at_edge) >= _FEWEST_COPIES and len(at_edge) * 2 >= len(chunks)
        enough = enough and len(at_edge) + 1 >= len(numbers)
        if enough and len(text.split()) >= _FEWEST_WORDS and not _LABEL.match(text):
            found.append(at_edge)
    return found


def _edges(
    lines: Sequence[TextLine], chunk: Chunk, several: dict[str, list[int]], furniture: set[int]
) -> Iterator[int]:
    """Yield the lines at the beginning and the end of a chunk that others have too, or that are furniture."""
    common = [n in furniture or lines[n].text.strip() in several for n in chunk.lines]
    if all(common):  # then it is the chunk itself that is there twice
        return
    first, last = common.index(False), len(common) - common[::-1].index(False)
    yield from (*chunk.lines[:first], *chunk.lines[last:])


def _single(
    segments: Segments, lines: Sequence[TextLine], chunks: Sequence[Chunk], furniture: set[int], copies: set[int]
) -> set[int]:
    """Return the lines of furniture that go although there is no other copy."""
    candidates = [
        number
        for chunk in chunks
        for position, number in _at_borders(lines, chunk, furniture)
        if number in furniture and number not in copies and _is_certain(lines, chunk.lines, position, furniture)
    ]
    if not candidates:
        return set()
    asked = _asked(lines, furniture)
    left = Counter(facts(segments.text))
    for number in copies:
        left.subtract(facts(lines[number].text))
    found: set[int] = set()
    for number in candidates:
        wanted = Counter(facts(lines[number].text))
        if not asked.isdisjoint(_WORD.findall(lines[number].text.lower())):
            continue
        if all(left[fact] > count for fact, count in wanted.items()) and _is_plain(segments, lines[number]):
            left.subtract(wanted)
            found.add(number)
    return found


def _at_borders(lines: Sequence[TextLine], chunk: Chunk, furniture: set[int]) -> Iterator[tuple[int, int]]:
    """Yield the lines of furniture that a chunk begins or ends with; what a colon announces is none."""
    numbers = chunk.lines
    content = [position for position, number in enumerate(numbers) if number not in furniture]
    if not content:  # then the furniture is what it is about
        return
    announced = lines[numbers[content[-1]]].text.endswith(":")
    for position, number in enumerate(numbers):
        if position < content[0] or (position > content[-1] and not announced):
            yield position, number


def _asked(lines: Sequence[TextLine], furniture: set[int]) -> set[str]:
    """Return the words of the lines that ask something."""
    asking = (line.text for number, line in enumerate(lines) if number not in furniture and _ASKED.match(line.text))
    return {word for text in asking for word in _WORD.findall(text.lower())}


def _is_certain(lines: Sequence[TextLine], numbers: Sequence[int], position: int, furniture: set[int]) -> bool:
    """Return whether a line stands beside other furniture, or at the border of its chunk and is long enough to tell."""
    beside = [*numbers[max(position - 1, 0) : position], *numbers[position + 1 : position + 2]]
    if any(number in furniture for number in beside):
        return True
    at_border = len(beside) < 2 and len(numbers) > 1
    return at_border and len(lines[numbers[position]].text.split()) >= _TELLING_WORDS


def _is_plain(segments: Segments, line: TextLine) -> bool:
    return not segments.overlapping(line.start, line.start + len(line.text))
