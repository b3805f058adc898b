"""Where retrieved chunks begin: at source headers, numbered headings, tags of documents, or ruled lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from llmopt.prompts.passes.lines import TextLine
from llmopt.prompts.spans import Segments

_TAG = re.compile(
    r"<(/?)(?:document|documents|doc|docs|source|sources|passage|context|chunk|result|results|search_result|article|page|"
    r"item|snippet|excerpt|document_content|tai_lieu)\b",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    r"\W{0,6}(?:document|doc|source|passage|chunk|context|result|page|snippet|excerpt|reference|"
    r"tài liệu|nguồn|đoạn|đoạn văn|văn bản|kết quả|ngữ cảnh)\s{0,2}#?\[?\d{1,4}\b|\[\d{1,3}\](?:\s|$)",
    re.IGNORECASE,
)
_RULED = re.compile(r"\s{0,3}([-=*_~#+])\1{2,}\s*")
_PART = re.compile(r"\W{0,6}(?:section|article|file|step|task|rule|example|phần|mục|điều|bước)\b", re.IGNORECASE)
"""Parts of one document, or of the instructions: what these repeat, they mean."""
_FEWEST_RULED = 3
"""Chunks between ruled lines alone; two such lines also cut a prompt into its sections."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A retrieved piece of text."""

    lines: tuple[int, ...]
    """Numbers of its lines that are not blank, without its header."""


def chunks_of(segments: Segments, lines: Sequence[TextLine]) -> list[Chunk]:
    """Return the chunks of a text; none where it does not look like a retrieved context."""
    tags = _tag_lines(segments, lines)
    marked = [_is_mark(line, number, tags) for number, line in enumerate(lines)]
    ruled = [bool(line.text) and _RULED.fullmatch(line.text) is not None for line in lines]
    if not any(marked):
        chunks = _between(lines, ruled, ruled)
        return chunks if len(chunks) >= _FEWEST_RULED else []
    return _between(lines, [m or r for m, r in zip(marked, ruled, strict=True)], marked)


def _is_mark(line: TextLine, number: int, tags: set[int]) -> bool:
    if number in tags:
        return True
    if _PART.match(line.text):
        return False
    if line.kind == "source":
        return True
    return line.kind in ("heading", "prose", "list") and len(line.text) < 200 and _NUMBERED.match(line.text) is not None


def _tag_lines(segments: Segments, lines: Sequence[TextLine]) -> set[int]:
    """Return the lines with a tag of a document, opening or closing."""
    starts = [s.start for s in segments.spans if s.kind == "tag" and _TAG.match(segments.text, s.start)]
    found: set[int] = set()
    at = 0
    for number, line in enumerate(lines):
        while at < len(starts) and starts[at] < line.end:
            found.add(number)
            at += 1
    return found


def _between(lines: Sequence[TextLine], cuts: Sequence[bool], marks: Sequence[bool]) -> list[Chunk]:
    """Return what stands between cuts, from the first mark on."""
    first = next((number for number, mark in enumerate(marks) if mark), len(lines))
    found: list[list[int]] = [[]]
    for number in range(first if marks is not cuts else 0, len(lines)):
        if cuts[number]:
            found.append([])
        elif lines[number].text:
            found[-1].append(number)
    return [Chunk(tuple(numbers)) for numbers in found if numbers]
