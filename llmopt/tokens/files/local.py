"""Exact counts with the tokenizer file of an open model: tokenizer.json, tekken.json, sentencepiece, tiktoken ranks.

A text longer than a library takes at once is cut, and the effect of each cut is measured and taken back: tokens depend
on what is near them, so for a text AB with `a` the end of A and `b` the start of B,

    count(AB) = count(A) + count(B) + (count(ab) - count(a) - count(b)).

That is exact where words and runs of white space are shorter than `a` and `b`; where a run of one character is longer,
a cut within it is some tokens off (measured: 0 to 3). Texts up to a million characters are not cut, and longer ones at
the end of a line where there is one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from llmopt.errors import InputError, MissingExtraError
from llmopt.tokens.files.tekken import ranks_lengths, tekken_lengths
from llmopt.tokens.result import TokenCount
from llmopt.tokens.text import repaired
from llmopt.tokens.tokenizer import Tokenizer

FILES = ("tokenizer.json", "tekken.json", "tokenizer.model")
"""What is looked for in a directory, best first: the first also has the added tokens, the last may lack them."""
_HINT = f"name a {', '.join(FILES)}, or a directory that has one"
_LARGEST_BYTES = 256 * 2**20
"""No tokenizer is this large; what is, such as a log or a checkpoint, is not read to its end."""
_WINDOW = 4096
"""Characters on each side of a cut that its effect is measured on."""
_BATCH = 2**20
"""Characters handed to a library at once, or the last text beyond: a token takes it some 150 bytes."""
_EMPTY = 64
"""What a text without characters counts for in a batch."""
_LONGEST = 2**20
"""Characters of one text: tokenizers panics on 10 million blanks, and was linear up to 4 million of anything."""
_LONGEST_TIKTOKEN = 2**22
"""Characters of one text; for memory only, as long runs are taken care of."""
_RANKS = re.compile(rb"(?:[A-Za-z0-9+/]+={0,2} \d+\r?\n){3}")
_SENTENCEPIECE = re.compile(rb"\n[\x02-\x7f]\n[\x01-\x7f]")
"""The first piece of a sentencepiece model: a protobuf message that starts with a string."""

Lengths = Callable[[list[str]], list[int]]


@dataclass(frozen=True, slots=True)
class LocalTokenizer:
    """Counts the tokens of plain text, without start and end tokens and without truncation."""

    name: str
    """The file as the user named it."""
    lengths: Lengths
    """Counts of several texts, which are valid Unicode and not too long."""
    longest: int
    """Characters of the longest text that `lengths` takes."""

    def count(self, text: str) -> TokenCount:
        """Count one text; spellings of special tokens are plain text."""
        return self.count_many([text])[0]

    def count_many(self, texts: Sequence[str]) -> list[TokenCount]:
        """Count several texts, in order, on all cores, in memory that does not grow with their number."""
        counts = [0] * len(texts)
        batch: list[tuple[int, int, str]] = []
        size = 0
        for index, text in enumerate(texts):
            for sign, part in _terms(repaired(text), self.longest):
                batch.append((index, sign, part))
                size += len(part) + _EMPTY
                if size >= _BATCH:
                    self._add(batch, counts)
                    batch, size = [], 0
        self._add(batch, counts)
        return [TokenCount.exact(tokens, self.name) for tokens in counts]

    def _add(self, batch: list[tuple[int, int, str]], counts: list[int]) -> None:
        if batch:
            for (index, sign, _), tokens in zip(batch, self.lengths([part for _, _, part in batch]), strict=True):
                counts[index] += sign * tokens


def open_tokenizer(path: str | os.PathLike[str]) -> Tokenizer:
    """Open the tokenizer of a model, told by what is in the file.

    Args:
        path: a file, or a directory that has one of `FILES`, such as that of a checkpoint.

    Raises:
        InputError: there is no such file, it cannot be read, or it is no tokenizer.
        UsageError: it has ranks only, which do not say how to cut text.
        MissingExtraError: the library that reads this kind is not installed.
    """
    name = os.fspath(path)
    if Path(name).is_dir():
        found = next((file for file in FILES if Path(name, file).is_file()), None)
        if found is None:
            raise InputError(f"{name}: no tokenizer in this directory", f"looked for {', '.join(FILES)}")
        name = str(Path(name, found))
    data = _read(name)
    if data[:1] in {b"{", b"["}:
        return _from_json(data, name)
    if _SENTENCEPIECE.match(data):
        return _sentencepiece(data, name)
    if _RANKS.match(data):
        return LocalTokenizer(name, ranks_lengths(data, name), _LONGEST_TIKTOKEN)
    if data.startswith(b"version https://git-lfs"):
        raise InputError(f"{name}: a pointer of Git LFS instead of the file", "fetch the file: git lfs pull")
    raise InputError(f"{name}: not a tokenizer" if data else f"{name}: empty, not a tokenizer", _HINT)


def _read(name: str) -> bytes:
    try:
        with Path(name).open("rb") as file:
            data = file.read(_LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:  # a ValueError is a null character in the name
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        raise InputError(f"{name}: cannot be read: {reason}", _HINT) from error
    if len(data) > _LARGEST_BYTES:
        raise InputError(f"{name}: not a tokenizer: larger than {_LARGEST_BYTES >> 20} MiB", _HINT)
    start = data[:64].removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    return data[data.index(start) :] if start[:1] in {b"{", b"["} else data


class _Shape(msgspec.Struct):
    model: msgspec.Raw = msgspec.Raw()
    vocab: msgspec.Raw = msgspec.Raw()
    config: msgspec.Raw = msgspec.Raw()


def _from_json(data: bytes, name: str) -> Tokenizer:
    try:
        shape = msgspec.json.decode(data, type=_Shape)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"{name}: not a tokenizer: {error}", _HINT) from error
    if bytes(shape.model).startswith(b"{"):
        return _tokenizers(data, name)
    if bytes(shape.vocab).startswith(b"[") and bytes(shape.config).startswith(b"{"):
        return LocalTokenizer(name, tekken_lengths(data, name), _LONGEST_TIKTOKEN)
    raise InputError(f"{name}: JSON, but not a tokenizer", _HINT)


def _tokenizers(data: bytes, name: str) -> Tokenizer:
    try:
        from tokenizers import Tokenizer as Library
    except ImportError as error:
        raise MissingExtraError("tokenizers", "models") from error
    try:
        library = Library.from_buffer(data)
    except ValueError as error:
        reason = str(error).removeprefix("Cannot instantiate Tokenizer from buffer: ")
        raise InputError(
            f"{name}: not a tokenizer that the tokenizers package knows: {reason}", "pip install -U tokenizers"
        ) from error
    library.no_truncation()
    library.no_padding()
    library.encode_special_tokens = True
    if getattr(library.model, "dropout", None):
        library.model.dropout = None  # for training: it makes counts random

    def lengths(texts: list[str]) -> list[int]:
        try:
            return [len(ids) for ids in library.encode_batch_fast(texts, add_special_tokens=False)]
        except BaseException as error:
            if not _from_rust(error):
                raise
            raise InputError(f"{name}: cannot encode a text: {error}", "is the vocabulary whole?") from error

    return LocalTokenizer(name, lengths, _LONGEST)


def _from_rust(error: BaseException) -> bool:
    """Tell what the tokenizers package raises: a bare Exception, or a panic, whose class cannot be imported."""
    return type(error) is Exception or type(error).__module__ == "pyo3_runtime"


def _sentencepiece(data: bytes, name: str) -> Tokenizer:
    try:
        from sentencepiece import SentencePieceProcessor
    except ImportError as error:
        raise MissingExtraError("sentencepiece", "models") from error
    try:
        library = SentencePieceProcessor(model_proto=data)
    except (RuntimeError, UnicodeDecodeError) as error:
        raise InputError(f"{name}: a damaged sentencepiece model", "fetch the file of the model again") from error

    def lengths(texts: list[str]) -> list[int]:
        if len(texts) == 1:  # no threads for one
            return [len(library.encode(texts[0], add_bos=False, add_eos=False))]
        return [len(ids) for ids in library.encode(texts, add_bos=False, add_eos=False)]

    return LocalTokenizer(name, lengths, _LONGEST)


def _terms(text: str, longest: int) -> Iterator[tuple[int, str]]:
    """Yield what to add (1) and to subtract (-1) for the tokens of `text`: see the module's text."""
    start = 0
    while len(text) - start > longest:
        middle, limit = start + longest // 2, start + longest
        cut = text.rfind("\n", middle, limit) + 1 or limit
        before, after = text[max(start, cut - _WINDOW) : cut], text[cut : cut + _WINDOW]
        yield from ((1, text[start:cut]), (1, before + after), (-1, before), (-1, after))
        start = cut
    yield 1, text[start:]
