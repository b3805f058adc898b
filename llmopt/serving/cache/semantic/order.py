"""The plain order of a question's words: what may stand in two places, or asked within a question, put in one way."""

from __future__ import annotations

from dataclasses import replace

from llmopt.serving.cache.semantic import caution, lexicon
from llmopt.serving.cache.semantic.tokens import Kind, Token
from llmopt.serving.cache.semantic.wording import longest, phrases, words

_STATIVE, _DATES = words(lexicon.STATIVE), words(caution.DATES)
_MADE, _PERSONS = words(lexicon.MADE), words(lexicon.PERSONS)
_HOW_TO, _HOW_DO_YOU, _DOING = phrases(lexicon.HOW_TO), phrases(lexicon.HOW_DO_YOU), words(lexicon.DOING)
_FRONTED = words("in with using on")
_FRONT = 8
"""Words of a phrase before the question, at most."""
_SHORT_FRONT, _SHORT_QUESTION = 3, 8
"""The same, and of the question itself, where it asks for no way."""
_PLAIN_STARTS = phrases("what is|what are|what does|how does|how do")
_CLAUSES = words("that which who whom whose if because when where while and or in said says think thinks")
_ASKING = words("what how why where when who was wer wo wie wann warum")
_SOMEWHERE = words("located situated")
_STRESS = words("exactly actually")
_IS = words("is are was were")
_SAYS_IS = _IS | words("ist sind war waren")
_EXPLAINING = words("explain describe")
_WORKING = {"works": "does", "work": "do"}
_MEASURES = words("tall big large old far long deep high wide heavy fast hot cold expensive")
_AUXILIARIES = words("will is are was were do does did has have")
_OWNERS, _SUBJECTS = words("my the your our his her their"), words("it he she")
_SCOPES = words("only just all both even also always every each any some ever")
_AFTER_SUPERLATIVE = words("in of on at from for")
_NO_SUPERLATIVES = words("""
west midwest northwest southwest forest rest test guest nest pest chest request interest harvest contest protest quest
crest priest arrest vest digest everest
""")
_BEST_WAY = ("the", "best", "way", "to")
_DEFINED = 3
"""Words of a term that is to be defined, at most."""
_NO_TERM = words("a an the my your this that it in as for to of and or with")


def reordered(found: list[Token], *, embedded: bool) -> list[Token]:
    """Return the tokens of a question in plain order.

    Args:
        found: its tokens, each thing written one way.
        embedded: it was asked within another question (`tell me what …`).
    """
    found = _asked_plainly(_moved_back(found), embedded=embedded)
    return _owner_last(_superlative_first(_not_last(found)))


def meant(found: list[Token]) -> list[Token]:
    """Return `what does X mean` as `what is the meaning of X`, and `define X` as `what is the definition of X`."""
    said = [token.text for token in found]
    if len(said) > 3 and said[:2] == ["what", "does"] and said[-1] == "mean":
        return [*map(_little, ("what", "is", "the", "meaning", "of")), *found[2:-1]]
    term = found[1:]
    if said[:1] != ["define"] or not 1 <= len(term) <= _DEFINED:
        return found
    if any(token.kind is not Kind.WORD or token.text in _NO_TERM for token in term):
        return found
    return [*map(_little, ("what", "is", "the", "definition", "of")), *term]


def way(found: list[Token]) -> int:
    """Return how many tokens at the start ask for a way to do what follows."""
    count = longest(_HOW_TO, found)
    if count and count < len(found) and found[count].text not in _STATIVE:
        return count
    count = longest(_HOW_DO_YOU, found)
    behind = [token.text for token in found[count:] if token.text not in ("a", "an")] if count else []
    if len(behind) < 2 or not _PERSONS.isdisjoint(behind):
        return 0
    return count if behind[0] in _DOING or (behind[0] == "make" and behind[1] in _MADE) else 0


def _moved_back(found: list[Token]) -> list[Token]:
    """Return `in Python, how do I …` as `how do I … in Python`, and so with a short `what is …`."""
    commas = [at for at, token in enumerate(found) if token.text == ","]
    if len(commas) != 1 or found[0].text not in _FRONTED:
        return found
    (comma,) = commas
    front, rest = found[:comma], found[comma + 1 :]
    if not 2 <= len(front) <= _FRONT or any(_is_time(token) for token in front):
        return found
    return [*rest, *front] if way(rest) or _is_short(front, rest) else found


def _is_short(front: list[Token], rest: list[Token]) -> bool:
    """Return whether a question is so plain that what stands before it can go with nothing but its verb."""
    if len(front) > _SHORT_FRONT or front[0].text != "in" or not longest(_PLAIN_STARTS, rest):
        return False
    return len(rest) <= _SHORT_QUESTION and _CLAUSES.isdisjoint(token.text for token in rest)


def _is_time(token: Token) -> bool:
    """Return whether a word may say when: in front of a question, that may go with another verb than at its end."""
    return token.kind is Kind.NUMBER or token.text in _DATES


def _asked_plainly(found: list[Token], *, embedded: bool) -> list[Token]:
    """Return `what exactly is …` as `what is …`, `the best way to …` and what was asked within a question as one."""
    if not found:
        return found
    if len(found) > 2 and found[0].text in _ASKING and found[1].text in _STRESS:
        found = [found[0], *found[2:]]
    if len(found) > 3 and found[0].text == "where" and found[1].text in _IS and found[-1].text in _SOMEWHERE:
        found = found[:-1]
    if tuple(token.text for token in found[:4]) == _BEST_WAY:
        found = [_little("what"), _little("is"), *found]
    return _not_embedded(found) if embedded or found[0].text in _EXPLAINING else found


def _not_embedded(found: list[Token]) -> list[Token]:
    """Return `what X is`, `how tall X is` and `how X works` as they are asked by themselves."""
    if found[0].text in _EXPLAINING:
        works = len(found) > 3 and found[1].text == "how" and found[-1].text in _WORKING
        found = found[1:] if works else found
    if len(found) < 3 or found[0].text not in _ASKING:
        return found
    last = found[-1].text
    if found[0].text == "how" and last in _WORKING:
        return [found[0], _little(_WORKING[last]), *found[1:-1], _little("work")]
    if last not in _SAYS_IS:
        return found
    begun = 2 if found[0].text == "how" and found[1].text in _MEASURES else 1
    return [*found[:begun], found[-1], *found[begun:-1]]


def _not_last(found: list[Token]) -> list[Token]:
    """Return `why is not my car …` (of `isn't`) as `why is my car not …`."""
    said = [token.text for token in found]
    if said[:1] != ["why"] or said[2:3] != ["not"] or said[1] not in _AUXILIARIES or said.count("not") > 1:
        return found
    end = 4 if said[3:4] and said[3] in _SUBJECTS else 5 if said[3:4] and said[3] in _OWNERS else 0
    if not end or len(said) <= end or said[end] in _SCOPES or said[end - 1] in _SCOPES:
        return found
    return [*found[:2], *found[3:end], found[2], *found[end:]]


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
    if end < len(found) and found[end].text not in _AFTER_SUPERLATIVE:  # which color is the most popular car
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
