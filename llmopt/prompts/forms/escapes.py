"""Write the escaped letters of JSON as letters: the same values, and far fewer tokens where a text is not English.

`json.dumps` escapes all that is not ASCII unless told otherwise, so logged JSON is full of escapes.
"""

from __future__ import annotations

import functools
import re
import unicodedata

_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
_LOWEST = 0xA0
"""Below are controls, and what JSON or a template could take for a mark of its own."""
_SEEN = ("L", "M", "N", "P", "S")
"""Classes of characters that can be seen; blanks, controls and what only joins or directs stay escaped."""


def unescaped(text: str) -> str:
    """Return a valid JSON text with escaped letters, digits and signs beyond ASCII written as themselves."""
    return _ESCAPE.sub(_character, text) if "\\u" in text else text


def _character(escape: re.Match[str]) -> str:
    return _written(escape[0])


@functools.lru_cache(65536)
def _written(escape: str) -> str:
    if not escape.startswith("\\u"):
        return escape
    codes = [int(code, 16) for code in escape[2:].split("\\u")]
    code = codes[0] if len(codes) == 1 else 0x10000 + (codes[0] - 0xD800) * 0x400 + codes[1] - 0xDC00
    return chr(code) if code >= _LOWEST and unicodedata.category(chr(code))[0] in _SEEN else escape
