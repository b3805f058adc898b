"""Where a sentence may be cut such that what is left does not say something else.

A cut comes between no number and its unit or name and name, and separates no negation or condition from what it
governs: not in front of it, not right behind it, and not within its clause.
"""

from __future__ import annotations

import re

from llmopt.prompts.select.staying import is_set
from llmopt.prompts.spans import Segments

_NEGATIONS = (
    r"not|never|no|none|nothing|nobody|nowhere|neither|nor|without|cannot|hardly|barely|rarely|seldom|fails?|failed"
    r"|\w+n['\u2019]t|không|chưa|chẳng|chả|đừng|chớ|cấm|hiếm khi"
)
_CONDITIONS = (
    r"unless|except|if|only|until|provided|false|untrue|myth|den(?:y|ies|ied)|trừ|ngoại trừ|nếu|chỉ|sai|miễn là"
)
_NEGATED = re.compile(rf"\b(?:{_NEGATIONS})\b", re.IGNORECASE)
_GOVERNED = re.compile(rf"\b(?:{_NEGATIONS}|{_CONDITIONS})\b", re.IGNORECASE)
_LIMITS_WHAT_PRECEDES = re.compile(
    rf"[\s(\u2013—]*(?:(?:but|and|or|nhưng|và)\s+)?(?:{_NEGATIONS}|{_CONDITIONS})\b", re.IGNORECASE
)
_GOVERNS_ALL = re.compile(
    r"[\"'“(]?(?:unless|except|if|only|contrary to|nếu|trừ|không phải|sai"
    r"|(?:it|this) (?:is|was|seems) (?:\w+ )?(?:not|false|untrue|wrong|incorrect|a myth))\b",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[,;:!?\n\u2013\u2014\u3001\u3002\uff01\uff0c\uff1a\uff1b\uff1f]|\.(?=\s|$)")
_CLOSED = tuple(',;:.!?)]\u2013\u2014\u3001\u3002\uff01\uff0c\uff1a\uff1b\uff1f"”')
_LEANING = frozenset(
    (
        "more",
        "less",
        "than",
        "under",
        "over",
        "between",
        "about",
        "nearly",
        "almost",
        "only",
        "least",
        "most",
        "hơn",
        "dưới",
        "trên",
        "khoảng",
        "gần",
        "chỉ",
        "nhất",
    )
)
"""Words that limit what stands behind them."""
_AFTER_NUMBER = frozenset(
    ("by", "in", "and", "when", "at", "on", "but", "which", "who", "is", "was", "và", "bởi", "khi", "thì")
)
"""Words that are no unit of the number before them."""
_REACH = 40
"""Characters before a cut in which the last word is looked for."""
_CLAUSE = 300
"""Characters of a clause that are looked at."""


def may_end(segments: Segments, at: int, end: int) -> bool:
    """Return whether a part of a sentence may end at an offset, when the sentence goes on up to `end`."""
    text = segments.text
    if at >= end:
        return True
    if _parts_a_span(segments, at):
        return False
    before, after = text[max(0, at - _REACH) : at].rstrip(), text[at : at + _CLAUSE].lstrip()
    if not before or not after:
        return True
    if _LIMITS_WHAT_PRECEDES.match(after) or _joined(before, after):
        return False
    if before.endswith(_CLOSED):
        return before[-1] not in ":([\uff1a"
    word = before.split()[-1].lower()
    if word in _LEANING or _NEGATED.fullmatch(word):
        return False
    close = _CLAUSE_END.search(text, at, min(end, at + _CLAUSE))
    return not _NEGATED.search(text, at, close.start() if close else min(end, at + _CLAUSE))


def may_start(segments: Segments, start: int, at: int) -> bool:
    """Return whether a part of a sentence that begins at `start` may begin at an offset."""
    text = segments.text
    if at <= start:
        return True
    if _parts_a_span(segments, at) or _GOVERNS_ALL.match(text, start):
        return False
    before = text[max(start, at - _CLAUSE) : at].rstrip()
    if not before:
        return True
    if _joined(before[-_REACH:], text[at : at + _REACH]):
        return False
    if before.endswith(_CLOSED):
        return True
    clause = 0
    for match in _CLAUSE_END.finditer(before):
        clause = match.end()
    return not _GOVERNED.search(before, clause)


def is_clause_end(text: str, at: int) -> bool:
    """Return whether a clause ends at an offset."""
    return text[max(0, at - 4) : at].rstrip().endswith(_CLOSED)


def _joined(before: str, after: str) -> bool:
    """Whether two words belong together: a number and what it counts, or the parts of a name or date."""
    word, following = before.split()[-1], after.split(None, 1)[0]
    if following[0].isdigit():
        return not word.endswith(_CLOSED) or (word[-1] == "," and word[-2:-1].isdigit())
    if word.endswith(_CLOSED):
        return False
    if word[-1].isdigit() or word[-1] in "$€£¥₫":
        return following.strip(".,;").lower() not in _AFTER_NUMBER
    first = word.lstrip("\"'“(\u2018[")[:1]
    return following[0] in "%°" or (first.isupper() and following[0].isupper())


def _parts_a_span(segments: Segments, at: int) -> bool:
    """Whether an offset lies within a span that has to stay whole if any of it is kept."""
    for span in segments.overlapping(at, at):
        if span.start < at < span.end and (span.guarded or span.kind in {"url", "json"}):
            return span.kind != "broken" or is_set(segments.text, span)
    return False
