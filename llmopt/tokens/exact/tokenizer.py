"""Exact counts by a public byte-pair vocabulary: offline, never raising on any text, each part counted once.

Three engines give the same numbers. For a first small text the vocabulary is loaded only as far as the text needs
it; then tiktoken takes over; and once enough text has come by to be worth its loading time, toktok where installed.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import tiktoken

from llmopt.tokens.exact import fast, vocabulary
from llmopt.tokens.exact.chunks import WHOLE, chunks
from llmopt.tokens.exact.runs import LongRuns
from llmopt.tokens.memo import Memo
from llmopt.tokens.result import TokenCount

FAST_AFTER = 2_000_000
"""Characters counted before the fast engine is loaded: that takes as long as tiktoken takes for some megabytes."""
_PARTIAL_TEXT = 4_000
"""Longest text worth a vocabulary of its own."""
_PARTIAL_USES = 4
_BATCH = 4_000_000
"""Characters of a batch that are held in parts at once."""
_THREADED = 100_000
"""Characters from which threads pay."""


class ExactTokenizer:
    """Counts by one vocabulary. Safe to share between threads."""

    def __init__(self, name: str, *, allow_download: bool = False, memo: Memo[int] | None = None) -> None:
        """Prepare to count; the vocabulary is loaded with the first text.

        Args:
            name: one of `llmopt.tokens.exact.vocabulary.VOCABULARIES`.
            allow_download: let tiktoken fetch the ranks where they are not on this machine.
            memo: where to remember counts; None: a memory of its own.

        Raises:
            UsageError: an unknown vocabulary.
        """
        self.vocabulary = vocabulary.vocabulary(name)
        self.memo: Memo[int] = Memo() if memo is None else memo
        self._allow_download = allow_download
        self._counted = 0
        self._partial_uses = 0
        self._runs: LongRuns | None = None

    @property
    def name(self) -> str:
        """The vocabulary."""
        return self.vocabulary.name

    def count(self, text: str) -> TokenCount:
        """Count one text; spellings of special tokens in it are plain text.

        Raises:
            ConfigError: the vocabulary is not on this machine, or is damaged.
        """
        return TokenCount.exact(self.tokens(text), self.name)

    def tokens(self, text: str) -> int:
        """Return the bare number of tokens of one text."""
        known = self.memo.get(text)
        if known is None:
            known = self._encode(text) if len(text) <= WHOLE else self._batch([self._parts(text)])[0]
            self.memo.put(text, known)
        return known

    def count_many(self, texts: Sequence[str]) -> list[TokenCount]:
        """Count several texts, in order, on all cores; parts that occur more than once are counted once.

        Raises:
            ConfigError: as `count`.
        """
        return [TokenCount.exact(tokens, self.name) for tokens in self.tokens_many(texts)]

    def tokens_many(self, texts: Sequence[str]) -> list[int]:
        """Return the bare numbers of tokens of several texts."""
        unique = list(dict.fromkeys(texts))
        self.memo.hits += len(texts) - len(unique)
        found: list[int] = []
        batch: list[Sequence[str]] = []
        held = 0
        for text in unique:
            batch.append(self._parts(text))
            held += len(text)
            if held >= _BATCH:
                found += self._batch(batch)
                batch, held = [], 0
        found += self._batch(batch)
        if len(unique) == len(texts):
            return found
        counts = dict(zip(unique, found, strict=True))
        return [counts[text] for text in texts]

    def _parts(self, text: str) -> Sequence[str]:
        if len(text) <= WHOLE:
            return (text,)
        return tuple(chunks(text, newline_ends=self.vocabulary.newline_ends))

    def _batch(self, batch: list[Sequence[str]]) -> list[int]:
        """Count texts given in parts."""
        known: dict[str, int] = {}
        missing: dict[str, None] = {}
        get = self.memo.get
        for parts in batch:
            for part in parts:
                if part in known or part in missing:
                    self.memo.hits += 1
                    continue
                count = get(part)
                if count is None:
                    missing[part] = None
                else:
                    known[part] = count
        new = dict(zip(missing, self._encode_many(list(missing)), strict=True))
        for part, count in new.items():
            self.memo.put(part, count)
        known |= new
        return [known[parts[0]] if len(parts) == 1 else sum(map(known.__getitem__, parts)) for parts in batch]

    def _encode(self, part: str) -> int:
        if self._partial_uses < _PARTIAL_USES and len(part) <= _PARTIAL_TEXT and not self._is_loaded():
            self._partial_uses += 1
            partial = self._partial(part)
            if partial is not None:
                return len(partial.encode_ordinary(part))
        self._counted += len(part)
        counter = self._fast()
        if counter is not None and _plain(part):
            return counter([part])[0]
        return self._loaded().count(part)

    def _encode_many(self, parts: Sequence[str]) -> list[int]:
        if len(parts) < 2:
            return [self._encode(part) for part in parts]
        size = sum(map(len, parts))
        self._counted += size
        counter = self._fast()
        if counter is None:
            count = self._loaded().count
            return _threaded(count, parts) if size >= _THREADED else [count(part) for part in parts]
        plain = list(map(_plain, parts))
        if all(plain):
            return counter(parts)
        counts = iter(counter([part for part, fits in zip(parts, plain, strict=True) if fits]))
        runs = self._loaded()
        return [next(counts) if fits else runs.count(part) for part, fits in zip(parts, plain, strict=True)]

    def _is_loaded(self) -> bool:
        return self._runs is not None or vocabulary.is_loaded(self.name) or self._fast() is not None

    def _partial(self, part: str) -> tiktoken.Encoding | None:
        if self._allow_download:
            return None
        return vocabulary.partial_encoding(self.name, part)

    def _fast(self) -> fast.Count | None:
        worth_it = self._counted >= FAST_AFTER or fast.loaded()
        return fast.fast_counter(self.name) if worth_it else None

    def _loaded(self) -> LongRuns:
        if self._runs is None:
            self._runs = LongRuns(
                vocabulary.encoding(self.name, allow_download=self._allow_download),
                functools.partial(vocabulary.piece_encoding, self.name),
                newline_ends=self.vocabulary.newline_ends,
                blanks_end=r"\s++$" in self.vocabulary.pattern,
            )
        return self._runs


@functools.cache
def exact_tokenizer(name: str = "o200k_base") -> ExactTokenizer:
    """Return the tokenizer of a vocabulary that the whole process shares.

    Raises:
        UsageError: an unknown vocabulary.
    """
    return ExactTokenizer(name)


def _plain(part: str) -> bool:
    """Whether the fast engine may count a part: no long runs, no characters that it sorts otherwise."""
    return len(part) < 4 * WHOLE and fast.sure(part)


def _threaded(count: Callable[[str], int], parts: Sequence[str]) -> list[int]:
    """Count on all cores, in slices large enough that handing over does not matter."""
    workers = os.cpu_count() or 1
    size = max(1, min(256, len(parts) // (4 * workers)))
    slices = [parts[start : start + size] for start in range(0, len(parts), size)]

    def counted(part: Iterable[str]) -> list[int]:
        return [count(text) for text in part]

    with ThreadPoolExecutor(workers) as pool:
        return [count for found in pool.map(counted, slices) for count in found]
