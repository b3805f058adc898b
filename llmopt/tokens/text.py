"""Texts as tokenizers read them."""

from __future__ import annotations


def repaired(text: str) -> str:
    """Return a text as tiktoken reads it: halves of surrogate pairs joined, lone ones replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
