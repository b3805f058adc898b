"""Whether negations and numbers still stand with the words that they are about; stricter than that they exist."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_WORD = re.compile(r"\d+(?:[.,:/-]\d+)*%?|[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_CLAUSE = re.compile(r"[.!?;:](?=\s|$)|\n|^[ \t]*\d+[.)]", re.MULTILINE)
_NOT = re.compile(r".*n['\u2019]t|not|cannot|never|không|chưa|chẳng|đừng|without|unless|except|trừ|nothing|none")
_STEM = 4
"""Letters by which a word is told: `analysis` may have become `analyse`."""
_IDLE = frozenset(
    word[:_STEM]
    for word in (
        *(
            "the",
            "and",
            "you",
            "your",
            "for",
            "are",
            "this",
            "that",
            "with",
            "please",
            "very",
            "should",
            "would",
            "can",
        ),
        *("take", "into", "account", "provide", "give", "make", "sure", "explanation", "order", "note", "important"),
        *(
            "fact",
            "matters",
            "due",
            "point",
            "time",
            "help",
            "like",
            "could",
            "must",
            "ever",
            "really",
            "trường",
            "hợp",
        ),
        *("some", "case", "cases", "every", "each", "lại", "bạn", "được", "rất", "nhé", "giúp", "hãy", "vui", "lòng"),
    )
)
"""Words that other words may stand for."""
_NEAR = 4
"""Words behind a negation, or around a number, that it may be about; of the same clause."""
_FAR = 10
"""Words within which one of them must be found again."""


def torn(before: str, after: str) -> list[str]:
    """Return the negations and numbers that no longer stand near any word that they stood near before."""
    new = _words(after)
    return [one for clause in _CLAUSE.split(before) for one in _torn(_words(clause), new)]


def _torn(old: list[str], new: list[str]) -> Iterator[str]:
    for at, word in enumerate(old):
        behind = old[at + 1 : at + 1 + _NEAR]
        if _NOT.fullmatch(word):
            wanted = _content(behind)
            near = (new[i + 1 : i + 1 + _FAR] for i, other in enumerate(new) if _NOT.fullmatch(other))
        elif word[0].isdigit():
            wanted = _content(old[max(at - _NEAR, 0) : at] + behind)
            near = (new[max(i - _FAR, 0) : i + _FAR] for i, other in enumerate(new) if other == word)
        else:
            continue
        if len(wanted) > 1 and not any(wanted & {other[:_STEM] for other in words} for words in near):
            yield f"{word!r} torn from {sorted(wanted)}"


def _content(words: list[str]) -> set[str]:
    return {word[:_STEM] for word in words if len(word) > 2 and word[:_STEM] not in _IDLE}


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFC", text).casefold())
