"""What the learned score sees of a prompt: hashes of words and of pairs of words, and a few figures.

The words of the beginning and of the end of a long text count, so that the time of a decision is bounded. Words are
runs of letters and digits, in lower case; Chinese, Japanese, Thai, Lao, Khmer and Burmese, which have no spaces between
words, go character by character. All of it works on bytes of UTF-8 in a few calls that loop in C.

Source: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning" (2009), for weights found by the hash of
a feature. The hash is CRC-32 in full, so features share one only by chance of 1 in 4 billion.
"""

from __future__ import annotations

import math
import re
from unicodedata import normalize
from zlib import crc32

HEAD_CHARS, TAIL_CHARS = 1536, 1024
"""Of a longer text only so much of its beginning and of its end is looked at."""
HEAD_WORDS, TAIL_WORDS = 160, 96
PAIRS_HEAD, PAIRS_TAIL = 64, 32
"""Pairs of neighbouring words are taken where a long prompt says what to do: at its beginning and at its end."""
DENSE = (
    "chars",
    "words",
    "word length",
    "digits",
    "lines",
    "questions",
    "code",
    "not ASCII",
    "context chars",
    "turns",
    "tools",
)
"""The figures, in their order; a weights file names them."""
_TO_WORDS = bytes(
    byte if (chr(byte).isalnum() and byte < 128) or byte >= 128 else 32 for byte in bytes(range(256)).lower()
)
"""ASCII letters in lower case, digits, and all bytes beyond ASCII; whatever else is a space."""
_DIGITS = b"0123456789"
_CODE = b"{}();=<>`_\\"
_SOUTHEAST = rb"\xe0[\xb8-\xbb]|\xe1[\x80-\x82\x9e\x9f]"
"""The first two bytes of three of a character of Thai, Lao, Burmese or Khmer."""
_FIRST_UNSPACED = re.compile(rb"[\xe3-\xe9]")
_FIRST_SOUTHEAST = re.compile(_SOUTHEAST)
_UNSPACED = re.compile(
    rb"[\xe3-\xe9]..|(?:" + _SOUTHEAST + rb").|(?:[^ \xe0\xe1\xe3-\xe9]+|(?!" + _SOUTHEAST + rb")[\xe0\xe1])+",
    re.DOTALL,
)
"""A character of Chinese or Japanese (in UTF-8 three bytes, from U+3000 to U+9FFF) or of those, or a run of others."""
_UNSPACED_HEAD, _UNSPACED_TAIL = 3 * HEAD_WORDS, 3 * TAIL_WORDS
"""Bytes of a text with such characters that are looked at: three are a word."""


def hashes_and_dense(
    text: str, context_chars: int = 0, turns: int = 1, tools: int = 0
) -> tuple[list[int], tuple[float, ...]]:
    """Return the hashes of a prompt, words first and then pairs of words, and its figures in the order of `DENSE`.

    The arguments are those of `llmopt.serving.routing.score.Scorer.score`.
    """
    chars = len(text)
    seen = text if chars <= HEAD_CHARS + TAIL_CHARS else f"{text[:HEAD_CHARS]} {text[-TAIL_CHARS:]}"
    is_ascii = seen.isascii()
    if not is_ascii:
        seen = normalize("NFC", seen).lower()
    raw = seen.encode("utf-8", "replace")
    words = _words(raw, is_ascii)
    hashes = list(map(crc32, words))
    size, count = len(raw) or 1, len(words) or 1
    dense = (
        math.log1p(chars),
        math.log1p(count),
        math.log1p(size / count),
        math.sqrt((size - len(raw.translate(None, _DIGITS))) / size),
        math.log1p(raw.count(b"\n")),
        math.log1p(raw.count(b"?")),
        math.sqrt((size - len(raw.translate(None, _CODE))) / size),
        1 - len(seen) / size if not is_ascii else 0.0,
        math.log1p(context_chars),
        math.log1p(turns),
        math.log1p(tools),
    )
    return hashes + _pairs(words, hashes), dense


def _pairs(words: list[bytes], hashes: list[int]) -> list[int]:
    """Return the hashes of pairs: each second word is hashed on top of the first."""
    if len(words) <= PAIRS_HEAD + PAIRS_TAIL:
        return list(map(crc32, words[1:], hashes))
    head = list(map(crc32, words[1 : PAIRS_HEAD + 1], hashes))
    return head + list(map(crc32, words[-PAIRS_TAIL:], hashes[-PAIRS_TAIL - 1 :]))


def _words(raw: bytes, is_ascii: bool) -> list[bytes]:
    """Return the words that count."""
    spaced = raw.translate(_TO_WORDS)
    if is_ascii or not _is_unspaced(spaced):
        words = spaced.split()
    elif len(spaced) > _UNSPACED_HEAD + _UNSPACED_TAIL:
        words = _UNSPACED.findall(spaced[:_UNSPACED_HEAD]) + _UNSPACED.findall(spaced[-_UNSPACED_TAIL:])
    else:
        words = _UNSPACED.findall(spaced)
    if len(words) > HEAD_WORDS + TAIL_WORDS:
        return words[:HEAD_WORDS] + words[-TAIL_WORDS:]
    return words


def _is_unspaced(spaced: bytes) -> bool:
    """Return whether a script without spaces is in a text; those that take long to find, in its beginning."""
    if _FIRST_UNSPACED.search(spaced) is not None:
        return True
    return (b"\xe0" in spaced or b"\xe1" in spaced) and _FIRST_SOUTHEAST.search(spaced, 0, _UNSPACED_HEAD) is not None
