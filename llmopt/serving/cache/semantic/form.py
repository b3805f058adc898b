"""The plain form of a question: two questions whose forms are equal say the same.

Harmless ways to say something differently are undone: what stands around a question, contractions, known synonyms,
`how can I` for `how do I`, a phrase moved to the front, a genitive. Nothing else is: whatever is not known to be
harmless stays in the form and tells two questions apart. A question about words, with quoted text, code, several lines,
or with more than a few dozen words is compared literally.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from llmopt.serving.cache.semantic import caution, lexicon
from llmopt.serving.cache.semantic.frame import unframed
from llmopt.serving.cache.semantic.order import meant, reordered, way
from llmopt.serving.cache.semantic.spelling import spelled
from llmopt.serving.cache.semantic.tokens import Kind, Token, tokens
from llmopt.serving.cache.semantic.wording import (
    is_shouted,
    longest,
    same_starts,
    same_words,
    words,
)

_MOST_WORDS = 40
"""Of a question; a longer one brings a text of its own along, in which every word may matter."""
_LITERAL, _STARTS = words(caution.LITERAL), words(lexicon.QUESTION_STARTS)
_REQUESTS = words(lexicon.REQUESTS)
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
    core: str
    """The question as it was written, without what stands around it and its last marks; what the embedder reads."""
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
        return 200 + 4 * len(self.core) + sum(200 + len(token.text) for token in self.found)


def form_of(text: str) -> Form:
    """Return the plain form of a question."""
    found = tokens(text)
    if not found:
        return Form((), asks=False, starts_as_question=False, literal=True, core="", shouted=False, cased=False)
    literal = _is_literal(found)
    shouted = is_shouted(found)
    framed = unframed(found, literal=literal)
    body = framed.found if literal else spelled(framed.found)
    body = meant(_begun(body))
    body = body if literal else _plain(body, embedded=framed.embedded)
    return Form(
        tuple(body),
        asks=framed.asks,
        starts_as_question=bool(body) and (body[0].text in _STARTS or (not literal and body[0].text in _REQUESTS)),
        literal=literal,
        core=_core(framed.found),
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
    found = reordered(found, embedded=embedded)
    if count := way(found):
        return [Token("how-to", Kind.WORD, opens=True), *found[count:]]
    return found


def _begun(found: list[Token]) -> list[Token]:
    """Return the tokens with the one beginning for all that say the same."""
    known, becomes = same_starts()
    count = longest(known, found)
    said = becomes[tuple(token.text for token in found[:count])] if 0 < count < len(found) else ()
    return [*(Token(text, Kind.WORD, opens=True) for text in said), *found[count:]] if said else found


def _without_idle_commas(found: list[Token]) -> list[Token]:
    """Return the tokens less the commas before a question, and before the last of a list."""
    commas = sum(token.text == "," for token in found)
    made: list[Token] = []
    for token, following in zip(found, [*found[1:], None], strict=True):
        if token.text == "," and following is not None and following.text in _JOINING and commas > 1:
            continue
        made.append(token)
    return made


def _core(found: list[Token]) -> str:
    return " ".join(token.written or (token.text[0] if token.kind is Kind.SIGN else token.text) for token in found)
