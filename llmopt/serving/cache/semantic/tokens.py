"""The pieces of a question that the guard compares: words, numbers, signs, and what stands there to be taken literally.

Every character that is no blank is in some token, so whatever two texts differ in is seen. Numbers stand apart from the
unit that is glued to them (`5km`). A sign knows whether something follows it at once: `node.js` is not `node. js`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

_TOKEN = re.compile(
    r"""
    (?P<code>```.*?```|`[^`\n]+`)
  | (?P<link>[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s<>"]+|www\.[^\s<>"]+|[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]+)+)
  | (?P<quote>"[^"]{0,2000}"|“[^”]{0,2000}”|„[^“”]{0,2000}[“”]|«[^»]{0,2000}»
      |\u2039[^\u203a]{0,2000}\u203a|「[^」]{0,2000}」|『[^』]{0,2000}』
      |\u2018[^\u2019\n]{0,2000}\u2019(?!\w)|(?<!\w)'[^'\n]{0,2000}'(?!\w))
  | (?P<number>(?<![^\W\d_])\d+(?:[.,:/]\d+)*)
  | (?P<word>请问|請問|[^\W\d_]\w*(?:['\u2019\u02bc]\w+)*|\w+)
  | (?P<line>\n\s*)
  | (?P<sign>\S)
    """,
    re.VERBOSE | re.DOTALL,
)
_LOOSE = frozenset(",()[]{}\uff0c\u3001")
"""Signs that mean the same whatever follows them."""
_WIDE = str.maketrans("\uff1f\uff01\uff0c\u3002\uff1a\uff1b\uff08\uff09\u2019\u02bc", "?!,.:;()''")


class Kind(StrEnum):
    """What a token is."""

    WORD = "word"
    NUMBER = "number"
    SIGN = "sign"
    """Punctuation or a symbol."""
    LINE = "line"
    """A line break, with the blanks that indent the next line."""
    QUOTE = "quote"
    """A text in quotation marks, with its marks as straight ones."""
    CODE = "code"
    """A text in backticks."""
    LINK = "link"
    """An address of the web or of mail."""


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of a question."""

    text: str
    """What is compared: words in lower case."""
    kind: Kind
    written: str = ""
    """A word as it was written; empty where its case does not matter."""
    opens: bool = False
    """Whether it opens a sentence, so that a capital says nothing."""


def tokens(text: str) -> list[Token]:
    """Return the tokens of a text in order, in Unicode's composed form; blanks at both ends count for nothing."""
    text = unicodedata.normalize("NFC", text).strip()
    found: list[Token] = []
    opens = True
    for match in _TOKEN.finditer(text):
        token = _token(Kind(match.lastgroup or Kind.SIGN), match[0], glued=_glued(text, match.end()), opens=opens)
        found.append(token)
        if token.kind is Kind.SIGN or token.kind is Kind.LINE:
            opens = opens or token.kind is Kind.LINE or token.text[0] in ".?!:;"
        else:
            opens = False
    return found


def _glued(text: str, end: int) -> bool:
    return end < len(text) and not text[end].isspace()


def _token(kind: Kind, raw: str, *, glued: bool, opens: bool) -> Token:
    if kind is Kind.WORD:
        return Token(raw.translate(_WIDE).lower(), kind, raw, opens)
    if kind is Kind.QUOTE:
        return Token(f'"{raw[1:-1]}"', kind, opens=opens)
    if kind is Kind.SIGN:
        sign = raw.translate(_WIDE)
        ends = glued and sign not in _LOOSE
        return Token(f"{sign}~" if ends else sign, kind, opens=opens)
    if kind is Kind.LINE:
        return Token("\n" + raw.rpartition("\n")[2], kind, opens=opens)
    return Token(raw, kind, opens=opens)
