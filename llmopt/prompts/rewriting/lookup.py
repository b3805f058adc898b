"""Find many phrases in a text at once.

A phrase can only be there if all of its words are, so the words of a text choose the few phrases that are looked for; a
text without any costs little more than its list of words.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_WORD = re.compile(r"[\w\u0300-\u036f]+")
_CHUNK = 1 << 13
_TONES = {
    "òa": "oà",
    "óa": "oá",
    "ỏa": "oả",
    "õa": "oã",
    "ọa": "oạ",
    "ùy": "uỳ",
    "úy": "uý",
    "ủy": "uỷ",
    "ũy": "uỹ",
    "ụy": "uỵ",
}
"""Two habits of placing a tone in Vietnamese."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase of an index where it stands in a text."""

    start: int
    end: int
    phrase: str
    """As it is spelled in the index, in lower case."""


class PhraseIndex:
    """Phrases, found where they stand as whole words; of those that overlap, the first, and then the longest."""

    def __init__(self, phrases: Iterable[str]) -> None:
        """Index phrases, in NFC and in NFD.

        Args:
            phrases: in lower case, words with one blank between them.
        """
        self._by_word: dict[str, list[tuple[str, frozenset[str]]]] = {}
        spelled = {variant for phrase in phrases for variant in spellings(phrase)}
        for phrase in sorted(spelled):
            words = frozenset(_WORD.findall(phrase))
            self._by_word.setdefault(max(sorted(words), key=len), []).append((phrase, words))

    def hits(self, text: str) -> list[Hit]:
        """Return where phrases stand in a text, sorted; none overlap."""
        found = [hit for start, chunk in _chunks(text) for hit in self._within(chunk, start)]
        found.sort(key=lambda hit: (hit.start, -hit.end))
        kept: list[Hit] = []
        for hit in found:
            if not kept or hit.start >= kept[-1].end:
                kept.append(hit)
        return kept

    def _within(self, chunk: str, offset: int) -> Iterator[Hit]:
        words = words_of(chunk)
        folded = lowered(chunk).replace("\n", " ")
        for word in self._by_word.keys() & words:
            for phrase, needed in self._by_word[word]:
                if needed <= words:
                    yield from _standing(folded, phrase, offset)


def spellings(phrase: str) -> set[str]:
    """Return the ways to write a phrase: composed and decomposed, with either habit of placing tones."""
    if phrase.isascii():
        return {phrase}
    found = {phrase}
    for one, other in _TONES.items():
        found |= {re.sub(rf"{one}\b", other, item) for item in found}
    return {unicodedata.normalize(form, item) for item in found for form in ("NFC", "NFD")}


def by_spelling(table: Mapping[str, str]) -> dict[str, str]:
    """Return a table of phrases and what stands for them in all spellings of both."""
    found: dict[str, str] = {}
    for phrase, short in table.items():
        for spelling in spellings(phrase):
            composed = unicodedata.is_normalized("NFC", spelling)
            found[spelling] = unicodedata.normalize("NFC" if composed else "NFD", short)
    return found


@functools.lru_cache(maxsize=8)
def words_of(text: str) -> frozenset[str]:
    """Return the words of a text in lower case; remembered, because every pass over a text asks for them."""
    return frozenset(_WORD.findall(lowered(text)))


@functools.lru_cache(maxsize=4)
def lowered(text: str) -> str:
    """Return a text in lower case with every character where it was."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(small if len(small := character.lower()) == 1 else character for character in text)


def _standing(text: str, phrase: str, offset: int) -> Iterator[Hit]:
    at = text.find(phrase)
    while at >= 0:
        end = at + len(phrase)
        if not _continues(text[at - 1 : at]) and not (_continues(text[end : end + 1]) and _continues(phrase[-1])):
            yield Hit(at + offset, end + offset, phrase)
        at = text.find(phrase, end)


def _continues(character: str) -> bool:
    """Return whether a character at the border of a phrase makes it part of a longer word."""
    return bool(character) and (
        character.isalnum() or character in "_-'\u2019@#/\\$" or unicodedata.combining(character) > 0
    )


def _chunks(text: str) -> Iterator[tuple[int, str]]:
    """Yield a text in parts that end with a line, each with where it starts."""
    start = 0
    while len(text) - start > 2 * _CHUNK:
        end = text.find("\n", start + _CHUNK) + 1
        if not end:
            break
        yield start, text[start:end]
        start = end
    yield start, text[start:] if start else text
