"""Which language a block is in: Vietnamese by its letters, English and some others by their frequent words.

The words are the usual function words of each language, those that two of them share left out.
"""

from __future__ import annotations

import re

from llmopt.prompts.spans import Language

_VIETNAMESE = re.compile("[ăđơưĂĐƠƯ\u1ea0-\u1ef9\u0309\u031b\u0323]")
_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH_WORDS = """
the of and to in is that for it with as you are this be on by not from or have an your should will must can all if when
any what which do does their they we our write use answer please each only following text provide
"""
_OTHER_WORDS = """
le la les des une est et dans pour qui que sur avec pas vous nous der die das und ist nicht ein eine mit den von zu auf
für el los las del por para con una es en il che di per sono della não uma os dos em het van een niet zijn och att som
jest nie się na jak yang dan untuk dengan dari ini
"""
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
_OTHERS = frozenset(_OTHER_WORDS.split())
_SAMPLE = 400


def language_of(text: str, start: int, end: int) -> Language | None:
    """Return the language of a part of a text; None where its words do not say."""
    sample = text[start : min(end, start + _SAMPLE)]
    if not sample.isascii():
        if len(_VIETNAMESE.findall(sample)) * 40 > len(sample):
            return "vi"
        if sum(letter > "\u024f" and letter.isalpha() for letter in sample) * 4 > len(sample):
            return "other"
    words = frozenset(_WORD.findall(sample.lower()))
    english, others = len(words & _ENGLISH), len(words & _OTHERS)
    if english > others:
        return "en"
    return "other" if others else None
