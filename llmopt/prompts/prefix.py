"""Where the part of a text ends that a provider has cached: so many tokens, or up to a marker."""

from __future__ import annotations

import re
from bisect import bisect_left

from llmopt.errors import UsageError
from llmopt.tokens.tokenizer import Tokenizer

_WORD = re.compile(r"\S+\s*|\s+")


def stable_offset(text: str, prefix: int | str, tokenizer: Tokenizer) -> int:
    """Return how many characters at the beginning must stay.

    A number of tokens is rounded up to the end of a word and the blanks behind it: what follows may then change without
    changing how the prefix falls into tokens.

    Args:
        text: the whole text.
        prefix: tokens, or a text whose first occurrence ends the prefix (and belongs to it).
        tokenizer: counts.

    Raises:
        UsageError: the marker does not occur.
    """
    if isinstance(prefix, str):
        at = text.find(prefix)
        if at < 0:
            raise UsageError(
                f"the stable prefix's marker {prefix!r} does not occur", "write it as it stands in the text"
            )
        return at + len(prefix)
    if not prefix:
        return 0
    ends = [found.end() for found in _WORD.finditer(text)]
    # tokens of whole words, the blanks behind the last one aside: they may belong to the token that follows
    return (
        ends[bisect_left(ends, prefix, hi=len(ends) - 1, key=lambda end: _tokens(text[:end], tokenizer))] if ends else 0
    )


def _tokens(text: str, tokenizer: Tokenizer) -> int:
    return tokenizer.count(text.rstrip()).tokens
