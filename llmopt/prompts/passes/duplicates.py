"""Drop exact copies of lines and paragraphs.

A copy goes only where it says nothing that the first one does not: paragraphs as `repeated` finds them, a line within
its own paragraph, an item within its own list. What a copy could mean depends on its place for everything else: below
another heading or label, as a step of a procedure, a turn of a dialogue, a line of verse, an introduction of what
follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from llmopt.prompts.context import Context
from llmopt.prompts.edits import Edit
from llmopt.prompts.passes.lines import TextLine, dropped, lines_of
from llmopt.prompts.passes.repeated import LABEL, SENTENCE_END, STEP, TELLING, TOLD, is_free, repeated_paragraphs
from llmopt.prompts.spans import Segments

RULE_LINE = "duplicate-line"
RULE_PARAGRAPH = "duplicate-paragraph"
_FEWEST_WORDS = 5
_FEWEST_WORDS_SENTENCE = 4
_FEWEST_WORDS_ITEM = 2
"""Of an item that is a sentence."""
_FEWEST_WORDS_ADJACENT = 3
_NAME_WORDS = 4
"""Most words of an item, its bullet included, that may only name something."""
_BULLET = re.compile(r"\s*[-*+•]\s+")
_RECORD = re.compile(r"\[[ xX]\]|[^\W\d_],[^\W\d_]|[|\t\\]|  |(?://|=>|->|→|#)\s*\w+\s*\Z")
"""What tells a row of data from a sentence."""
_SHOWN = re.compile(
    r"</?\s*(?:[\w-]*(?:example|shot|input|output|query|question|answer|user|assistant|human|ai)s?)\b", re.I
)
"""Tags around what shows rather than says."""
_ANNOUNCED = re.compile(
    r"\b(?:reviews?|comments?|messages?|responses?|answers?|tweets?|posts?|feedback|examples?|sentences?|lines?|records?|"
    r"entries|e?mails?|tickets?|texts?|transcripts?|conversations?|dialog(?:ue)?s?|chats?|histor(?:y|ies)|poems?|lyrics|"
    r"songs?|notes?|đánh giá|bình luận|ví dụ|câu|tin nhắn|hội thoại|phản hồi|ghi chú)\b",
    re.IGNORECASE,
)
"""Headings above what is shown: two that are the same are two."""
_Run = list[int]
"""Numbers of lines."""


def duplicates(segments: Segments, _context: Context) -> list[Edit]:
    """Drop exact copies of lines and paragraphs."""
    lines = lines_of(segments)
    texts = [line.text for line in lines if line.text]
    if len(set(texts)) == len(texts):
        return []
    shown = _shown(segments, lines)
    rules = dict.fromkeys(repeated_paragraphs(segments, lines, shown), RULE_PARAGRAPH)
    for run in _runs(lines):
        if not any(shown[number] or STEP.match(lines[number].text) for number in run):
            copies = [number for number in _copies(lines, run) if is_free(segments, lines, [number])]
            rules |= dict.fromkeys((number for number in copies if number not in rules), RULE_LINE)
    return dropped(segments, lines, rules)


def _shown(segments: Segments, lines: Sequence[TextLine]) -> list[bool]:
    """Return for each line whether it is within tags such as `<example>`, or below a heading such as `Reviews:`."""
    text = segments.text
    tags = [span.start for span in segments.spans if span.kind == "tag" and _SHOWN.match(text, span.start)]
    ends = [(start, -1 if text.startswith("</", start) else 1) for start in tags]
    found: list[bool] = []
    depth = at = 0
    announced = False
    for line in lines:
        if line.kind == "heading" or line.text.endswith(":"):
            announced = _ANNOUNCED.search(line.text) is not None
        while at < len(ends) and ends[at][0] < line.end:
            depth = max(depth + ends[at][1], 0)
            at += 1
        found.append(depth > 0 or announced)
    return found


def _runs(lines: Sequence[TextLine]) -> Iterator[_Run]:
    """Yield the lines of each paragraph, and of each list also over blank lines."""
    run: _Run = []
    for number, line in enumerate(lines):
        if not line.text:
            continue
        if run and not _goes_on(lines[run[-1]], line):
            yield run
            run = []
        if line.kind in ("prose", "list"):
            run.append(number)
        if line.text.endswith(":") and run:
            yield run
            run = []
    if run:
        yield run


def _goes_on(before: TextLine, line: TextLine) -> bool:
    return before.kind == line.kind and (line.kind == "list" or before.block == line.block)


def _copies(lines: Sequence[TextLine], run: _Run) -> Iterator[int]:
    """Yield the lines of a run that are copies of one before it below the same parent."""
    if lines[run[0]].kind == "prose" and not _are_sentences(lines, run):
        return
    labelled = lines[run[0]].kind == "prose" and any(LABEL.match(lines[number].text) for number in run)
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
        free = adjacent or not (labelled or (position > 0 and _is_name(lines[run[position - 1]])))
        if key in seen and free and _says_something(lines[number], adjacent=adjacent):
            yield number
        seen.add(key)


def _is_name(line: TextLine) -> bool:
    """Return whether an item may be what the next ones are about."""
    return line.kind == "list" and len(line.text.split()) <= _NAME_WORDS and not SENTENCE_END.search(line.text)


def _are_sentences(lines: Sequence[TextLine], run: _Run) -> bool:
    """Return whether each line of a paragraph ends a sentence or goes on in the next one, as names and verse do not."""
    for number, following in zip(run, [*run[1:], run[-1]], strict=True):
        text, behind = lines[number].text, lines[following].text.lstrip()
        if not SENTENCE_END.search(text, len(text) - 3) and not text.endswith(":") and not behind[:1].islower():
            return False
    return True


def _says_something(line: TextLine, *, adjacent: bool) -> bool:
    """Return whether a line is a sentence or an item long enough to be no refrain, answer or figure."""
    bullet = _BULLET.match(line.text)
    text = line.text[bullet.end() :] if bullet else line.text.strip()
    if (line.kind == "list" and not bullet) or _RECORD.search(text) or text.endswith((":", ",")):
        return False
    is_sentence = text[:1].isupper() and SENTENCE_END.search(text, len(text) - 3) is not None
    fewest = _FEWEST_WORDS_ADJACENT if adjacent else _FEWEST_WORDS_SENTENCE if is_sentence else _FEWEST_WORDS
    if len(text.split()) < (_FEWEST_WORDS_ITEM if bullet and is_sentence else fewest):
        return False
    if LABEL.match(text) or TOLD.match(text):
        return False
    if not (bullet or adjacent) and (text.endswith("?") or TELLING.match(text)):
        return False
    return bool(bullet) or is_sentence
