"""Texts as words: the same splitting for a prompt and for the words that a rule looks for, so that borders agree.

A word is a run of letters, digits, underscores and combining marks; case and Unicode spelling do not matter. Scripts
that put no space between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) have no borders to look for: a phrase in
them is looked for as it is.
"""

from __future__ import annotations

import contextlib
import re
import unicodedata

_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0963\u0970-\u0dff"
    "\u0f00-\u0fff\u20d0-\u20ff\ufe20-\ufe2f\u200c\u200d"
)
"""Marks within words, and whole blocks of scripts whose vowels are marks."""
_WORD = re.compile(rf"[\w{_MARKS}]+")
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Letters of scripts without spaces, as they stand in a set of a regular expression."""
_UNSPACED = re.compile(f"[{UNSPACED}]")
_LATIN = bytes(code if chr(code).isalnum() or chr(code) == "_" else 0x20 for code in range(256))
"""ISO 8859-1, the letters of Western Europe, with blanks in the place of whatever is no part of a word."""
_SPACED = bytes((*range(0xE0), 0xE2))
"""Bytes of UTF-8 that begin no letter of a script without spaces."""
_LOWER = bytes(range(256)).decode("latin-1").lower().encode("latin-1")
_TYPED = "\u2018\u2019\u201c\u201d\u201e\u2013\u2014\u2026\u2022"
"""What word processors put between words, and ISO 8859-1 lacks."""
_JOINING = re.compile(r"[\s'\u2019-]+")
"""What a phrase may hold between its words."""


def folded(text: str) -> str:
    """Return a text without differences of case and of Unicode spelling."""
    if text.isascii():
        return text.lower()
    if "\xb5" not in text:  # its fold is a Greek letter
        with contextlib.suppress(UnicodeEncodeError):
            return text.encode("latin-1").translate(_LOWER).decode("latin-1").replace("\xdf", "ss")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def split(text: str) -> list[str]:
    """Return the words of a folded text."""
    if text.isascii():
        return text.encode("ascii").translate(_LATIN).decode("ascii").split()
    western = text
    for mark in _TYPED:
        western = western.replace(mark, " ")
    try:
        return western.encode("latin-1").translate(_LATIN).decode("latin-1").split()
    except UnicodeEncodeError:
        return _WORD.findall(text)


def is_unspaced(phrase: str) -> bool:
    """Whether a phrase is written in a script without spaces between words."""
    return _UNSPACED.search(phrase) is not None


def is_phrase(text: str) -> bool:
    """Whether a text is made of words, so that it can be looked for: `c++` and `?!` are not."""
    plain = folded(text)
    if not split(plain):
        return False
    return is_unspaced(text) or not _JOINING.sub("", _WORD.sub("", plain))


class Words:
    """The words of one text, each thing made when it is first asked for."""

    __slots__ = ("_joined", "_listed", "_unique", "_unspaced", "_vocabulary", "text")

    def __init__(self, text: str, vocabulary: frozenset[str] | None = None) -> None:
        """Fold a text; `vocabulary` has every word that will be looked for, None: any may be."""
        self.text = folded(text)
        self._vocabulary = vocabulary
        self._listed: list[str] | None = None
        self._unique: frozenset[str] | None = None
        self._joined: str | None = None
        self._unspaced: bool | None = None

    @property
    def listed(self) -> list[str]:
        """Every word in order."""
        if self._listed is None:
            self._listed = split(self.text)
        return self._listed

    @property
    def unique(self) -> frozenset[str]:
        """Every word once; of those in the vocabulary where there is one."""
        if self._unique is None:
            known = self._vocabulary
            self._unique = frozenset(self.listed) if known is None else known.intersection(self.listed)
        return self._unique

    @property
    def may_be_unspaced(self) -> bool:
        """False: no letter is of a script without spaces."""
        if self._unspaced is None:
            text = self.text
            self._unspaced = not text.isascii() and bool(text.encode("utf-8", "replace").translate(None, _SPACED))
        return self._unspaced

    def has(self, words: tuple[str, ...]) -> bool:
        """Whether the words stand in the text one after the other."""
        if self._joined is None:
            self._joined = f" {' '.join(self.listed)} "
        return f" {' '.join(words)} " in self._joined


class Phrases:
    """Words and phrases to look for in texts."""

    __slots__ = ("_loose", "_phrases", "_single", "_words", "asked", "vocabulary")

    def __init__(self, phrases: tuple[str, ...]) -> None:
        """Prepare; each of `phrases` has a word at least."""
        self.asked = phrases
        spaced = [(phrase, tuple(split(folded(phrase)))) for phrase in phrases if not is_unspaced(phrase)]
        self.vocabulary = frozenset(max(words, key=len) for _, words in spaced)
        """A word of each: without it a phrase is not there. The longest is the rarest one, as a rule."""
        self._loose = {folded(phrase): phrase for phrase in phrases if is_unspaced(phrase)}
        self._single = {words[0]: phrase for phrase, words in spaced if len(words) == 1}
        self._words = frozenset(self._single)
        self._phrases = tuple((phrase, words, max(words, key=len)) for phrase, words in spaced if len(words) > 1)

    def first(self, words: Words) -> str | None:
        """Return one that the text holds, as it was asked for; None where it holds none."""
        unique = words.unique
        if not unique.isdisjoint(self._words):
            return next(phrase for word, phrase in self._single.items() if word in unique)
        if not unique.isdisjoint(self.vocabulary):
            for phrase, parts, telling in self._phrases:
                if telling in unique and words.has(parts):
                    return phrase
        if self._loose and words.may_be_unspaced:
            return next((phrase for wanted, phrase in self._loose.items() if wanted in words.text), None)
        return None
