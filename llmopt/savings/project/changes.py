"""What levers do to the tokens of calls: another tokenizer's counts, and compression; whole columns at once.

A change is worked out call by call, each rounded for itself, but never by a loop in Python where the functions of
`operator` can be mapped over columns. What is kept are sums, one for each long-context band.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import compress, repeat
from operator import add, floordiv, mul, sub
from typing import TypeAlias

from llmopt.core.usage import INPUT_BUCKETS, Usage

UNCACHED, READ, WRITE_5M, WRITE_1H = (
    "input_uncached",
    "input_cache_read",
    "input_cache_write_5m",
    "input_cache_write_1h",
)
TEXT = (UNCACHED, READ, WRITE_5M, WRITE_1H)
"""Input that is text: what a tokenizer, compression and a prompt cache change."""
CACHED = TEXT[1:]
_SHIFTED = (*TEXT, "output_text", "output_reasoning")

Columns: TypeAlias = "dict[str, array[int]]"
"""Bucket -> tokens of each call; a bucket that is missing holds none."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to the tokens of a cell."""

    num: int = 1
    """Tokens become `tokens * num / den`, rounded half up."""
    den: int = 1
    ratio: str = ""
    """Column of `Requests` with the tokens that compression saves; empty: no compression."""
    minimum: int = 0
    """A compressed prompt of fewer tokens finds nothing in the provider's cache."""
    steps: tuple[int, ...] = ()
    """Input tokens beyond which a call is in the next band of its price, ascending."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Calls and their tokens, added up by band."""

    bands: tuple[tuple[int, Usage], ...]
    """(calls, tokens): those above no step first."""
    steps: tuple[int, ...] = ()
    """As in `Change`; where no call is above any, there is one band."""
    shorter: int = 0
    """Calls that compression makes shorter."""
    killed: int = 0
    """Of them, those that fall below the least prefix that the provider caches, and lose what they had there."""
    split: int = 0
    """Calls that use the provider's cache otherwise than in the log."""

    @property
    def calls(self) -> int:
        """All of them."""
        return sum(calls for calls, _ in self.bands)

    @property
    def usage(self) -> Usage:
        """All tokens."""
        return reduce(add, (usage for _, usage in self.bands))


@dataclass(slots=True)
class Changed:
    """Tokens of each call of a cell after a change."""

    columns: Columns
    """Those of buckets that no call uses may be missing."""
    total: array[int]
    """Text of the input: what is sent, cached or not."""
    before: array[int]
    """The same before compression."""
    shorter: bytes = b""
    """1 for a call that compression made shorter; empty: for none."""
    killed: bytes = b""
    """1 for a call that fell below the provider's least prefix so; empty: for none."""
    split: bytes = b""
    """1 for a call that uses the provider's cache otherwise than in the log; empty: for none."""


def changed(columns: Columns, change: Change, ratio: tuple[array[int], array[int]] | None) -> Changed:
    """Change the tokens of the calls of a cell.

    Args:
        columns: of the cell's calls.
        change: what to do.
        ratio: (tokens saved, of so many counted) of each call's request; None without compression.
    """
    if (change.num, change.den) != (1, 1):
        columns = {
            bucket: shifted(column, change.num, change.den) if bucket in _SHIFTED else column
            for bucket, column in columns.items()
        }
    total = added(columns, TEXT)
    result = Changed(columns, total, total)
    return result if ratio is None else _compressed(result, change.minimum, *ratio)


def shifted(column: Sequence[int], num: int, den: int) -> array[int]:
    """Return the tokens of another tokenizer."""
    return array("q", map(floordiv, map(add, map(mul, column, repeat(num)), repeat(den // 2)), repeat(den)))


def added(columns: Columns, buckets: Iterable[str]) -> array[int]:
    """Return the tokens of each call in some of the buckets."""
    found = [columns[bucket] for bucket in buckets if bucket in columns]
    if not found:
        return array("q", bytes(8 * len(next(iter(columns.values()), ()))))
    return found[0] if len(found) == 1 else array("q", map(sum, zip(*found, strict=True)))


def sums(tokens: Changed, first: int, last: int, steps: tuple[int, ...]) -> Sums:
    """Add up part of the calls of a cell.

    Args:
        tokens: of the cell's calls.
        first: first call.
        last: behind the last call.
        steps: as in `Change`.
    """
    part = {bucket: column[first:last] for bucket, column in tokens.columns.items()}
    inputs = added(part, INPUT_BUCKETS) if steps else ()
    if not steps or max(inputs, default=0) <= steps[0]:
        bands: tuple[tuple[int, Usage], ...] = ((last - first, _usage(part)),)
    else:
        band_of = bytes(bisect_left(steps, size) for size in inputs)
        bands = tuple(_in_band(part, band_of, band) for band in range(len(steps) + 1))
    counts = (flags.count(1, first, last) for flags in (tokens.shorter, tokens.killed, tokens.split))
    return Sums(bands, steps, *counts)


def _in_band(part: Columns, band_of: bytes, band: int) -> tuple[int, Usage]:
    mask = bytes(map(band.__eq__, band_of))
    return mask.count(1), _usage({bucket: compress(column, mask) for bucket, column in part.items()})


def _usage(columns: dict[str, array[int]] | dict[str, compress[int]]) -> Usage:
    return Usage(**{bucket: sum(column) for bucket, column in columns.items()})


def _compressed(before: Changed, minimum: int, saved: array[int], counted: array[int]) -> Changed:
    """Take away what compression saves: of the text that is not cached first."""
    total = before.total
    less = array("q", map(floordiv, map(mul, total, saved), counted))
    shorter = bytes(map(bool, less))
    cached = added(before.columns, CACHED) if any(bucket in before.columns for bucket in CACHED) else array("q")
    columns = dict(before.columns)
    columns[UNCACHED] = array("q", map(sub, columns.get(UNCACHED) or bytes(len(total)), less))
    result = Changed(columns, array("q", map(sub, total, less)), total, shorter)
    return _with_cached(before, result, minimum, cached, saved, counted) if any(cached) else result


def _with_cached(
    before: Changed, after: Changed, minimum: int, cached: array[int], saved: array[int], counted: array[int]
) -> Changed:
    """Mend those calls that had something in the provider's cache."""
    texts = {bucket: array("q", before.columns[bucket]) for bucket in TEXT if bucket in before.columns}
    texts.setdefault(UNCACHED, array("q", bytes(8 * len(cached))))
    uncached, others = after.columns[UNCACHED], [texts[bucket] for bucket in CACHED if bucket in texts]
    total, killed = after.total, bytearray(len(cached))
    for number in compress(range(len(cached)), map(mul, after.shorter, map(bool, cached))):
        less = [column[number] * saved[number] // counted[number] for column in others]
        own = texts[UNCACHED][number]
        left = before.total[number] - after.total[number] - sum(less)
        kept = own - min(own, left)
        rest = [column[number] - part for column, part in zip(others, less, strict=True)]
        total[number] = kept + sum(rest)
        if total[number] < minimum:
            killed[number], kept, rest = 1, total[number], [0] * len(rest)
        uncached[number] = kept
        for column, tokens in zip(others, rest, strict=True):
            column[number] = tokens
    texts[UNCACHED] = uncached
    return Changed({**after.columns, **texts}, total, before.total, after.shorter, bytes(killed))
