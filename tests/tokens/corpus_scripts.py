"""Seeded text in the languages of `words.txt`: made-up sentences with the punctuation and digits of each script.

The words are real, so letters, diacritics and their frequencies are; the sentences mean nothing.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from random import Random

_UNSPACED = ("zh", "ja", "th")
_ENDS = {
    "zh": ("\u3002", "\uff01", "\uff1f", "\u2026\u2026", "\uff1b", "\uff08\u6ce8\uff09\u3002"),
    "ja": ("\u3002", "\uff01", "\u300d\u3002", "\u30fb\u30fb\u30fb", "\uff1f\n"),
    "ar": (".", "\u061f", "!", "\u061b", "\u060c "),
    "hi": ("\u0964", "\u0964\u0964", "?", "!"),
}
_LATIN_ENDS = (".", ".", "!", "?", "...", ";", ":\n", " (2025).", " \u2013 OK?", ".\u201d", "!!\n\n")
_DIGITS = {"ar": "\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669", "zh": "\uff10\uff11\uff12\uff13\uff14"}


def text(languages: tuple[str, ...], random: Random) -> Iterator[str]:
    """Yield sentences without end, a paragraph a language; one in eight in decomposed form."""
    while True:
        language = random.choice(languages)
        form = random.choice(("NFC",) * 7 + ("NFD",))
        for _ in range(random.randint(1, 12)):
            words = sentence(language, random)
            yield unicodedata.normalize("NFD", words) if form == "NFD" else words
        yield random.choice(("\n", "\n\n", "\r\n", " \n\u3000"))


def sentence(language: str, random: Random) -> str:
    """Return one sentence, with the odd number or Latin word in it."""
    words = [_word(language, random) for _ in range(random.randint(2, 16))]
    end = random.choice(_ENDS.get(language, _LATIN_ENDS))
    return ("" if language in _UNSPACED else " ").join(words) + end + ("" if language in ("zh", "ja") else " ")


def _word(language: str, random: Random) -> str:
    luck = random.random()
    if luck > 0.05:
        word = random.choice(words(language))
        return word.upper() if luck > 0.98 else word.capitalize() if luck > 0.93 else word
    digits = _DIGITS.get(language, "0123456789")
    number = "".join(random.choices(digits, k=random.randint(1, 7)))
    return random.choice((number, f"{number}%", "API", "GPT-4o", "iPhone", "https://example.com/?q=" + number))


@functools.cache
def words(language: str) -> tuple[str, ...]:
    """Return the words of a language, by its two-letter code."""
    return _lists()[language]


@functools.cache
def _lists() -> dict[str, tuple[str, ...]]:
    sections = Path(__file__).with_name("words.txt").read_text(encoding="utf-8").split("# ")[1:]
    return {section[:2]: tuple(section[2:].split()) for section in sections}
