"""Where sentences and clauses end, in English, Vietnamese and scripts with their own full stop."""

from __future__ import annotations

import re
from itertools import pairwise

_END = re.compile(
    "[.!?…\n\u3002\uff01\uff1f](?:(?<=[.!?…])[.!?…]*+[\"'”\u2019»)\\]*_]*+"
    "|(?<=[\u3002\uff01\uff1f])[\u3002\uff01\uff1f]*+[」』”]*+)?+\\s*+"
)
"""Begins with one class of characters, for which the engine of `re` looks fast."""
_NEEDS_NO_SPACE = frozenset("\n\u3002\uff01\uff1f")
_ABBREVIATED = (
    "mr mrs ms dr prof st no nos vs etc e.g i.e jr sr gen col sgt capt lt rev hon u.s u.k inc ltd co corp fig figs vol "
    "pp op cf al ca approx dept est jan feb mar apr jun jul aug sep sept oct nov dec tp ts gs pgs ths tr đ.c v.v"
)
_ABBREVIATIONS = frozenset(_ABBREVIATED.split())
_LONGEST_ABBREVIATION = 8
_WRAPPED = 50
"""Characters from which a line that ends without a full stop is taken to go on in the next one."""
_STARTS_ANEW = re.compile(r"[-*+•>#|]|\d+[.)]\s|[^\s:][^:\n]{0,40}:(?:\s|$)|\[")
_CLAUSE = re.compile(
    r"(?<=[,;:\uff0c\uff1b\uff1a、])\s*+(?=\D)|(?<=[,;:])\s++|(?<=[)\]])\s++|\s++(?=[(\[\u2013—])|(?<=[\u2013—])\s*+|\n\s*+|(?<=[。\uff01\uff1f])"
)


def sentences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return start and end of the sentences of `[start, end)`, white space around them left out."""
    found: list[tuple[int, int]] = []
    at = start
    for match in _END.finditer(text, start, end):
        spaced = text[match.end() - 1].isspace() or text[match.start()] in _NEEDS_NO_SPACE
        if spaced and match.end() < end and _ends(text, at, match):
            found += _trimmed(text, at, match.end())
            at = match.end()
    return found + _trimmed(text, at, end)


def clauses(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return consecutive parts of `[start, end)`, each with the white space behind it, that end where a clause may."""
    cuts = [match.end() for match in _CLAUSE.finditer(text, start, end) if start < match.end() < end]
    edges = [start, *cuts, end]
    return [(left, right) for left, right in pairwise(edges) if right > left]


def _trimmed(text: str, start: int, end: int) -> list[tuple[int, int]]:
    part = text[start:end]
    bare = part.strip()
    if not bare:
        return []
    first = start + len(part) - len(part.lstrip())
    return [(first, first + len(bare))]


def _ends(text: str, start: int, match: re.Match[str]) -> bool:
    """Whether a sentence that began at `start` ends with the match."""
    at, after = match.start(), text[match.end()]
    mark = text[at]
    if mark == "\n":
        line = max(text.rfind("\n", max(start, at - 2 * _WRAPPED), at) + 1, start)
        return at - line < _WRAPPED or _STARTS_ANEW.match(text, match.end()) is not None
    if mark not in ".…" or "\n" in match.group():
        return True
    if after.islower():
        return False
    words = text[max(start, at - _LONGEST_ABBREVIATION) : at].split()
    if mark != "." or not words:
        return True
    word = words[-1].lstrip("(\"'“\u2018[").lower()
    return not (word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha()))
