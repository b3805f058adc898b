"""`count_tokens` and `tokenizer_for`: the tokenizer behind a model, an encoding or a file.

Estimators and tokenizer files are imported only where they are asked for: an exact count starts at once.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

from llmopt.errors import UsageError
from llmopt.tokens.exact.tokenizer import ExactTokenizer, exact_tokenizer
from llmopt.tokens.families import Family, family_of
from llmopt.tokens.result import TokenCount
from llmopt.tokens.tokenizer import Tokenizer

if TYPE_CHECKING:
    from llmopt.tokens.estimate.tokenizers import EstimatedTokenizer

DEFAULT_ENCODING = "o200k_base"
_RECONSTRUCTED = ("claude-3", "claude-4.7")
"""Estimators whose models the ctok package reconstructs."""
_UNKNOWN_VERSION = 6
"""First version of Claude that ctok 1.3 cannot have been measured on."""


def count_tokens(
    text: str,
    *,
    model: str | None = None,
    encoding: str | None = None,
    tokenizer: str | os.PathLike[str] | None = None,
) -> TokenCount:
    """Count the tokens of a text, offline.

    Args:
        text: any text; spellings of special tokens in it are plain text.
        model: a model by any of its names, such as `gpt-4o` or `claude-sonnet-4-5`.
        encoding: a vocabulary, such as `o200k_base`.
        tokenizer: a `tokenizer.json`, `tekken.json` or sentencepiece file. Without any of the three: `o200k_base`.

    Raises:
        UsageError: more than one of the three, or a name that nobody knows.
        ConfigError: the vocabulary is not on this machine.
        InputError: the file is no tokenizer.
        MissingExtraError: the file needs a package that is not installed.
        TypeError: `text`, `model` or `encoding` is not a str.
    """
    given: dict[str, object] = {"text": text}
    given |= {name: value for name, value in (("model", model), ("encoding", encoding)) if value is not None}
    for name, value in given.items():
        if not isinstance(value, str):
            raise TypeError(f"{name} is a {type(value).__name__}, not a str")
    return tokenizer_for(model, encoding=encoding, path=tokenizer).count(text)


def tokenizer_for(
    model: str | None = None,
    *,
    encoding: str | None = None,
    path: str | os.PathLike[str] | None = None,
    allow_download: bool = False,
    reconstruct: bool = True,
) -> Tokenizer:
    """Return the tokenizer of a model, an encoding or a file; the whole process shares one for each.

    Args:
        model: any name of a model.
        encoding: name of a public vocabulary.
        path: a tokenizer file of an open model.
        allow_download: let tiktoken download a vocabulary that is not on this machine.
        reconstruct: count Claude by the ctok package where it is installed; it is exact on most texts, and slow
            (0.1 to 0.4 MB/s). False: estimate.

    Raises:
        UsageError: more than one of the three, or a name that nobody knows.
        InputError: the file is no tokenizer.
        MissingExtraError: the file needs a package that is not installed.
    """
    if sum(value is not None for value in (model, encoding, path)) > 1:
        raise UsageError("a model, an encoding and a tokenizer file exclude each other", "name one of them")
    if path is not None:
        return _from_file(os.fspath(path))
    if model is None:
        return _exact(DEFAULT_ENCODING if encoding is None else encoding, allow_download)
    family = family_of(model)
    if family is None:
        raise UsageError(
            f"no tokenizer is known for the model '{model}'",
            "name a vocabulary with --encoding, or the model's own file with --tokenizer",
        )
    return tokenizer_of(family, allow_download=allow_download, reconstruct=reconstruct)


def tokenizer_of(family: Family, *, allow_download: bool = False, reconstruct: bool = True) -> Tokenizer:
    """Return the tokenizer of a family of models."""
    if family.encoding is not None:
        return _exact(family.encoding, allow_download)
    name = family.estimator or "other"
    if reconstruct and name in _RECONSTRUCTED and family.version and float(family.version) < _UNKNOWN_VERSION:
        found = _reconstructed(family.version)
        if found is not None:
            return found
    return estimated_tokenizer(name)


@functools.cache
def estimated_tokenizer(name: str) -> EstimatedTokenizer:
    """Return the estimator of that name as a tokenizer that the whole process shares."""
    from llmopt.tokens.estimate.tokenizers import EstimatedTokenizer

    return EstimatedTokenizer(name, exact_tokenizer(DEFAULT_ENCODING))


@functools.cache
def _reconstructed(version: str) -> Tokenizer | None:
    """Return a tokenizer by the ctok package; None where that is not installed."""
    from llmopt.tokens.estimate.reconstruct import available
    from llmopt.tokens.estimate.tokenizers import ReconstructedTokenizer

    return ReconstructedTokenizer(version) if available() else None


def _exact(name: str, allow_download: bool) -> Tokenizer:
    return ExactTokenizer(name, allow_download=True) if allow_download else exact_tokenizer(name)


@functools.cache
def _from_file(path: str) -> Tokenizer:
    from llmopt.tokens.files.local import open_tokenizer  # its libraries are an extra

    return open_tokenizer(path)
