"""The word lists of the lexicon as the guard looks them up: sets of words, and phrases by their first word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from llmopt.serving.cache.semantic import lexicon
from llmopt.serving.cache.semantic.tokens import Token, tokens

Phrase = tuple[str, ...]
"""Texts of tokens in a row."""
Phrases = Mapping[str, tuple[Phrase, ...]]
"""By the first text, longest first."""


def phrases(lines: str) -> Phrases:
    """Return the phrases of lines, parted by `|`."""
    return _by_first(_phrase(item) for line in lines.splitlines() for item in line.split("|") if item.strip())


def longest(known: Phrases, found: list[Token], at: int = 0) -> int:
    """Return how many tokens from a place on are a phrase that is known; 0: none."""
    if at >= len(found):
        return 0
    for phrase in known.get(found[at].text, ()):
        if len(phrase) <= len(found) - at and all(
            token.text == text for token, text in zip(found[at : at + len(phrase)], phrase, strict=True)
        ):
            return len(phrase)
    return 0


def words(text: str) -> frozenset[str]:
    """Return the words of a list."""
    return frozenset(text.split())


@cache
def same_starts() -> tuple[Phrases, dict[Phrase, Phrase]]:
    """Return the beginnings that are another way to say something, and what each becomes."""
    becomes = _becomes(lexicon.SAME_STARTS)
    return _by_first(becomes), becomes


@cache
def same_phrases() -> tuple[Phrases, dict[Phrase, Phrase]]:
    """Return the phrases that are another way to say something, and what each becomes."""
    becomes = _becomes(lexicon.SAME_PHRASES)
    for item in (lexicon.CONTRACTIONS + lexicon.MISSPELLED).replace("\n", "|").split("|"):
        way, _, said = item.partition("=")
        if said:
            becomes[_phrase(way)] = _phrase(said)
    return _by_first(becomes), becomes


@cache
def same_words() -> dict[str, str]:
    """Return what each word with a synonym becomes."""
    return _to_first(lexicon.SAME_WORDS)


@cache
def units() -> dict[str, str]:
    """Return what each name of a unit becomes."""
    return _to_first(lexicon.UNITS)


@cache
def number_words() -> dict[str, int]:
    """Return the value of each number that is one word."""
    values = {word: at for at, word in enumerate(lexicon.DIGITS.split())}
    return values | {word: 10 * at for at, word in enumerate(lexicon.TENS.split(), 2)}


def is_capital(token: Token) -> bool:
    """Return whether a word has a capital that says something: one that no sentence begins with."""
    return token.written not in ("", token.text) and not token.opens and token.text != "i"


def is_shouted(found: Iterable[Token]) -> bool:
    """Return whether all words are in capitals, so that capitals say nothing."""
    written = [token.written for token in found if token.written.lower() != token.written.upper()]
    return len(written) > 1 and all(word == word.upper() for word in written)


def _phrase(text: str) -> Phrase:
    return tuple(token.text for token in tokens(text))


def _becomes(lines: str) -> dict[Phrase, Phrase]:
    becomes: dict[Phrase, Phrase] = {}
    for line in lines.strip().splitlines():
        ways, _, said = line.partition("=")
        becomes |= {_phrase(way): _phrase(said) for way in ways.split("|")}
    # what is long stays, so that nothing within it is taken for a phrase of its own; a word by itself keeps its capital
    return {way: said for way, said in becomes.items() if way != said or len(way) > 1}


def _by_first(items: Iterable[Phrase]) -> Phrases:
    found: dict[str, list[Phrase]] = {}
    for phrase in items:
        found.setdefault(phrase[0], []).append(phrase)
    return {first: tuple(sorted(rest, key=len, reverse=True)) for first, rest in found.items()}


def _to_first(lines: str) -> dict[str, str]:
    return {word: line.split()[0] for line in lines.strip().splitlines() for word in line.split()}
