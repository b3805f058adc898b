"""Features of a text for the Claude estimators: what its frequent words cost, and what the rest is made of.

A word that the table of `words.py` holds adds its costs in three vocabularies and the language it tells. Any other
word adds what `features.py` counts of it, and what the table says of it in small letters or of its camelCase parts.
The o200k count of a text in scripts that the table does not hold is a feature of its own: such text is too rare in the
corpus to tell what its characters cost.
"""

from __future__ import annotations

import functools
import re
from collections import Counter

from llmopt.tokens.estimate import features
from llmopt.tokens.estimate.characters import class_of
from llmopt.tokens.estimate.features import Parts
from llmopt.tokens.estimate.languages import LANGUAGE_OF
from llmopt.tokens.estimate.words import Costs, costs, is_whole

_KINDS = ("word", "cased", "humps", "marks", "blanks")
"""Words as they stand, words listed in small letters only, camelCase words of listed parts, punctuation, blanks."""
_COSTS = ("o200k", "claude_3", "claude_47")
NAMES = (
    *features.NAMES,
    *(f"{kind}_{cost}" for kind in _KINDS for cost in _COSTS),
    *("whole_han", "whole_hangul", "foreign_o200k"),
)
"""The features, in the order of `measure`."""
_AT = {name: index for index, name in enumerate(NAMES)}
_FIRST = {kind: _AT[f"{kind}_{_COSTS[0]}"] for kind in _KINDS}
_FOREIGN = frozenset(
    {
        *("hebrew", "arabic", "arabic_marks", "thaana", "devanagari", "bengali", "gurmukhi", "gujarati", "oriya"),
        *("tamil", "telugu", "kannada", "malayalam", "sinhala", "thai", "lao", "tibetan", "myanmar", "georgian"),
        *("ethiopic", "armenian", "cherokee", "khmer", "javanese", "joiners", "other_bmp"),
    }
)
"""Classes of the characters that are foreign to the table."""
_HUMP = re.compile(r"[A-Z]+(?![a-z\xdf-\xf6])|[A-Z]?[^A-Z]+")


def measure(text: str, o200k_tokens: int) -> list[float]:
    """Return the features of `text`, in the order of `NAMES`; linear in the length."""
    values = [0.0] * len(NAMES)
    for run, times in features.runs(text).items():
        for index, amount in _remembered(run) if len(run) <= features.CACHED else features.parts(run):
            values[index] += amount * times
    foreign = 0
    for character, times in Counter(text).items():
        index, whole, strange = _places(character)
        values[index] += times
        foreign += times * strange
        if whole:
            values[whole] += times
    values[-1] = o200k_tokens * foreign / max(1, len(text) - text.count(" "))
    return values


@functools.lru_cache(maxsize=1 << 16)
def _remembered(run: str) -> Parts:
    body = features.body_of(run)
    kind, found = _found(body)
    if found is None:
        return features.parts(run)
    first = _FIRST[kind]
    listed = tuple((first + place, float(cost)) for place, cost in enumerate(found))
    spaced = len(body) < len(run)
    if kind == "word":
        told = ((_AT[LANGUAGE_OF[body]], 1.0),) if body in LANGUAGE_OF else ()
        return (*listed, *told, *_less(body), *(() if spaced else ((_AT["joined"], 1),)))
    if kind == "blanks":
        return (*listed, *_less(body))
    if kind == "marks" and len(body) > 1:
        return (*listed, (_AT["spaced_punctuation"], spaced))
    return (*listed, *features.parts(run))


def _found(body: str) -> tuple[str, Costs | None]:
    """Return as what the table holds a run, with its costs."""
    if not body[0].isalpha():
        return "blanks" if body.isspace() else "marks", costs(body)
    known = costs(body)
    if known:
        return "word", known
    humps = _HUMP.findall(body)
    if len(humps) > 1:
        return "humps", _summed([costs(hump) or costs(hump.lower()) for hump in humps])
    return "cased", None if body.islower() else costs(body.lower())


def _summed(parts: list[Costs | None]) -> Costs | None:
    known = [part for part in parts if part]
    if len(known) < len(parts):
        return None
    o200k, third, later = map(sum, zip(*known, strict=True))
    return o200k, third, later


def _less(body: str) -> Parts:
    """Take the characters of a listed run back out of the counts of classes."""
    return tuple((_places(character)[0], -times) for character, times in Counter(body).items())


@functools.lru_cache(maxsize=1 << 15)
def _places(character: str) -> tuple[int, int, bool]:
    """Return the index of a character's class, of its being whole or 0, and whether it is foreign to the table."""
    name = class_of(character)
    whole = _AT["whole_han" if character < "\uac00" else "whole_hangul"] if is_whole(character) else 0
    return _AT[name], whole, name in _FOREIGN
