"""Edits of prose that leave it well formed: capitals, commas, blanks and articles are mended."""

from __future__ import annotations

import re

from llmopt.prompts.edits import Edit
from llmopt.prompts.spans import Segments

_ARTICLE = re.compile(r"\b(an?) $", re.I)
_WORD = re.compile(r"[^\W_]+(?:['\u2019._-][^\W_]+)*")
_UNSURE = re.compile(r"[uhy8]|one|eu|[^a-z]", re.I)
"""Beginnings of words of which the spelling does not tell `a` from `an`."""
_BEGINS = re.compile(r"(?:[.!?:…]['\")\]\u201d]*[ \t]+|(?:^|\n)[ \t]*(?:[-*+•\u2013]|\(?\d{1,3}[.)]|[#>]+)?[ \t]*)$")


def replaced(segments: Segments, start: int, end: int, short: str, rule: str) -> Edit | None:
    """Return the edit that puts a short form in the place of a long one, or None where that would not read well."""
    text = segments.text
    if not _is_plain(text[start:end]):
        return None
    if not short:
        return cut(segments, start, end, rule)
    word = short[0].upper() + short[1:] if text[start].isupper() else short
    article = _ARTICLE.search(text, max(0, start - 3), start)
    if article is None:
        return _free(segments, start, end, word, rule)
    wanted = article_for(word)
    if not wanted:
        return None
    return _free(segments, article.start(), end, f"{_cased(wanted, article[1])} {word}", rule)


def cut(segments: Segments, start: int, end: int, rule: str) -> Edit | None:
    """Return the edit that takes words out, or None where what is left would not read well."""
    text = segments.text
    begins = begins_sentence(text, start)
    left = start
    while left and text[left - 1] == " ":
        left -= 1
    after_comma = text[left - 1 : left] == ","
    right = end + (text[end : end + 1] == ",")
    if right > end and not (begins or after_comma):
        return None
    blank = right
    while text[blank : blank + 1] == " ":
        blank += 1
    if blank == len(text) or text[blank] in ".!?;:)\n\r":
        return None if begins else _free(segments, left - after_comma, right, "", rule)
    if blank == right:
        return None
    if begins and text[start].isupper():
        return _capital(segments, start, blank, rule)
    return _free(segments, start, blank, "", rule) if after_comma else _inside(segments, start, blank, rule)


def begins_sentence(text: str, at: int) -> bool:
    """Return whether a sentence, a line or an item begins at an offset."""
    return bool(_BEGINS.search(text, max(0, at - 16), at)) or at == 0


def article_for(word: str) -> str:
    """Return `a` or `an`, or nothing where the spelling does not tell."""
    if not word or _UNSURE.match(word) or word.isupper():
        return ""
    return "an" if word[0].lower() in "aeio" else "a"


def capital(word: str) -> str:
    """Return a word with a capital, unless it is a name that is written otherwise, such as `iPhone` or `snake_case`."""
    return word if word[1:] != word[1:].lower() or not word.replace("'", "").isalpha() else word[:1].upper() + word[1:]


def _inside(segments: Segments, start: int, blank: int, rule: str) -> Edit | None:
    """Return the cut within a clause, with the article before it mended."""
    article = _ARTICLE.search(segments.text, max(0, start - 3), start)
    if article is None:
        return _free(segments, start, blank, "", rule)
    following = _WORD.match(segments.text, blank)
    wanted = article_for(following[0]) if following else ""
    return _free(segments, article.start(), blank, f"{_cased(wanted, article[1])} ", rule) if wanted else None


def _capital(segments: Segments, start: int, blank: int, rule: str) -> Edit | None:
    following = _WORD.match(segments.text, blank)
    if following is None:
        return _free(segments, start, blank, "", rule)
    word = capital(following[0])
    if segments.overlapping(blank, blank + 1) or word == following[0]:
        return _free(segments, start, blank, "", rule)
    return _free(segments, start, blank + 1, word[0], rule)


def _free(segments: Segments, start: int, end: int, text: str, rule: str) -> Edit | None:
    if segments.overlapping(start, end):
        return None
    return Edit(start, end, text, rule)


def _cased(word: str, like: str) -> str:
    return word[0].upper() + word[1:] if like[0].isupper() else word


def _is_plain(phrase: str) -> bool:
    """Return whether a phrase is written as prose is: not in capitals, not as a title; acronyms may be in it."""
    words = phrase.split()
    return all(word == word.lower() or (word.isupper() and len(word) > 2) for word in words[1:]) and (
        words[0][1:] == words[0][1:].lower()
    )
