"""What a query may not leave out: what the user keeps, placeholders, code, and the lines that these stand in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from llmopt.prompts.segments.placeholders import placeholders
from llmopt.prompts.select.unit import Unit
from llmopt.prompts.spans import Segments, Span, SpanKind

STAYS: frozenset[SpanKind] = frozenset({"keep", "pinned", "prefix", "placeholder", "fence", "broken"})
"""Spans that stay, with the lines that they stand in."""
_HOLDS: frozenset[SpanKind] = frozenset({"json", "quoted", "url"})
"""Spans that stay if something guarded stands in them."""
_SHORT_LINE = 160
"""Characters of a line that stays whole because a part of it stays."""
_SET = re.compile(
    r"\{\s*+[-+]?[\d.]+\s*+(?:,\s*+(?:[-+]?[\d.]+|\.\.\.|…)\s*+){1,50}\}"
    r"|\{\s*+(?P<name>\w{1,9})(?: ?[∈∊] ?\w{1,9})?\s*+(?:\||:\s)[^{}]{0,80}?\b(?P=name)\b[^{}]{0,80}\}"
)
"""Numbers in braces, and what is said of them as in {x | x > 0}: mathematics, not a template."""
_RELATION = re.compile("[<>=≤≥≠∈∊]")
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_BRACED = re.compile(
    r"\{\{[^{}]{0,200}+\}\}|\{%[^{}]{0,200}+\}|[$#@]?\{[A-Za-z_][^{}\"]{0,80}+\}|\{\d{0,3}\}|<[A-Z][A-Z_]++>"
)
_HINTS = ("{", "$", "%", "[", "<", "__", ":")


def mark(segments: Segments, units: list[Unit], spans: Sequence[Span]) -> None:
    """Mark the units that stay: those that spans stand in, and those beside them on short lines.

    Args:
        segments: the text.
        units: of the text, in order; white space that belongs to a span is added to them.
        spans: what stays, in order.
    """
    text, at = segments.text, 0
    for span in spans:
        first = text.rfind("\n", max(0, span.start - _SHORT_LINE), span.start) + 1
        last = text.find("\n", span.end - 1, span.end + _SHORT_LINE)
        last = last if last >= 0 else len(text)
        whole_line = (
            span.kind != "json"
            and last - first <= _SHORT_LINE + span.end - span.start
            and (first or span.start <= _SHORT_LINE)
        )
        first, last = (first, last) if whole_line else (span.start, span.end)
        while at < len(units) and units[at].end <= first:
            at += 1
        begin = at
        while at < len(units) and units[at].start < last:
            units[at].must = True
            at += 1
        _cover(units, begin, span)
        at = max(begin, at - 1)


def staying(segments: Segments) -> list[Span]:
    """Return what has to stay, in order."""
    found: list[Span] = []
    closed = {segments.text[span.start + 2 : span.end - 1] for span in segments.of_kind("tag")}
    for span in segments.spans:
        if span.kind in STAYS:
            if not (
                _is_stray(segments.text, span) or is_set(segments.text, span) or _opens(segments.text, span, closed)
            ):
                found.append(span)
        elif span.guarded and span.kind in _HOLDS:
            found.append(span)
        elif span.kind == "json":
            found += _in_strings(segments.text, span)
    return found


def is_set(text: str, span: Span) -> bool:
    """Return whether braces hold a set of numbers rather than a variable of a template."""
    if span.kind not in {"placeholder", "broken"} or text[span.start] != "{" or span.end - span.start > 400:
        return False
    match = _SET.fullmatch(text, span.start, span.end)
    return match is not None and (not match["name"] or _RELATION.search(match[0]) is not None)


def _opens(text: str, span: Span, closed: set[str]) -> bool:
    """Whether what looks like a variable, such as <some_name>, is a tag that is closed somewhere."""
    return span.kind == "placeholder" and text[span.start] == "<" and text[span.start + 1 : span.end - 1] in closed


def _in_strings(text: str, span: Span) -> Iterator[Span]:
    """Yield the placeholders within the strings of a JSON value."""
    for string in _STRING.finditer(text, span.start + 1, span.end):
        value = string[0]
        if any(hint in value for hint in _HINTS):
            found = [(match.start(), match.end()) for match in _BRACED.finditer(value)]
            found += [(start, end) for start, end, kind in placeholders(value) if kind == "placeholder"]
            if found:
                start, end = min(found)[0], max(end for _, end in found)
                yield Span(string.start() + start, string.start() + end, "json", True)


def _cover(units: list[Unit], begin: int, span: Span) -> None:
    """Let units include all of a span: white space at its sides too, which no unit has else."""
    first = begin
    while first < len(units) and units[first].end <= span.start:
        first += 1
    if first == len(units) or units[first].start >= span.end:
        group = units[first - 1].group if first else 0
        units.insert(first, Unit(span.start, span.end, group, must=True))
        return
    units[first].start = min(units[first].start, span.start)
    last = first
    while last + 1 < len(units) and units[last + 1].start < span.end:
        last += 1
    units[last].end = max(units[last].end, span.end)


def _is_stray(text: str, span: Span) -> bool:
    """Whether a span is what follows a lonely backtick; inline code need not stay either."""
    return span.kind == "broken" and text[span.start] == "`" and not text.startswith("```", span.start)
