"""Cut long texts where a tokenizer would cut them anyway, so that counts of the parts add up exactly.

Byte-pair tokenizers first cut a text into pieces by a regular expression and merge within each piece. A cut is safe
where every way of matching ends one piece and starts another, whatever comes before and after. None of the public
patterns looks behind, so it is enough that the piece on the left cannot go on and does not look at what follows:

- between an ASCII letter or digit and white space: pieces that end in a letter or digit hold no white space after it;
- between a line break and anything but white space and `/` (o200k, cl100k): runs of white space end at their last
  line break, and punctuation takes only line breaks and `/` along.

Parts of some thousand characters are also what is remembered: prompts that begin alike share their first parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

CHUNK = 1024
"""Characters after which the next safe cut is taken."""
WHOLE = 2 * CHUNK
"""Texts up to this many characters stay whole."""
_IN_LINES = re.compile(r"[A-Za-z0-9](?=\s)")
_AND_BETWEEN = re.compile(r"[A-Za-z0-9](?=\s)|\n(?=[^\s/])")


def chunks(text: str, *, newline_ends: bool) -> Iterator[str]:
    """Yield consecutive parts of `text` whose token counts add up to its own.

    Args:
        text: any text.
        newline_ends: whether the vocabulary's pieces end at line breaks (see the module's text).
    """
    cut = (_AND_BETWEEN if newline_ends else _IN_LINES).search
    start, length = 0, len(text)
    while length - start > WHOLE:
        found = cut(text, start + CHUNK)
        if found is None:
            break
        yield text[start : found.end()]
        start = found.end()
    yield text[start:] if start else text
