"""What stands around a question and is no part of it: greetings, `please`, `can you tell me`, thanks, last marks."""

from __future__ import annotations

from dataclasses import dataclass

from llmopt.serving.cache.semantic import lexicon
from llmopt.serving.cache.semantic.tokens import Kind, Token
from llmopt.serving.cache.semantic.wording import Phrases, longest, phrases, words

_GREETINGS, _PLEASE, _THANKS = phrases(lexicon.GREETINGS), phrases(lexicon.PLEASE), phrases(lexicon.THANKS)
_ASK_ME, _TEACH_ME = phrases(lexicon.ASK_ME), phrases(lexicon.TEACH_ME)
_COULD_YOU, _CAN_YOU = phrases(lexicon.COULD_YOU), phrases(lexicon.CAN_YOU)
_REQUESTS, _ASKED, _QUESTION_WORDS = words(lexicon.REQUESTS), words(lexicon.ASKED), words(lexicon.QUESTION_WORDS)
_STARTS, _DO_YOU_KNOW = words(lexicon.QUESTION_STARTS), phrases(lexicon.DO_YOU_KNOW)
_KNOWN = _STARTS - words("how")
_AFTER_GREETING = _STARTS | _REQUESTS | words("i my we whats hows")
_FIRST_WITHOUT_BLANKS = "\u2e80"
"""Of the letters of languages that are written without blanks."""
_ASKED_FOR_ME, _BARE = words(lexicon.ASKED_FOR_ME), ("could", "you")
_INVERTED = ("¿~", "¡~")
"""At the beginning of a question; the mark at its end says as much."""
_MARKS = frozenset(".?!…;,。")
_NOT_BEFORE_PLEASE = words("to i you we they not will can could would should does do did not as the")


@dataclass(frozen=True, slots=True)
class Framed:
    """A question, and what its frame said of it."""

    found: list[Token]
    asks: bool
    """Whether it ends with a question mark."""
    embedded: bool
    """Whether it was asked within another question (`tell me what …`), whose words come in another order."""


def unframed(found: list[Token], *, literal: bool) -> Framed:
    """Return a question without its frame.

    Args:
        found: all its tokens.
        literal: its words are its matter; then what ends it is part of it, but for a last question mark.
    """
    body, asks = (found, found[-1].text == "?") if literal else _unended(found)
    if literal and asks and body[0].text.partition("'")[0] in _STARTS:
        body = body if any(token.text[0] == "?" for token in body[:-1]) else body[:-1]
    embedded = False
    while count := _opening(body, literal=literal):
        embedded = embedded or bool(longest(_ASK_ME, body) or longest(_DO_YOU_KNOW, body))
        body = body[count:]
    return Framed(body, asks, embedded)


def _unended(found: list[Token]) -> tuple[list[Token], bool]:
    """Return a question without marks, thanks and `please` at its end, and whether one of the marks asks."""
    body, asks = list(found), False
    while body:
        last = body[-1]
        if last.kind is Kind.SIGN and last.text[0] in _MARKS and not _is_factorial(body):
            asks = asks or last.text[0] == "?"
            body.pop()
        elif count := _closing(body):
            del body[-count:]
        else:
            return body, asks
    return list(found), asks


def _is_factorial(body: list[Token]) -> bool:
    if body[-1].text[0] != "!" or len(body) < 2:
        return False
    before = body[-2]
    return (
        before.kind is Kind.NUMBER
        or before.text.startswith(")")
        or (before.kind is Kind.WORD and len(before.text) == 1)
    )


def _closing(body: list[Token]) -> int:
    """Return how many tokens at the end are thanks or a `please`."""
    for count in range(min(len(body) - 1, 5), 0, -1):
        tail, before = body[-count:], body[-count - 1]
        if longest(_THANKS, tail) == count and before.kind is Kind.SIGN and before.text[0] in _MARKS:
            return count
        if longest(_PLEASE, tail) == count and before.text not in _NOT_BEFORE_PLEASE:
            return count
    return 0


def _opening(body: list[Token], *, literal: bool) -> int:
    """Return how many tokens at the start say nothing of what is asked; at least two stay."""
    for count in (
        int(body[0].text in _INVERTED) if body else 0,
        _greeting(body),
        _please(body, literal=literal),
        _before(_ASK_ME, body, _QUESTION_WORDS),
        _before(_DO_YOU_KNOW, body, _KNOWN),
        _before_how_to(body),
        _before_request(_COULD_YOU, body, _REQUESTS),
        _before_request(_CAN_YOU, body, _ASKED),
    ):
        if count and (len(body) - count >= 2 or _has_no_blanks(body[count:])):
            return count
    return 0


def _greeting(body: list[Token]) -> int:
    count = longest(_GREETINGS, body)
    if not count:
        return 0
    end = count
    while end < len(body) and body[end].kind in (Kind.SIGN, Kind.LINE) and body[end].text[0] in ",.!\n":
        end += 1
    inverted = end < len(body) and body[end].text in _INVERTED
    follows = end < len(body) and (
        body[end].text.partition("'")[0] in _AFTER_GREETING
        or any(longest(known, body, end) for known in (_COULD_YOU, _CAN_YOU, _ASK_ME, _DO_YOU_KNOW, _PLEASE))
        or _has_no_blanks(body[end:])
    )
    parted = end > count and body[end - 1].text[0] in ".\n"  # a comma may be part of a name: `Hello, Dolly!`
    return end if parted or follows or inverted else 0


def _has_no_blanks(body: list[Token]) -> bool:
    return bool(body) and len(body[0].text) > 1 and body[0].text[0] >= _FIRST_WITHOUT_BLANKS


def _please(body: list[Token], *, literal: bool) -> int:
    count = longest(_PLEASE, body)
    if not count or (literal and body[count : count + 1] and body[count].text not in _REQUESTS):
        return 0
    return count + (count < len(body) and body[count].text == ",")


def _before(known: Phrases, body: list[Token], follows: frozenset[str]) -> int:
    count = longest(known, body)
    count += bool(count) and count < len(body) and body[count].text == ","
    return count if count and count < len(body) and body[count].text in follows else 0


def _before_request(known: Phrases, body: list[Token], follows: frozenset[str]) -> int:
    count = longest(known, body)
    said = [token.text for token in body[count : count + 2]]
    if count == 0 or not said:
        return 0
    wished = said[0] in _ASKED_FOR_ME and said[1:] == ["me"]
    bare = count == len(_BARE) and said[0] in _ASKED_FOR_ME  # of `could you please give` nobody thinks it a question
    return count if wished or (said[0] in follows and not bare) else 0


def _before_how_to(body: list[Token]) -> int:
    count = longest(_TEACH_ME, body)
    follows = [token.text for token in body[count : count + 2]]
    return count if count and follows == ["how", "to"] else 0
