"""What a text is made of, as counts that tell how many tokens a tokenizer needs beyond those of another one.

Every feature is a sum over the characters or the runs of a text, so the features of joined texts are about the sums
of theirs. Runs are letters of one alphabet, digits, ASCII punctuation, or two and more blanks; tokenizers split at
about the same places. Distinct runs and characters are looked at once, which is what makes this linear and quick.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable

from llmopt.tokens.estimate.characters import CLASSES, class_of
from llmopt.tokens.estimate.frequent import FREQUENT
from llmopt.tokens.estimate.languages import LANGUAGE_OF, LANGUAGES

NAMES = (
    # Words of Latin letters, by length and shape, and whether a blank stands before them.
    *("word_1", "word_2_3", "word_4_5", "word_6_8", "word_9_12", "word_13", "letters_past_8", "letters_past_20"),
    *("joined", "joined_letters", "capitalised", "capital", "allcaps", "allcaps_letters", "mixed", "humps"),
    *("vowelless", "vowelless_letters", "clusters", "accented_words"),
    *LANGUAGES,
    # Words of other alphabets, digits, punctuation, blanks.
    *(
        "cyrillic_words",
        "cyrillic_upper",
        "greek_words",
        "hebrew_words",
        "arabic_words",
        "hangul_words",
        "symbol_runs",
        "symbol_repeats",
        "digit_runs",
        "digit_groups",
        "spaced_digits",
    ),
    *("punctuation_runs", "pairs", "punctuation_past_2", "repeated", "spaced_punctuation", "punctuation_line"),
    *("blank_runs", "blanks_in_runs", "line_breaks", "indents", "blanks_past_16"),
    *FREQUENT,
    *CLASSES,
)
"""The features, in the order of `measure`."""
_AT = {name: index for index, name in enumerate(NAMES)}
_RUN = re.compile(
    r" ?[A-Za-z\xc0-\xd6\xd8-\xf6\xf8-\u024f\u1e00-\u1eff]+| ?[0-9]+| ?[!-/:-@\[-`{-~]+\n?"
    r"|[ \t\r\n]{2,}| ?[\u0370-\u06ff]+| ?[\uac00-\ud7a3]+|[\u2010-\u2bff]+"
)
_PIECE = 1 << 18
"""Characters searched for runs at once, to bound the memory that the runs take."""
CACHED = 24
"""Runs up to this many characters are remembered."""
_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_CLUSTER = re.compile(r"[bcdfghjklmnpqrstvwxz]{4,}", re.IGNORECASE)
_VOWEL = re.compile(r"[aeiouyAEIOUY\x80-\uffff]")
_WORD_LENGTHS = (0, 0, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 4)
"""Length of a word -> index of the feature that counts it; longer ones are `word_13`."""
Parts = tuple[tuple[int, float], ...]
"""Index of a feature and what is added to it."""


def measure(text: str) -> list[float]:
    """Return the features of `text`, in the order of `NAMES`; linear in the length."""
    values = [0.0] * len(NAMES)
    for run, times in runs(text).items():
        for index, amount in _remembered(run) if len(run) <= CACHED else parts(run):
            values[index] += amount * times
    for character, times in Counter(text).items():
        values[_AT[class_of(character)]] += times
    return values


def total(vectors: Iterable[list[float]]) -> list[float]:
    """Add features up."""
    return [sum(column) for column in zip(*vectors, strict=True)] or [0.0] * len(NAMES)


def runs(text: str) -> Counter[str]:
    """Return how often each run stands in `text`; a blank before a run belongs to it."""
    found: Counter[str] = Counter()
    for start in range(0, len(text), _PIECE):
        found.update(_RUN.findall(text, start, start + _PIECE))
    return found


def body_of(run: str) -> str:
    """Return a run without the blank before it."""
    return run[1:] if run[0] == " " and len(run) > 1 and run[1] not in " \t\r\n" else run


def parts(run: str) -> Parts:
    """Return what a run adds; a blank may stand before it."""
    body = body_of(run)
    spaced = len(body) < len(run)
    first = body[0]
    if first in " \t\r\n":
        found = _blanks(body)
    elif first.isdecimal():
        found = {"digit_runs": 1, "digit_groups": -(-len(body) // 3), "spaced_digits": spaced}
    elif first < "\x80" and not first.isalpha():
        found = _punctuation(body, spaced)
    elif "\u0370" <= first <= "\u06ff" or first >= "\u2010":
        found = _other_word(body)
    else:
        return _word(body, spaced)
    return tuple((_AT[name], amount) for name, amount in found.items() if amount)


_remembered = functools.lru_cache(maxsize=1 << 16)(parts)


def _word(word: str, spaced: bool) -> Parts:
    """Return what a word of Latin letters adds."""
    length = len(word)
    found: list[tuple[int, float]] = [(_WORD_LENGTHS[length] if length <= 12 else _WORD_13, 1)]
    if not spaced:
        found += [(_JOINED, 1), (_JOINED_LETTERS, length)]
    if length > 8:
        found += [(_PAST_8, length - 8), (_PAST_20, max(0, length - 20))]
    elif word in LANGUAGE_OF:
        found.append((_AT[LANGUAGE_OF[word]], 1))
    if not word.isascii():
        found.append((_ACCENTED_WORDS, 1))
    elif length > 1:
        found += _consonants(word, length)
    return tuple(found if word.islower() else found + _shape(word))


def _consonants(word: str, length: int) -> list[tuple[int, float]]:
    if not _VOWEL.search(word):
        return [(_VOWELLESS, 1), (_VOWELLESS_LETTERS, length)]
    return [(_CLUSTERS, len(cluster) - 3) for cluster in _CLUSTER.findall(word)] if length > 4 else []


def _shape(word: str) -> list[tuple[int, float]]:
    if len(word) == 1:
        return [(_AT["capital"], 1)]
    if word[1:].islower():
        return [(_AT["capitalised"], 1)]
    if word.isupper():
        return [(_AT["allcaps"], 1), (_AT["allcaps_letters"], len(word))]
    return [(_AT["mixed"], 1), (_AT["humps"], max(1, len(_HUMP.findall(word))))]


def _other_word(word: str) -> dict[str, float]:
    first = word[0]
    if "\u2010" <= first <= "\u2bff":
        return {"symbol_runs": 1, "symbol_repeats": len(word) - len(set(word))}
    if first >= "\u0530":
        return {"hebrew_words" if first < "\u0600" else "arabic_words" if first < "\u0700" else "hangul_words": 1}
    if first < "\u0400":
        return {"greek_words": 1}
    return {"cyrillic_words": 1, "cyrillic_upper": sum(map(str.isupper, word))}


def _punctuation(run: str, spaced: bool) -> dict[str, float]:
    line = run[-1] == "\n"
    body = run[:-1] if line else run
    length = len(body)
    found: dict[str, float] = {"punctuation_runs": 1, "spaced_punctuation": spaced, "punctuation_line": line}
    if run in _AT:
        found[run] = 1
    if length > 2 and len(set(body)) == 1:
        return found | {"repeated": length - 1}
    return found | {"pairs": length >= 2, "punctuation_past_2": max(0, length - 2)}


def _blanks(run: str) -> dict[str, float]:
    length = len(run)
    found: dict[str, float] = {"blanks_in_runs": length, "blanks_past_16": max(0, length - 16)}
    if run in _AT:
        found[run] = 1
    if "\n" not in run:
        return found | {"blank_runs": 1}
    return found | {"line_breaks": 1, "indents": run[-1] in " \t"}


_WORD_13, _PAST_8, _PAST_20 = _AT["word_13"], _AT["letters_past_8"], _AT["letters_past_20"]
_JOINED, _JOINED_LETTERS, _ACCENTED_WORDS = _AT["joined"], _AT["joined_letters"], _AT["accented_words"]
_VOWELLESS, _VOWELLESS_LETTERS, _CLUSTERS = _AT["vowelless"], _AT["vowelless_letters"], _AT["clusters"]
