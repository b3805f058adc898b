"""Write log lines by their templates, every ERROR and WARN line in full.

What the lines of one statement have in common is written once, in a template, and what differs stays in place, in the
order of the lines. Lines that tell of trouble (see `logs.severity`), stack traces, JSON lines and lines with what looks
like a tag, code or a placeholder stay byte for byte; what is guarded even in a log (see `segments.logs`) is not fenced.
A log is only rewritten if reading it back gives each of its lines again, byte for byte, and if it then has clearly
fewer tokens. The fence around it guards it from then on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmopt.prompts.context import Context
from llmopt.prompts.edits import Edit
from llmopt.prompts.logs.atoms import split_line
from llmopt.prompts.logs.cut import cut
from llmopt.prompts.logs.groups import OPEN, Line
from llmopt.prompts.logs.notation import is_value, written
from llmopt.prompts.logs.severity import tells_of_trouble
from llmopt.prompts.logs.templates import saved_by_line, templates
from llmopt.prompts.spans import LITERALS, Block, Segments

RULE_TEMPLATE = "log-template"
RULE_REPEAT = "log-repeat"
_FEWEST_LINES = 4
_WORTH = 0.95
"""Share of its tokens that a log may still have; a notation of its own is not worth less."""
_LONGEST = 2000
"""Characters of a line that is taken apart; longer ones carry dumps."""
_MOST_ATOMS = 160
_HINTS = "<{%`$[_"
_PERHAPS_FILLED_IN = re.compile(
    r"</?[A-Za-z][\w:.-]*+(?:[ \t][^<>\n]*)?/?>|\{\{|\{[A-Za-z_][\w.]*+[^{}\s]{0,20}\}|[{<]%|%\(\w|(?<![\w%])%[sdifr]\b"
    r"|(?<!`)`(?!`)|(?<![\w.$])\$\$?[A-Za-z_{]|\[\[|__[A-Z][A-Z0-9_]*+__"
    r"|\[(?i:your|insert|enter|add|fill in|put|placeholder|nhập|điền|chèn|tên)\b"
)
"""What the parser takes for code, a tag or a placeholder elsewhere; in a log it is most likely none, yet it stays."""


def factored_logs(segments: Segments, context: Context) -> list[Edit]:
    """Write log lines by their templates, every ERROR and WARN line in full."""
    edits: list[Edit] = []
    for block in segments.blocks:
        if block.kind == "log":
            edits += [edit for run in _runs(segments, block) if (edit := _factored(segments, *run, context))]
    return edits


def _runs(segments: Segments, block: Block) -> Iterator[tuple[int, int]]:
    """Yield the ranges of whole lines between those with something guarded, which a new fence must not swallow."""
    start = block.start
    for span in segments.overlapping(block.start, block.end):
        if span.guarded and span.end > start:
            yield start, segments.text.rfind("\n", 0, max(span.start, start)) + 1
            end = segments.text.find("\n", span.end - 1)
            start = block.end if end < 0 else end + 1
    yield start, block.end


def _factored(segments: Segments, start: int, end: int, context: Context) -> Edit | None:
    """Return the edit that writes a run of lines by templates, if that is worth it."""
    before = segments.text[start:end]
    newline = "\r\n" if "\r\n" in before else "\n"
    lines = before.removesuffix(newline).split(newline)
    if len(lines) < _FEWEST_LINES or any("\r" in line or "\n" in line for line in lines):
        return None
    first, rest = cut(_open_lines(segments, start, lines, len(newline)))
    messages = templates(rest)
    heads = templates(first, saved_by_line(messages))
    shorter = written(lines, heads, messages) if heads or messages else None
    if shorter is None:
        return None
    after = newline.join(shorter) + newline * before.endswith(newline)
    if len(after) >= len(before) or context.tokens(after) > _WORTH * context.tokens(before):
        return None
    rule = RULE_TEMPLATE if any(len(group.pieces()) > 1 for group in heads + messages) else RULE_REPEAT
    return Edit(start, end, after, rule)


def _open_lines(segments: Segments, start: int, lines: list[str], newline: int) -> Iterator[Line]:
    """Yield the lines that may be written by a template, taken apart."""
    dated = [line[:1].strip() != "" and any(map(str.isdigit, line[:40])) for line in lines]
    mostly = sum(dated) * 2 > len(lines)
    at = start
    for number, line in enumerate(lines):
        if _may_change(line) and (dated[number] or not mostly) and _is_no_json(segments, at, line):
            gaps, atoms = _taken_apart(segments, at, line)
            if len(atoms) <= _MOST_ATOMS and all(map(is_value, atoms)):
                yield Line(number, gaps, atoms)
        at += len(line) + newline


def _may_change(line: str) -> bool:
    if line[:1].strip() == "" or len(line) > _LONGEST or OPEN in line or tells_of_trouble(line):
        return False
    return not any(mark in line for mark in _HINTS) or not _PERHAPS_FILLED_IN.search(line)


def _is_no_json(segments: Segments, start: int, line: str) -> bool:
    """Return whether a line is neither JSON as a whole nor part of something that spans several lines."""
    end = start + len(line)
    return all(
        start <= span.start and span.end <= end and (span.kind != "json" or span.start > start)
        for span in segments.overlapping(start, end)
    )


def _taken_apart(segments: Segments, start: int, line: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the gaps and atoms of a line; each quoted string, URL and piece of JSON is in one atom, as it was."""
    gaps, atoms = split_line(line)
    spans = [span for span in segments.overlapping(start, start + len(line)) if span.kind in LITERALS | {"json"}]
    if all(any(segments.slice(span) in atom for atom in atoms) for span in spans):
        return gaps, atoms
    found: tuple[list[str], list[str]] = ([], [])
    at = 0
    for span in spans:
        gaps, atoms = split_line(line[at : span.start - start])
        at = span.end - start
        found[0].extend(gaps)
        found[1].extend((*atoms, segments.slice(span)))
    gaps, atoms = split_line(line[at:])
    return (*found[0], *gaps), (*found[1], *atoms)
