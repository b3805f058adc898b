"""How many tokens texts have, about: for calls whose upstream did not say, such as streams that a client left.

A vocabulary would be right to the token; it takes 60 MB and half a second to load, which a gateway cannot spare in the
middle of its work. So words, numbers and signs are counted as the pieces that byte-pair vocabularies of today make of
them: `tests/serving/gateway/metering/test_estimating.py` holds it against o200k_base.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from llmopt.serving.gateway.metering.texts import asked_numbers, asked_texts, asked_turns

AROUND_TURN = 4
"""Tokens around each message of a chat (OpenAI's cookbook: 3 for each and 1 for its role)."""
_MOST_CHARS = 32_768
"""That are looked at; a longer text is taken to go on as it begins and ends."""
_PIECES = re.compile(
    r"(?P<word>[^\sA-Za-z0-9\u00C0-\uFFFF]?[A-Za-z\u00C0-\u024F]+)|(?P<number>[0-9]+)"
    r"|(?P<letters>[\u0250-\u1FFF]+)|(?P<signs_of_words>[\u2E80-\U0010FFFF]+)|(?P<space>[^\S\n]{2,}|\n\s*)"
    r"|(?P<signs>[^\sA-Za-z0-9\u00C0-\u1FFF\u2E80-\U0010FFFF]+)"
)
"""A word with the one sign that vocabularies take into it; numbers; words in other alphabets; Chinese and its like."""
_WEIGHTS = {
    "word": (1.0, 6, 0.13),
    "number": (1.05, 3, 0.33),
    "letters": (1.1, 3, 0.35),
    "signs_of_words": (0.2, 0, 0.65),
    "space": (1.4, 10, 0.0),
    "signs": (1.1, 1, 0.07),
}
"""Tokens of a piece of each kind: so many, and for each character after so many, so many more; fitted
to o200k_base on prose in seven languages, code, Markdown and JSON."""


def tokens_in(text: str) -> int:
    """Return about how many tokens a text has."""
    if len(text) <= _MOST_CHARS:
        return _count(text)
    half = _MOST_CHARS // 2
    looked_at = _count(text[:half]) + _count(text[-half:])
    return looked_at * len(text) // _MOST_CHARS


def tokens_in_all(texts: Iterable[str]) -> int:
    """Return about how many tokens texts have that follow each other, such as the pieces of a stream."""
    return tokens_in("".join(texts))


def asked_tokens(request: Mapping[str, Any]) -> int:
    """Return about how many tokens a request has; pictures and sounds are not counted.

    Args:
        request: the body, decoded.
    """
    turns = asked_turns(request)
    around = AROUND_TURN * turns + 3 if turns else 0
    return tokens_in(" ".join(asked_texts(request))) + asked_numbers(request) + around


def _count(text: str) -> int:
    return round(sum(_tokens(match.lastgroup or "", match.end() - match.start()) for match in _PIECES.finditer(text)))


def _tokens(kind: str, length: int) -> float:
    first, within, each = _WEIGHTS[kind]
    return first + max(0, length - within) * each
