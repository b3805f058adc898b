"""Drop exact copies of lines and paragraphs.

A copy goes only where it says nothing that the first one does not: a whole paragraph of prose anywhere, a line or an
item within its own list or run of prose. What a copy could mean depends on its place for everything else: below another
heading or label, as a step of a procedure, a turn of a dialogue, a line of verse, an introduction of what follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from llmopt.prompts.context import Context
from llmopt.prompts.edits import Edit
from llmopt.prompts.passes.lines import TextLine, dropped, lines_of
from llmopt.prompts.spans import Segments

RULE_LINE = "duplicate-line"
RULE_PARAGRAPH = "duplicate-paragraph"
_FEWEST_WORDS = 5
_FEWEST_WORDS_ADJACENT = 3
_PARAGRAPH_WORDS = 12
_VERSE = 50
"""Mean characters of lines that are shorter than wrapped prose."""
_SENTENCE_END = re.compile(r"[.!?…][\"'”\u2019)\]]*(?=\s|$)")
_LABEL = re.compile(r"[^\s:][^:\n]{0,30}:(?:\s|$)|[\"“”'\u2018\u2019\u2013—>]|-\s|\d")
"""What a line of a dialogue, a field or a quotation begins with."""
_BULLET = re.compile(r"\s*[-*+•]\s+")
_STEP = re.compile(
    r"\s*(?:[-*+•]\s+)?(?:step|then|next|first|second|third|finally|afterwards?|after that|again|repeat|"
    r"bước|rồi|sau đó|tiếp theo|đầu tiên|cuối cùng|lặp lại)\b",
    re.IGNORECASE,
)
_SHOWN = re.compile(
    r"</?\s*(?:[\w-]*(?:example|shot|input|output|query|question|answer|user|assistant|human|ai)s?)\b", re.I
)
"""Tags around what shows rather than says."""
_Run = list[int]
"""Numbers of lines."""


def duplicates(segments: Segments, _context: Context) -> list[Edit]:
    """Drop exact copies of lines and paragraphs."""
    lines = lines_of(segments)
    texts = [line.text for line in lines if line.text]
    if len(set(texts)) == len(texts):
        return []
    shown = _shown(segments, lines)
    rules: dict[int, str] = {}
    seen: set[str] = set()
    for paragraph in _paragraphs(lines):
        text = "\n".join(lines[number].text for number in paragraph)
        if shown[paragraph[0]] or not _is_paragraph(text):
            continue
        if text in seen and _is_free(segments, lines, paragraph) and _stands_alone(lines, paragraph):
            rules |= dict.fromkeys(paragraph, RULE_PARAGRAPH)
        seen.add(text)
    for run in _runs(lines):
        if not any(shown[number] or _STEP.match(lines[number].text) for number in run):
            copies = [number for number in _copies(lines, run) if _is_free(segments, lines, [number])]
            rules |= dict.fromkeys((number for number in copies if number not in rules), RULE_LINE)
    return dropped(segments, lines, rules)


def _shown(segments: Segments, lines: Sequence[TextLine]) -> list[bool]:
    """Return for each line whether it is within tags such as `<example>`."""
    text = segments.text
    tags = [span.start for span in segments.spans if span.kind == "tag" and _SHOWN.match(text, span.start)]
    ends = [(start, -1 if text.startswith("</", start) else 1) for start in tags]
    found: list[bool] = []
    depth = at = 0
    for line in lines:
        while at < len(ends) and ends[at][0] < line.end:
            depth = max(depth + ends[at][1], 0)
            at += 1
        found.append(depth > 0)
    return found


def _paragraphs(lines: Sequence[TextLine]) -> Iterator[_Run]:
    """Yield the lines of each block of prose."""
    paragraph: _Run = []
    for number, line in enumerate(lines):
        if paragraph and line.block != lines[paragraph[-1]].block:
            yield paragraph
            paragraph = []
        if line.kind == "prose":
            paragraph.append(number)
    if paragraph:
        yield paragraph


def _is_paragraph(text: str) -> bool:
    """Return whether a text is prose of some length, neither verse nor dialogue nor the introduction of something."""
    if text.endswith((":", ",")) or _LABEL.match(text) or _STEP.match(text):
        return False
    rows = text.count("\n") + 1
    if rows > 1 and len(text) / rows < _VERSE:
        return False
    return len(text.split()) >= _PARAGRAPH_WORDS or len(_SENTENCE_END.findall(text)) > 1


def _stands_alone(lines: Sequence[TextLine], paragraph: _Run) -> bool:
    """Return whether a paragraph neither introduces what follows nor is all that a heading has."""
    following = next((line.kind for line in lines[paragraph[-1] + 1 :] if line.text), "heading")
    before = next((line.kind for line in reversed(lines[: paragraph[0]]) if line.text), "prose")
    return following == "prose" or (following in ("heading", "source") and before not in ("heading", "source"))


def _is_free(segments: Segments, lines: Sequence[TextLine], numbers: Sequence[int]) -> bool:
    spans = segments.overlapping(lines[numbers[0]].start, lines[numbers[-1]].end)
    return all(not span.guarded and span.kind != "json" for span in spans)


def _runs(lines: Sequence[TextLine]) -> Iterator[_Run]:
    """Yield the lines of each list and of each run of prose, over blank lines but over nothing else."""
    run: _Run = []
    for number, line in enumerate(lines):
        if not line.text:
            continue
        if run and line.kind != lines[run[-1]].kind:
            yield run
            run = []
        if line.kind in ("prose", "list"):
            run.append(number)
        if line.text.endswith(":") and run:
            yield run
            run = []
    if run:
        yield run


def _copies(lines: Sequence[TextLine], run: _Run) -> Iterator[int]:
    """Yield the lines of a run that are copies of one before it below the same parent."""
    seen: set[tuple[tuple[str, ...], str]] = set()
    parents: list[tuple[int, str]] = []
    for position, number in enumerate(run):
        text = lines[number].text
        indent = len(text) - len(text.lstrip())
        while parents and parents[-1][0] >= indent:
            parents.pop()
        key = (tuple(parent for _, parent in parents), text)
        parents.append((indent, text))
        following = lines[run[position + 1]].text if position + 1 < len(run) else ""
        if len(following) - len(following.lstrip()) > indent:
            seen.add((key[0], f"{text}\n{number}"))  # it has children: no copy, and nothing is a copy of it
            continue
        adjacent = position > 0 and lines[run[position - 1]].text == text
        if key in seen and _says_something(lines[number], adjacent=adjacent):
            yield number
        seen.add(key)


def _says_something(line: TextLine, *, adjacent: bool) -> bool:
    """Return whether a line is a sentence or an item long enough to be no refrain, answer or figure."""
    bullet = _BULLET.match(line.text)
    text = line.text[bullet.end() :] if bullet else line.text.strip()
    if (line.kind == "list" and not bullet) or "|" in text or "\t" in text or "  " in text or text.endswith((":", ",")):
        return False
    if len(text.split()) < (_FEWEST_WORDS_ADJACENT if adjacent else _FEWEST_WORDS) or _LABEL.match(text):
        return False
    return bool(bullet) or (text[0].isupper() and _SENTENCE_END.search(text, len(text) - 3) is not None)
