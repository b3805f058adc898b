"""`PieceCounter`: about how many tokens a text has, without a vocabulary, which would cost a gateway 100 MB.

Byte-pair vocabularies of today split a text into words, numbers, marks and blanks first (the pattern of o200k_base),
and then a word into as many parts as it is rare. The parts are guessed here from a piece's kind and length, with
figures fitted to o200k_base. Compression needs to know which of two spellings is cheaper, and about by how much.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmopt.tokens.result import TokenCount

_PIECE = re.compile(r"([^\W\d_]+)|(\d+)|(\s*\n)|([^\S\n]{2,})|([^\w\s]+)[\r\n]*|_|\s")
_WORD, _MARKS, _LETTERS, _DIGITS = 9, 4, 4.5, 3
"""Letters of an ASCII word, marks, letters of other words and digits that make one token."""
_WIDE = 0x2E80
"""From this character on (Chinese, Japanese, Korean) nearly each letter is a token."""
_OF_WIDE = 0.65
_SPREAD = 0.3


class PieceCounter:
    """Estimates tokens; holds nothing."""

    @property
    def name(self) -> str:
        """Of the estimator."""
        return "pieces"

    def count(self, text: str) -> TokenCount:
        """Count one text."""
        found = round(sum(map(_tokens, _PIECE.finditer(text))))
        spread = round(found * _SPREAD) + 2
        return TokenCount(found, max(0, found - spread), found + spread, "estimated", self.name)

    def count_many(self, texts: Sequence[str]) -> list[TokenCount]:
        """Count several texts, in order."""
        return [self.count(text) for text in texts]


def _tokens(piece: re.Match[str]) -> float:
    kind = piece.lastindex
    length = piece.end(kind or 0) - piece.start()
    if kind == 1:
        return _of_word(piece.group(), length)
    if kind == 2:
        return 1 + (length - 1) // _DIGITS
    if kind == 5:
        return 1 + (length - 1) // _MARKS
    return 0 if kind is None and piece.group() == " " else 1


def _of_word(word: str, letters: int) -> float:
    if word.isascii():
        return 1 + (letters - 1) // _WORD
    return letters * _OF_WIDE if ord(word[0]) >= _WIDE else max(1.0, letters / _LETTERS)
