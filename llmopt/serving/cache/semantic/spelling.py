"""One way of writing for words that have several: contractions, phrases, synonyms, numbers in words, names of units."""

from __future__ import annotations

import re
from dataclasses import replace

from llmopt.serving.cache.semantic.tokens import Kind, Token
from llmopt.serving.cache.semantic.wording import (
    is_capital,
    is_shouted,
    longest,
    number_words,
    same_phrases,
    same_words,
    units,
    words,
)

_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+")
_ENGLISH = words("the of is what how do does to in a and much many are")
_TENS = range(20, 100, 10)
_ENTERING = (("log", "in"), ("log", "out"))
_AFTER_ENTERING = words("to with from on using as if and again when after because")
_BRACKETS = frozenset("()[]{}")
_SIGN_OF_UNIT = 3
"""Letters of it, at most."""
_COUNTRY = "US"
_SPELLED = "in words"
"""Marks, while tokens are put together, a number that was no digits."""


def spelled(found: list[Token]) -> list[Token]:
    """Return the tokens of a question, each thing written one way; what has a capital within a sentence stays."""
    shouted = is_shouted(found)
    known, becomes = same_phrases()
    made: list[Token] = []
    at = 0
    while at < len(found):
        count = longest(known, found, at)
        said = becomes[tuple(token.text for token in found[at : at + count])] if count else ()
        if count and (said not in _ENTERING or _goes_no_further(found, at + count)):
            made += [Token(text, Kind.WORD, opens=found[at].opens) for text in said]
            at += count
            continue
        token = found[at]
        if token.written == _COUNTRY and not shouted:
            token = Token("usa", Kind.WORD, opens=token.opens)
        made.append(token)
        at += 1
    named = [token if is_capital(token) and not shouted else _one_word(token) for token in made]
    return _measured(_composed(named), english=any(token.text in _ENGLISH for token in found))


def _goes_no_further(found: list[Token], at: int) -> bool:
    """Return whether `log in` and the like end there: `sign in Spanish` and `log in Python` go on."""
    return at >= len(found) or found[at].kind is Kind.SIGN or found[at].text in _AFTER_ENTERING


def _one_word(token: Token) -> Token:
    if token.kind is not Kind.WORD:
        return token
    if token.text in number_words():
        return Token(str(number_words()[token.text]), Kind.NUMBER, _SPELLED, token.opens)
    said = same_words().get(token.text)
    return token if said is None else Token(said, Kind.WORD, opens=token.opens)


def _composed(found: list[Token]) -> list[Token]:
    """Return `twenty five` and `twenty-five` as 25; digits that were written as digits stay as they are."""
    made: list[Token] = []
    for token, following in zip(found, [*found[1:], None], strict=True):
        tens = made[-1] if made else None
        hyphen = tens is not None and tens.text == "-~" and len(made) > 1
        tens = made[-2] if hyphen else tens
        dice = not hyphen and following is not None and following.text == "-~"  # twenty five-sided dice are twenty
        if not dice and tens is not None and _is_spelled(tens) and _is_spelled(token) and _fit(tens, token):
            del made[-2 if hyphen else -1 :]
            token = Token(str(int(tens.text) + int(token.text)), Kind.NUMBER, opens=tens.opens)
        made.append(token)
    return [replace(token, written="") if token.kind is Kind.NUMBER else token for token in made]


def _is_spelled(token: Token) -> bool:
    return token.kind is Kind.NUMBER and token.written == _SPELLED


def _fit(tens: Token, ones: Token) -> bool:
    return int(tens.text) in _TENS and 1 <= int(ones.text) <= 9


def _measured(found: list[Token], *, english: bool) -> list[Token]:
    """Return units after numbers in one spelling, and thousands without commas where the text is English."""
    made: list[Token] = []
    english = english and not any(token.text[0] in _BRACKETS for token in found)  # f(1,234) has two arguments
    for token in found:
        if english and token.kind is Kind.NUMBER and _THOUSANDS.fullmatch(token.text):
            token = replace(token, text=token.text.replace(",", ""))
        elif made and made[-1].kind is Kind.NUMBER and (unit := _unit(token)):
            token = Token(unit, Kind.WORD, opens=token.opens)
        made.append(token)
    return made


def _unit(token: Token) -> str | None:
    """Return the one name of a unit; a sign such as `MM` in capitals may be another unit."""
    if token.kind is Kind.WORD and token.written != token.text and len(token.text) <= _SIGN_OF_UNIT:
        return None
    return units().get(token.text.rstrip("~"))
