"""Spans of a trace that repeat what other spans tell, so that no token counts twice.

An agent's span adds up the usage of the calls below it, and a framework's span holds the same prompt as the call of
the library below it. A span with usage yields to spans with usage below it. A span whose tokens would be counted from
its text yields to spans below it that tell tokens either way, and to a span with usage above it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from llmopt.cost.spec.row import Outcome, Row


def repeated(rows: Sequence[Row], repeated_texts: Set[str] = frozenset()) -> Iterator[bool]:
    """Say of each row whether other spans tell its tokens.

    Args:
        rows: all spans of the traces, those without tokens too; each has a `span`.
        repeated_texts: spans without usage that are known to repeat others, from a query that saw more spans.
    """
    parents = {row.span: _parent(row) for row in rows if row.span}
    billed = [row for row in rows if row.outcome == Outcome.OK]
    told = [row for row in rows if row.outcome == Outcome.OK or _is_text(row)]
    above_billed, above_told = _above(billed, parents), _above(told, parents)
    kept = {row.span for row in billed} - above_billed
    for row in rows:
        if _is_text(row):
            below = any(span in kept for span in _ancestors(row, parents))
            yield row.span in above_told or row.span in repeated_texts or below
        else:
            yield row.outcome == Outcome.OK and row.span in above_billed


def _is_text(row: Row) -> bool:
    return row.outcome == Outcome.NO_USAGE and row.has_text


def _parent(row: Row) -> str | None:
    """Return the span above a row; one that names itself is a root."""
    return None if row.parent == row.span else row.parent


def _above(rows: Iterable[Row], parents: Mapping[str, str | None]) -> set[str | None]:
    """Return every span that is above one of the rows."""
    above: set[str | None] = set()
    for row in rows:
        parent = _parent(row)
        while parent and parent not in above:
            above.add(parent)
            parent = parents.get(parent)
    return above


def _ancestors(row: Row, parents: Mapping[str, str | None]) -> Iterator[str]:
    """Yield the spans above a row, nearest first; a span is not followed twice."""
    seen: set[str] = set()
    parent = _parent(row)
    while parent and parent not in seen:
        yield parent
        seen.add(parent)
        parent = parents.get(parent)
