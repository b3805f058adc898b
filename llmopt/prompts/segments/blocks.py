"""Cut a text into blocks of whole lines.

Each line has a kind of its own (`line_kinds`); the blocks are then grown line by line, the most particular first.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

from llmopt.prompts.segments.fewshot import few_shot_ends
from llmopt.prompts.segments.found import masked
from llmopt.prompts.segments.laid_out import aligned_end, data_end, table_end
from llmopt.prompts.segments.language import language_of
from llmopt.prompts.segments.line_kinds import JSON_LOG, LINE
from llmopt.prompts.segments.lines import line_start, line_starts, next_line
from llmopt.prompts.segments.logs import log_end
from llmopt.prompts.segments.rows import Rows
from llmopt.prompts.segments.verbatim import verbatim
from llmopt.prompts.spans import Block, BlockKind, Language, Span

_EXAMPLES: BlockKind = "fewshot"
_BREAKS = ("", "\n", "\r")
_BEFORE_FENCE = " \t>*+-0123456789.)"
_LAID_OUT = re.compile(r"[|;\t]|  ")
_SPOKEN = frozenset({"prose", "heading", "list"})


def blocks_of(text: str, spans: Sequence[Span]) -> tuple[Block, ...]:
    """Return the blocks of a text.

    Args:
        text: any text.
        spans: its spans; code and JSON over several lines are blocks of their own.
    """
    rows = _rows(text, spans)
    _mark_verbatim(rows, spans)
    found: list[tuple[int, int, BlockKind]] = []
    examples = few_shot_ends(rows)
    at, count = 0, len(rows)
    while at < count:
        end, kind = _next(rows, at) if at not in examples else (examples[at], _EXAMPLES)
        if found and found[-1][2] == kind and kind not in ("heading", "fewshot", "table"):
            found[-1] = (found[-1][0], rows.starts[end], kind)
        else:
            found.append((rows.starts[at], rows.starts[end], kind))
        at = end
    return _with_languages(text, found)


def _rows(text: str, spans: Sequence[Span]) -> Rows:
    """Return the lines; those of code, and of JSON over several lines, count as one."""
    starts: list[int] = []
    kinds: list[str] = []
    at = 0
    for span in spans:
        kind = _laid_out(text, span)
        if kind and span.end > at:
            start = max(line_start(text, span.start), at)
            _add_lines(text, at, start, starts, kinds)
            starts.append(start)
            kinds.append(kind)
            at = next_line(text, span.end)
    _add_lines(text, at, len(text), starts, kinds)
    starts.append(len(text))
    return Rows(text, starts, kinds)


def _add_lines(text: str, start: int, end: int, starts: list[int], kinds: list[str]) -> None:
    if start == end:
        return
    match = LINE.match
    more = line_starts(text, start, end)
    starts += more
    kinds += [(found.lastgroup or "prose") if (found := match(text, at)) else "prose" for at in more]


def _mark_verbatim(rows: Rows, spans: Sequence[Span]) -> None:
    """Make code of lines that are laid out as they are read."""
    fenced = [(span.start, span.end, span.kind) for span in spans if span.kind == "fence"]
    for start, end in verbatim(masked(rows.text, fenced)):
        first = bisect_right(rows.starts, start) - 1
        for index in range(first, bisect_left(rows.starts, end)):
            if rows.kinds[index] != "DATA":
                rows.kinds[index] = "CODE"


def _laid_out(text: str, span: Span) -> str:
    if span.kind == "fence":
        return "CODE"
    if span.kind == "json":
        several = text.find("\n", span.start, span.end) >= 0 or text.find("\r", span.start, span.end) >= 0
        if several or text[span.start - 1 : span.start] not in _BREAKS:
            return "DATA" if several else ""
        return "" if text[span.end : span.end + 1] in _BREAKS and JSON_LOG.match(text, span.start) else "DATA"
    if span.kind == "broken":
        return "CODE" if text[span.start : span.start + 40].lstrip(_BEFORE_FENCE).startswith(("```", "~~~")) else ""
    return ""


def _next(rows: Rows, at: int) -> tuple[int, BlockKind]:
    """Return where the block that starts at a line ends, and its kind."""
    kind = rows.kinds[at]
    if kind in ("CODE", "DATA", "blank"):
        end = at + 1
        while end < len(rows) and rows.kinds[end] == kind:
            end += 1
        return end, {"CODE": "code", "DATA": "data", "blank": "blank"}[kind]  # type: ignore[return-value]
    if kind == "prose" and _is_plain(rows, at):
        return at + 1, "prose"
    for finder, name in _FINDERS:
        end = finder(rows, at)
        if end > at:
            return end, name
    return at + 1, "prose"


def _is_plain(rows: Rows, at: int) -> bool:
    """Return whether a line that looks like prose can be nothing else, whatever its neighbours are."""
    text, start, end = rows.text, rows.starts[at], rows.starts[at + 1]
    if at + 1 < len(rows) and rows.kinds[at + 1] in ("rule", "table"):
        return False
    comma = text.find(",", start, end)
    return (comma < 0 or text.find(",", comma + 1, end) < 0) and not _LAID_OUT.search(text, start, end)


def _heading_end(rows: Rows, at: int) -> int:
    kind = rows.kinds[at]
    if kind == "heading":
        return at + 1
    first = at == 0 or rows.kinds[at - 1] in ("blank", "heading", "CODE", "DATA", "rule")
    if kind in ("label", "prose", "pair") and at + 1 < len(rows) and rows.kinds[at + 1] == "rule":
        under = rows.line(at + 1).strip()
        if first and set(under) in ({"="}, {"-"}) and len(rows.line(at).strip()) <= 100:
            return at + 2
    if kind == "label" or (kind == "pair" and not _has_pairs_under(rows, at)):
        return at + _is_label(rows.line(at)) if first else at
    return at


def _has_pairs_under(rows: Rows, at: int) -> bool:
    return at + 1 < len(rows) and rows.kinds[at + 1] in ("pair", "indented")


def _is_label(line: str) -> bool:
    """Return whether a line is a few words and a colon."""
    line = line.strip().strip("*").rstrip()
    return line.endswith(":") and len(line) <= 60 and len(line.split()) <= 8


def _source_end(rows: Rows, at: int) -> int:
    return at + 1 if rows.kinds[at] == "source" else at


def _list_end(rows: Rows, at: int) -> int:
    if rows.kinds[at] != "list":
        return at
    end = at + 1
    while end < len(rows):
        kind = rows.kinds[end]
        lazy = kind in ("prose", "label") and not rows.line(end)[:1].isupper()
        if kind not in ("list", "indented") and not lazy and not (kind == "prose" and rows.line(end)[:1] in " \t"):
            break
        end += 1
    return end


_FINDERS: tuple[tuple[Callable[[Rows, int], int], BlockKind], ...] = (
    (table_end, "table"),
    (log_end, "log"),
    (_heading_end, "heading"),
    (_source_end, "source"),
    (_list_end, "list"),
    (data_end, "data"),
    (aligned_end, "data"),
)


def _with_languages(text: str, found: list[tuple[int, int, BlockKind]]) -> tuple[Block, ...]:
    """Return the blocks; one whose words do not tell its language has that of the one before, or after, it."""
    languages: list[Language | None] = [
        language_of(text, start, end) if kind in _SPOKEN else None for start, end, kind in found
    ]
    known: Language = next((language for language in languages if language), "en")
    blocks: list[Block] = []
    for (start, end, kind), language in zip(found, languages, strict=True):
        known = language or known
        blocks.append(Block(start, end, kind, known if kind in _SPOKEN else "other"))
    return tuple(blocks)
