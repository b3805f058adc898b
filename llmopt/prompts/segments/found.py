"""What the finders of spans hand over, and how their finds become spans that do not overlap."""

from __future__ import annotations

from collections.abc import Iterable

from llmopt.prompts.spans import GUARDED, Span, SpanKind

Found = tuple[int, int, SpanKind]
"""Start, end and kind of a part that was found; those of several finders may overlap."""

_ASKED_FOR = frozenset({"keep", "pinned", "prefix"})
_MAY_GO = frozenset({"inline_code", "tag"})
"""What a query may leave out, unless the user asked to keep something in it."""


def merged(found: Iterable[Found]) -> list[Span]:
    """Return spans for what was found: the outer one where one lies within another, the union where two overlap.

    A span is guarded if any part of it is.
    """
    spans: list[Span] = []
    start = end = -1
    kind: SpanKind = "broken"
    guarded = False
    for next_start, next_end, next_kind in sorted(found, key=lambda item: (item[0], -item[1])):
        if next_start > end or (next_start == end and not kind == next_kind == "broken"):
            if end > start:
                spans.append(Span(start, end, kind, guarded))
            start, end, kind, guarded = next_start, next_end, next_kind, next_kind in GUARDED
            continue
        if next_kind in GUARDED:
            if (not guarded and next_end > end) or (next_kind in _ASKED_FOR and kind in _MAY_GO):
                kind = next_kind
            guarded = True
        end = max(end, next_end)
    if end > start:
        spans.append(Span(start, end, kind, guarded))
    return spans


def masked(text: str, found: Iterable[Found]) -> str:
    r"""Return the text with NULs (or line breaks, where it has any) in place of what was found.

    The other finders then do not look inside, and none of their finds crosses a part of several lines.
    """
    parts: list[str] = []
    at = 0
    for start, end, _ in sorted(found):
        if end <= at:
            continue
        start = max(start, at)
        single = text.find("\n", start, end) < 0 and text.find("\r", start, end) < 0
        parts += (text[at:start], ("\0" if single else "\n") * (end - start))
        at = end
    if not at:
        return text
    parts.append(text[at:])
    return "".join(parts)
