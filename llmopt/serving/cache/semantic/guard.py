"""The guard of the semantic cache: whether two questions say the same, and if not, what they differ in.

Sentence models put `flights from Paris to London` at a cosine of 0.997 with the way back, nearer than most paraphrases.
So the guard does not look for what is known to be dangerous; it asks that the plain forms (`form`) be equal, and passes
nothing else. That holds in any language, for words that it has never seen. The reason of a refusal is for people only.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from llmopt.serving.cache.semantic import caution, lexicon
from llmopt.serving.cache.semantic.form import Form, form_of
from llmopt.serving.cache.semantic.tokens import Kind, Token
from llmopt.serving.cache.semantic.wording import is_capital, words

_TWOFOLD, _SAME_IN_CAPITALS = words(caution.TWOFOLD), words(caution.SAME_IN_CAPITALS)
_SAME_WITH_CAPITAL = words(caution.SAME_WITH_CAPITAL)
_NEGATIONS, _DATES, _NUMBERS = words(caution.NEGATIONS), words(caution.DATES), words(caution.NUMBER_WORDS)
_ASKING = words(lexicon.QUESTION_WORDS)
_SMALL = words("a an as at be by do he i if in is me my no of on or so to we")
"""Words that capitals make no other word of where all is in capitals."""
_OPPOSING = caution.OPPOSING.split()


class Refusal(StrEnum):
    """What two questions differ in; the first of these that is true."""

    LANGUAGE = "language"
    """They are written in other letters."""
    CODE = "code"
    LINKS = "links"
    """Addresses of the web or of mail."""
    QUOTES = "quotes"
    NUMBERS = "numbers"
    """Numbers, spelled out or not, quantities and quantifiers."""
    DATES = "dates"
    NEGATION = "negation"
    """A `not`, or a beginning such as `un-` that turns a word around."""
    NAMES = "names"
    """Words with capitals."""
    QUESTION = "question"
    """The question word, or whether it is a question."""
    WORDS = "words"
    """Other words, such as opposites; or words that are not known to mean the same."""
    SIGNS = "signs"
    """Punctuation and symbols."""
    ORDER = "order"
    """The same words in another order."""
    CASE = "case"
    """Capitals that may make it another word: `Polish`, `US`, `mW`."""


def refusal(a: str, b: str) -> Refusal | None:
    """Return what two questions differ in; None: they say the same."""
    return difference(form_of(a), form_of(b))


def difference(one: Form, other: Form) -> Refusal | None:
    """Return what two questions differ in; None: they say the same.

    Args:
        one: plain form of a question.
        other: plain form of another.
    """
    if one.texts != other.texts:
        return _reason(one, other)
    if one.asks != other.asks and not one.starts_as_question:
        return Refusal.QUESTION
    if one.literal != other.literal:
        return Refusal.WORDS
    if not all(_same_case(one, other, at) for at in range(len(one.found))):
        return Refusal.CASE
    return None


def _same_case(one: Form, other: Form, at: int) -> bool:
    """Return whether a capital makes no other word of it."""
    a, b = one.found[at], other.found[at]
    if a.written == b.written or not a.written or not b.written or a.text == "i":
        return True
    if one.literal:
        return at == 0
    first = at == 0 or a.opens or b.opens
    if at and one.found[at - 1].kind is Kind.NUMBER:
        return False
    if (one.shouted or other.shouted) and a.text in _SMALL:
        return True
    if len(a.text) <= 2 or any(character.isdigit() for character in a.text):
        return a.text in _SAME_IN_CAPITALS or (first and a.written[1:] == b.written[1:] == a.text[1:])
    if first and _titled(a.written) == _titled(b.written):
        return True
    if a.text in _SAME_WITH_CAPITAL and _titled(a.written) == _titled(b.written):
        return True
    return a.text not in _TWOFOLD and not (one.cased and other.cased)


def _titled(written: str) -> str:
    return written[:1].upper() + written[1:]


def _reason(one: Form, other: Form) -> Refusal:
    ours, theirs = Counter(one.texts), Counter(other.texts)
    if ours == theirs:
        return Refusal.ORDER
    if _script(one.found) != _script(other.found):
        return Refusal.LANGUAGE
    changed = [token for token in one.found if token.text in ours - theirs]
    changed += [token for token in other.found if token.text in theirs - ours]
    return _first_of(changed)


def _first_of(changed: list[Token]) -> Refusal:
    texts = {token.text for token in changed}
    kinds = {token.kind for token in changed}
    numbers = any(any(character.isnumeric() for character in text) for text in texts)
    found = (
        (Kind.CODE in kinds, Refusal.CODE),
        (Kind.LINK in kinds, Refusal.LINKS),
        (Kind.QUOTE in kinds, Refusal.QUOTES),
        (numbers or not _NUMBERS.isdisjoint(texts), Refusal.NUMBERS),
        (not _NEGATIONS.isdisjoint(texts) or _turned(texts), Refusal.NEGATION),
        (not _DATES.isdisjoint(texts), Refusal.DATES),
        (any(is_capital(token) for token in changed), Refusal.NAMES),
        (not _ASKING.isdisjoint(texts), Refusal.QUESTION),
        (Kind.WORD in kinds, Refusal.WORDS),
    )
    return next((reason for holds, reason in found if holds), Refusal.SIGNS)


def _turned(texts: set[str]) -> bool:
    """Return whether one of two words is the other with a beginning that turns it around, or `less` for `ful`."""
    if any(start + text in texts for text in texts for start in _OPPOSING):
        return True
    return any(text.endswith("less") and {text[:-4], text[:-4] + "ful"} & texts for text in texts)


def _script(found: Iterable[Token]) -> str:
    """Return the kind of letters that most words begin with, such as `LATIN`."""
    letters = (token.text[0] for token in found if token.kind is Kind.WORD)
    kinds = Counter(unicodedata.name(letter, "").partition(" ")[0] for letter in letters)
    return kinds.most_common(1)[0][0] if kinds else ""
