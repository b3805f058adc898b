"""Edits of a text, and how those of several passes add up to changes of the original."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace `[start, end)` of a text by `text`; those of one pass are sorted and do not overlap."""

    start: int
    end: int
    text: str
    """Empty where something only goes."""
    rule: str
    """Why, such as `duplicate-line`."""


@dataclass(frozen=True, slots=True)
class Change:
    """Replace `[start, end)` of the original by `text`, which is `[at, at + len(text))` of the result."""

    start: int
    end: int
    text: str
    at: int
    rules: tuple[str, ...]
    """In the order in which they applied, each once."""


def applied(text: str, edits: Iterable[Edit | Change]) -> str:
    """Return the text with edits (or changes of it) made."""
    parts: list[str] = []
    at = 0
    for edit in edits:
        parts += (text[at : edit.start], edit.text)
        at = edit.end
    parts.append(text[at:])
    return "".join(parts)


def in_order(edits: Iterable[Edit]) -> list[Edit]:
    """Return edits sorted; of those that overlap, the one that starts first (of these, the longest)."""
    kept: list[Edit] = []
    for edit in sorted(edits, key=lambda edit: (edit.start, -edit.end)):
        if not kept or edit.start >= kept[-1].end:
            kept.append(edit)
    return kept


def composed(changes: Sequence[Change], edits: Sequence[Edit], text: str) -> list[Change]:
    """Return the changes of the original that lead to the text after `edits`.

    Args:
        changes: from the original to `text`, sorted.
        edits: of `text`, sorted.
        text: as it is before the edits.
    """
    found: list[Change] = []
    shift = 0  # from an offset of `text` outside all changes to one of the original
    moved = 0  # from an offset of `text` to one of the result
    old, new = 0, 0
    while old < len(changes) or new < len(edits):
        start = end = min(
            changes[old].at if old < len(changes) else len(text) + 1,
            edits[new].start if new < len(edits) else len(text) + 1,
        )
        first_old, first_new = old, new
        origin = start + shift
        while True:  # gather whatever overlaps or touches
            if old < len(changes) and changes[old].at <= end:
                change = changes[old]
                end = max(end, change.at + len(change.text))
                shift = change.end - (change.at + len(change.text))
                old += 1
            elif new < len(edits) and edits[new].start <= end:
                end = max(end, edits[new].end)
                new += 1
            else:
                break
        cut = [Edit(e.start - start, e.end - start, e.text, e.rule) for e in edits[first_new:new]]
        result = applied(text[start:end], cut)
        rules = dict.fromkeys(rule for change in changes[first_old:old] for rule in change.rules)
        rules |= dict.fromkeys(edit.rule for edit in edits[first_new:new])
        found.append(Change(origin, end + shift, result, start + moved, tuple(rules)))
        moved += len(result) - (end - start)
    return found
