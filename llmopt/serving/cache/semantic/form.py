"""The plain form of a question: two questions whose forms are equal say the same.

Harmless ways to say something differently are undone: what stands around a question, contractions, known synonyms,
`how can I` for `how do I`, a phrase moved to the front, a genitive. Nothing else is: whatever is not known to be
harmless stays in the form and tells two questions apart. A question about words, with quoted text, code, several lines,
or with more than a few dozen words is compared literally.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from llmopt.serving.cache.semantic import lexicon
from llmopt.serving.cache.semantic.frame import unframed
from llmopt.serving.cache.semantic.spelling import spelled
from llmopt.serving.cache.semantic.tokens import Kind, Token, tokens
from llmopt.serving.cache.semantic.wording import (
    is_capital,
    is_shouted,
    longest,
    phrases,
    same_starts,
    same_words,
    words,
)

_MOST_WORDS = 40
"""Of a question; a longer one brings a text of its own along, in which every word may matter."""
_LITERAL, _STATIVE, _STARTS = words(lexicon.LITERAL), words(lexicon.STATIVE), words(lexicon.QUESTION_STARTS)
_REQUESTS = words(lexicon.REQUESTS)
_NOT_MADE, _PERSONS = words(lexicon.NOT_MADE), words(lexicon.PERSONS)
_HOW_TO, _HOW_DO_YOU, _DOING = phrases(lexicon.HOW_TO), phrases(lexicon.HOW_DO_YOU), words(lexicon.DOING)
_FRONTED = words("in with using on")
_DATES = words(lexicon.DATES)
_FRONT = 8
"""Words of a phrase before the question, at most."""
_ASKING = words("what how why where when who")
_SOMEWHERE = words("located situated")
_STRESS = words("exactly actually")
_IS = words("is are was were")
_QUANTITIES = words("few little lot number bit couple hundred thousand million dozen half quarter while")
_NO_SUPERLATIVES = words("""
west midwest northwest southwest forest rest test guest nest pest chest request interest harvest contest protest quest
crest priest arrest vest digest everest
""")
_BEST_WAY = ("the", "best", "way", "to")
_JOINING = words("and or")
_TAKEN_LITERALLY = frozenset((Kind.QUOTE, Kind.CODE, Kind.LINE))


@dataclass(frozen=True, slots=True)
class Form:
    """A question in its plain form."""

    found: tuple[Token, ...]
    asks: bool
    """Whether it has a question mark at its end."""
    starts_as_question: bool
    """Whether it asks without the mark, too: a question word or a request comes first."""
    literal: bool
    """Whether it is compared as it was written."""
    shouted: bool
    """Whether it is all in capitals."""
    cased: bool
    """Whether it has capitals where they are due, so that a small letter says something."""

    @property
    def texts(self) -> tuple[str, ...]:
        """What is compared, in order."""
        return tuple(token.text for token in self.found)

    @property
    def size_bytes(self) -> int:
        """What it takes in memory, about."""
        return 200 + sum(200 + len(token.text) for token in self.found)


def form_of(text: str) -> Form:
    """Return the plain form of a question."""
    found = tokens(text)
    if not found:
        return Form((), asks=False, starts_as_question=False, literal=True, shouted=False, cased=False)
    literal = _is_literal(found)
    shouted = is_shouted(found)
    framed = unframed(found, literal=literal)
    body = framed.found if literal else spelled(framed.found)
    body = _begun(body)
    body = body if literal else _plain(body, embedded=framed.embedded)
    return Form(
        tuple(body),
        asks=framed.asks,
        starts_as_question=bool(body) and (body[0].text in _STARTS or (not literal and body[0].text in _REQUESTS)),
        literal=literal,
        shouted=shouted,
        cased=not shouted and any(token.written[:1].isupper() for token in found),
    )


def _is_literal(found: list[Token]) -> bool:
    """Return whether every word may matter as it is written."""
    said = [token.text for token in found if token.kind is Kind.WORD]
    if len(said) > _MOST_WORDS or any(token.kind in _TAKEN_LITERALLY or token.text[0] == ":" for token in found):
        return True
    groups = Counter(same_words().get(word, word) for word in set(said))
    return not _LITERAL.isdisjoint(said) or any(count > 1 for count in groups.values())


def _plain(found: list[Token], *, embedded: bool) -> list[Token]:
    found = _without_idle_commas(found)
    found = _moved_back(found)
    found = _asked_plainly(found, embedded=embedded)
    found = _owner_last(_superlative_first(found))
    if count := _way(found):
        return [Token("how-to", Kind.WORD, opens=True), *_without_article(found[count:])]
    return found


def _begun(found: list[Token]) -> list[Token]:
    """Return the tokens with the one beginning for all that say the same."""
    known, becomes = same_starts()
    count = longest(known, found)
    said = becomes[tuple(token.text for token in found[:count])] if 0 < count < len(found) else ()
    return [*(Token(text, Kind.WORD, opens=True) for text in said), *found[count:]] if said else found


def _way(found: list[Token]) -> int:
    """Return how many tokens at the start ask for a way to do what follows."""
    count = longest(_HOW_TO, found)
    if count and count < len(found) and found[count].text not in _STATIVE:
        return count
    count = longest(_HOW_DO_YOU, found)
    behind = [token.text for token in found[count:] if token.text not in ("a", "an")] if count else []
    if not _PERSONS.isdisjoint(behind):
        return 0
    made = behind[:1] == ["make"] and behind[1:] and behind[1] not in _NOT_MADE
    return count if made or (behind and behind[0] in _DOING) else 0


def _without_idle_commas(found: list[Token]) -> list[Token]:
    """Return the tokens less the commas before a question, and before the last of a list."""
    commas = sum(token.text == "," for token in found)
    made: list[Token] = []
    for token, following in zip(found, [*found[1:], None], strict=True):
        if token.text == "," and following is not None and following.text in _JOINING and commas > 1:
            continue
        made.append(token)
    return made


def _moved_back(found: list[Token]) -> list[Token]:
    """Return `in Python, how do I …` as `how do I … in Python`."""
    commas = [at for at, token in enumerate(found) if token.text == ","]
    if len(commas) != 1 or not found or found[0].text not in _FRONTED:
        return found
    (comma,) = commas
    front, rest = found[:comma], found[comma + 1 :]
    if not 2 <= len(front) <= _FRONT or not _way(rest) or any(_is_time(token) for token in front):
        return found
    return [*rest, *front]


def _is_time(token: Token) -> bool:
    """Return whether a word may say when: in front of a question, that may go with another verb than at its end."""
    return token.kind is Kind.NUMBER or token.text in _DATES


def _asked_plainly(found: list[Token], *, embedded: bool) -> list[Token]:
    """Return `what exactly is …` as `what is …`, `the best way to …` and what was asked within a question as one."""
    if len(found) > 2 and found[0].text in _ASKING and found[1].text in _STRESS:
        found = [found[0], *found[2:]]
    if len(found) > 3 and found[0].text == "where" and found[1].text in _IS and found[-1].text in _SOMEWHERE:
        found = found[:-1]
    if tuple(token.text for token in found[:4]) == _BEST_WAY:
        found = [_little("what"), _little("is"), *found]
    if embedded and len(found) > 2 and found[0].text in _ASKING and found[-1].text in _IS:
        found = [found[0], found[-1], *found[1:-1]]
    return found


def _superlative_first(found: list[Token]) -> list[Token]:
    """Return `which planet is the largest …` as `what is the largest planet …`, and any other `which` as `what`."""
    if not found or found[0].text not in ("which", "what"):
        return found
    found = [_little("what"), *found[1:]]
    if len(found) < 5 or found[2].text not in _IS or found[3].text != "the" or found[1].text in _IS:
        return found
    end = 6 if found[4].text in ("most", "least") else 5
    if end == 5 and (not found[4].text.endswith("est") or found[4].text in _NO_SUPERLATIVES):
        return found
    return [found[0], *found[2:end], found[1], *found[end:]]


def _owner_last(found: list[Token]) -> list[Token]:
    """Return `what is France's capital` as `what is the capital of France`."""
    if len(found) < 4 or found[0].text not in ("what", "who") or found[1].text not in _IS:
        return found
    owners = [at for at, token in enumerate(found) if token.text.endswith("'s")]
    if len(owners) != 1 or any(token.kind is not Kind.WORD for token in found):
        return found
    (at,) = owners
    owner, owned = found[2 : at + 1], found[at + 1 :]
    if not owner or not 1 <= len(owned) <= 2 or len(owner) > 3:
        return found
    last = replace(owner[-1], text=owner[-1].text[:-2], written=owner[-1].written[:-2])
    return [*found[:2], _little("the"), *owned, _little("of"), *owner[:-1], last]


def _little(word: str) -> Token:
    return Token(word, Kind.WORD)


def _without_article(found: list[Token]) -> list[Token]:
    """Return the tokens less an `a` or `an` right behind the verb; further on it may be a name: `vitamin a in food`."""
    return [found[0], *found[2:]] if len(found) > 2 and _is_idle(found[1], found[2]) else found


def _is_idle(token: Token, following: Token) -> bool:
    if token.text not in ("a", "an") or token.written != token.text or is_capital(following):
        return False
    return following.kind is Kind.WORD and len(following.text) > 1 and following.text not in _QUANTITIES
