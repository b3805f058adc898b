"""Tokenizer files that tiktoken runs: Mistral's `tekken.json`, and the public files of ranks.

A `tekken.json` lists more tokens than the model has: those from `default_vocab_size - default_num_special_tokens` on
are not used. Its special tokens come before the others, which leaves ranks and merges as they are. Source:
mistral-common 1.13 (Apache-2.0), `mistral_common/tokens/tokenizers/tekken.py`.
"""

from __future__ import annotations

import functools
import hashlib
import os
from binascii import a2b_base64
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import msgspec
import tiktoken

from llmopt.errors import InputError, UsageError
from llmopt.tokens.exact.runs import LongRuns
from llmopt.tokens.exact.vocabulary import VOCABULARIES

_SLICE = 64
"""Texts that a thread counts before it is handed more."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """A byte-pair vocabulary."""

    pattern: str
    """How text is cut before merging; a regular expression of Rust's fancy-regex."""
    ranks: dict[bytes, int]
    """Rank by token; each of the 256 bytes is a token."""
    newline_ends: bool
    """Whether a run of white space is cut after its last line break."""

    def lengths(self) -> RanksLengths:
        """Return what counts texts by this vocabulary.

        Raises:
            ValueError: tiktoken cannot read the pattern.
        """
        encoding = tiktoken.Encoding("local", pat_str=self.pattern, mergeable_ranks=self.ranks, special_tokens={})
        blanks_end = r"\s++$" in self.pattern
        runs = LongRuns(encoding, self._piece_encoding(), newline_ends=self.newline_ends, blanks_end=blanks_end)
        return RanksLengths(runs)

    def _piece_encoding(self) -> Callable[[], tiktoken.Encoding]:
        @functools.cache
        def encoding() -> tiktoken.Encoding:
            return tiktoken.Encoding("piece", pat_str=r"[\s\S]+", mergeable_ranks=self.ranks, special_tokens={})

        return encoding


@dataclass(frozen=True, slots=True)
class RanksLengths:
    """Counts the tokens of several texts, whose special-token spellings are plain text."""

    runs: LongRuns
    """Counts one text."""

    def __call__(self, texts: Sequence[str]) -> list[int]:
        """Return the count of each text."""
        if len(texts) <= _SLICE:
            return self._counts(texts)
        slices = [texts[start : start + _SLICE] for start in range(0, len(texts), _SLICE)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return [count for counts in pool.map(self._counts, slices) for count in counts]

    def _counts(self, texts: Sequence[str]) -> list[int]:
        return [self.runs.count(text) for text in texts]


class _Token(msgspec.Struct):
    rank: int
    token_bytes: bytes  # base64 in the file


class _Config(msgspec.Struct):
    pattern: str
    default_vocab_size: int
    default_num_special_tokens: int


class _File(msgspec.Struct):
    vocab: list[_Token]
    config: _Config


def tekken_lengths(data: bytes, name: str) -> RanksLengths:
    """Return what counts texts by a `tekken.json`.

    Args:
        data: what is in the file.
        name: the file as the user named it, for messages.

    Raises:
        InputError: the vocabulary or the pattern is wrong.
    """
    try:
        file = msgspec.json.decode(data, type=_File)
        pattern = file.config.pattern
        return Ranks(pattern, _tekken_ranks(file), newline_ends=r"\s*[\r\n]+" in pattern).lengths()
    except ValueError as error:  # msgspec's and tiktoken's errors are ValueErrors too
        raise InputError(f"{name}: not a right tekken.json: {error}", "fetch the file of the model again") from error


def _tekken_ranks(file: _File) -> dict[bytes, int]:
    """Return the tokens in use; each of the 256 bytes must be one, or tiktoken panics on a text that has it."""
    used = file.config.default_vocab_size - file.config.default_num_special_tokens
    if not 256 <= used <= len(file.vocab):
        raise ValueError(f"{used} of {len(file.vocab)} tokens are in use")
    ranks = {token.token_bytes: token.rank for token in file.vocab[:used]}
    if [token.rank for token in file.vocab[:used]] != list(range(used)):
        raise ValueError("ranks do not count up from 0")
    if len(ranks) < used or any(ranks.get(bytes([byte])) != byte for byte in range(256)):
        raise ValueError("a token is there twice, or a byte is not a token")
    return ranks


def ranks_lengths(data: bytes, name: str) -> RanksLengths:
    """Return what counts texts by a file of ranks that is one of the public ones, whose patterns are known.

    Args:
        data: what is in the file.
        name: the file as the user named it, for messages.

    Raises:
        UsageError: it is another one.
    """
    digest = hashlib.sha256(data).hexdigest()
    known = next((vocabulary for vocabulary in VOCABULARIES.values() if vocabulary.sha256 == digest), None)
    if known is None:
        raise UsageError(
            f"{name}: a file of ranks does not say how to cut text",
            f"name the model's tokenizer.json, or --encoding {', '.join(VOCABULARIES)}",
        )
    fields = data.split()
    ranks = dict(zip(map(a2b_base64, fields[::2]), map(int, fields[1::2]), strict=True))
    return Ranks(known.pattern, ranks, known.newline_ends).lengths()
