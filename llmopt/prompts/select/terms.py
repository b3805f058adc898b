"""The words of a query and where they stand in a text.

Only the words of the query matter to a score, so a text's words are not stemmed one by one: a word is looked at only
where it begins like a word of the query. English is stemmed lightly, Vietnamese goes by syllables, and scripts that
write no spaces go by pairs of characters.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from itertools import pairwise

from llmopt.prompts.select.stems import STOPWORDS, other_spelling, stem

_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_HEAD = 3
"""Characters in which a word and its inflections agree."""
_MOST_TERMS = 2_000
"""Distinct words of a query that count; the first ones."""
STOP_WEIGHT = 0.15
"""What a word that says little counts beside one that says something."""
_INFLECTED = 5
"""Characters that two words must share at their beginning to pass as forms of one."""


@dataclass(slots=True)
class Terms:
    """The distinct words of a query, numbered in order."""

    weights: list[float]
    """Of each word, by what kind of word it is."""
    sequence: list[int]
    """The query as numbers of words."""
    pairs: frozenset[tuple[int, int]]
    """Neighbours in the query, not both stopwords."""
    names: frozenset[int]
    """Words written with a capital inside the query, and numbers."""
    unspaced: bool
    """Whether pairs of characters count as words."""
    folded: bool
    """Whether accents are left out of account."""
    _known: dict[str, int] = field(repr=False)
    _by_head: dict[str, dict[str, int]] = field(repr=False)
    """Stems by how they and the words of the query begin."""

    def find(self, text: str) -> tuple[int, list[int], list[int]]:
        """Return how many words a text has, the positions of those of the query among them, and their numbers."""
        words = words_of(text, unspaced=self.unspaced, folded=self.folded)
        heads, known = self._by_head, self._known
        at = [place for place, word in enumerate(words) if word[:_HEAD] in heads]
        found = [known[words[place]] if words[place] in known else self._look_up(words[place]) for place in at]
        if -1 in found:
            at = [place for place, number in zip(at, found, strict=True) if number >= 0]
            found = [number for number in found if number >= 0]
        return len(words), at, found

    def _look_up(self, word: str) -> int:
        root, stems = stem(word), self._by_head[word[:_HEAD]]
        number = stems.get(root, -1)
        if number < 0 and len(root) >= _INFLECTED and root.isascii() and root.isalpha():
            number = next((n for other, n in stems.items() if _alike(root, other)), -1)
        if len(self._known) < 100_000:
            self._known[word] = number
        return number


def terms_of(query: str, *, folded: bool = False) -> Terms:
    """Return the words of a query.

    Args:
        query: any text.
        folded: leave accents out of account.
    """
    unspaced = bool(_UNSPACED.search(query))
    written = _WORD.findall(query)
    words = words_of(query, unspaced=unspaced, folded=folded)
    stems: dict[str, int] = {}
    weights: list[float] = []
    sequence: list[int] = []
    for word in words:
        root = stem(word)
        if root not in stems:
            if len(stems) == _MOST_TERMS:
                break
            stems[root] = len(stems)
            weights.append(STOP_WEIGHT if word in STOPWORDS else 1.0)
        sequence.append(stems[root])
    by_head: dict[str, dict[str, int]] = {}
    for word in words:
        root = stem(word)
        if root in stems:
            for form in (word, root, other_spelling(word)):
                by_head.setdefault(form[:_HEAD], {})[root] = stems[root]
    names = {stem(w.lower()) for w in written[1:] if w[0].isupper()} | {w for w in written if w[0].isdigit()}
    return Terms(
        weights,
        sequence,
        frozenset(p for p in pairwise(sequence) if weights[p[0]] + weights[p[1]] > 1),
        frozenset(stems[name] for name in sorted(names) if name in stems),
        unspaced,
        folded,
        {},
        by_head,
    )


def words_of(text: str, *, unspaced: bool = False, folded: bool = False) -> list[str]:
    """Return the words of a text in lower case.

    Args:
        text: any text.
        unspaced: take pairs of characters where a script has no spaces.
        folded: drop accents.
    """
    lower = text.lower()
    if not lower.isascii():
        lower = unicodedata.normalize("NFC", lower)
        if folded:
            lower = fold(lower)
    words = _WORD.findall(lower)
    if not unspaced:
        return words
    return [part for word in words for part in _parts(word)]


def stop_free(text: str) -> list[str]:
    """Return the words of a text that say something."""
    return [word for word in words_of(text) if word not in STOPWORDS and len(word) > 1]


def fold(text: str) -> str:
    """Return a text without accents."""
    plain = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(character for character in plain if not unicodedata.combining(character))


def _parts(word: str) -> list[str]:
    if word.isascii() or not _UNSPACED.search(word):
        return [word]
    return [word[at : at + 2] for at in range(len(word) - 1)] or [word]


def _alike(one: str, other: str) -> bool:
    """Whether two stems share their beginning for most of their length."""
    if not other.isalpha() or one[:_INFLECTED] != other[:_INFLECTED] or len(other) < _INFLECTED:
        return False
    shorter, longer = sorted((one, other), key=len)
    return longer.startswith(shorter) and len(shorter) * 3 >= len(longer) * 2
