"""What to measure and for how long: limits of a sweep, lengths of requests, and the batch sizes to climb.

A climb is a generator: it yields a batch size, is sent how many seconds such a batch took (None: it did not fit), and
ends when there is nothing more to learn.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass

from llmopt.errors import UsageError

Climb = Generator[int, float | None, None]
GAIN, FLAT_STEPS = 1.05, 2
"""Doubling ends when throughput has grown by less than this factor so many times in a row."""
PLATEAU = 0.95
"""Share of the best throughput from which on a batch size is at the knee."""
CLOSE, BISECTIONS = 1.125, 4
"""A bisection for memory ends at this ratio of what does not fit to what does, or after so many steps."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a sweep has measured enough."""

    min_samples: int = 30
    """Batches of each shape before it may be enough."""
    max_time_s: float = 60.0
    """For the whole sweep, warm-up included; a batch that has begun is not cut off."""
    ci: float = 0.02
    """Half the width of the throughput's 95 % interval, relative to it, that is narrow enough."""
    max_samples: int = 2000
    """Batches of each shape at most."""
    max_batch_size: int = 1024
    """Where `auto` ends."""
    longest_s: float = float("inf")
    """`auto` ends at a batch that takes longer, such as one that is over the SLO by itself."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if not 1 <= self.min_samples <= self.max_samples:
            raise UsageError(f"min_samples is {self.min_samples}; from 1 to {self.max_samples} are possible")
        if not 0 < self.max_time_s < float("inf"):
            raise UsageError(f"max_time_s is {self.max_time_s}; seconds above 0 are needed")
        if not 0 <= self.ci < 1:
            raise UsageError(f"ci is {self.ci}; a share from 0 to 1 is needed, such as 0.02")


@dataclass(frozen=True, slots=True)
class Mix:
    """Requests of several lengths, to be drawn at random into each batch; so padding shows."""

    lengths: tuple[int, ...]
    """Tokens of each; as many as wanted, such as those of a log."""


def longest(entry: int | Mix) -> int:
    """Return the tokens of the longest request of an entry."""
    return entry if isinstance(entry, int) else max(entry.lengths)


def drawn(entry: int | Mix, batch_size: int, rng: random.Random) -> list[int]:
    """Return the lengths of the requests of one batch."""
    return [entry] * batch_size if isinstance(entry, int) else rng.choices(entry.lengths, k=batch_size)


def check_lengths(entries: Sequence[int | Mix]) -> None:
    """Refuse lengths that make no sense.

    Raises:
        UsageError: none, an empty mix, below 1, or two with the same longest.
    """
    if not entries:
        raise UsageError("no sequence length is given")
    for entry in entries:
        if isinstance(entry, Mix) and not entry.lengths:
            raise UsageError("a mix of no lengths cannot be drawn from")
        least = entry if isinstance(entry, int) else min(entry.lengths)
        if least < 1:
            raise UsageError(f"a sequence length is {least}; at least 1 token is needed")
    if len({longest(entry) for entry in entries}) < len(entries):
        raise UsageError("two sequence lengths are the same")


def check_sizes(sizes: Iterable[int]) -> list[int]:
    """Return batch sizes ascending, each once.

    Raises:
        UsageError: none, or below 1.
    """
    ascending = sorted(set(sizes))
    if not ascending:
        raise UsageError("no batch size is given")
    if ascending[0] < 1:
        raise UsageError(f"a batch size is {ascending[0]}; at least 1 is needed")
    return ascending


def doubling(largest: int, longest_s: float = float("inf")) -> Climb:
    """Climb by doubling until throughput no longer grows or a batch takes too long, then to sizes around the knee."""
    rates: dict[int, float] = {}
    best, flat, size = 0.0, 0, 1
    while size <= largest and flat < FLAT_STEPS:
        took_s = yield size
        if took_s is None:
            break
        rates[size] = size / max(took_s, 1e-9)
        flat = flat + 1 if rates[size] < GAIN * best else 0
        best, size = max(best, rates[size]), size * 2
        if took_s > longest_s:
            break
    yield from _around_knee(rates)


def _around_knee(rates: dict[int, float]) -> Climb:
    """Yield the sizes half-way to the neighbours of the smallest one that is about as good as the best."""
    if not rates:
        return
    knee = min(size for size, rate in rates.items() if rate >= PLATEAU * max(rates.values()))
    for size in (knee * 3 // 4, knee * 3 // 2):
        if size not in rates and 1 < size < max(rates):
            yield size


def listed(sizes: Sequence[int]) -> Climb:
    """Climb through given sizes until one does not fit."""
    for size in sizes:
        took_s = yield size
        if took_s is None:
            return


def with_bisection(climb: Climb) -> Climb:
    """Follow a climb; where something did not fit, go on to the largest batch that does."""
    fits, fails = 0, None
    took_s = None
    size = next(climb, None)
    while size is not None:
        if fails is not None and size >= fails:
            took_s = None
        else:
            took_s = yield size
        if took_s is None:
            fails = size if fails is None else min(fails, size)
        else:
            fits = max(fits, size)
        size = _sent(climb, took_s)
    steps = 0
    while fails is not None and fails - fits > 1 and (not fits or (fails > CLOSE * fits and steps < BISECTIONS)):
        size, steps = (fits + fails) // 2, steps + 1
        if (yield size) is None:
            fails = size
        else:
            fits = size


def _sent(climb: Climb, took_s: float | None) -> int | None:
    """Send a time to a climb and return its next size; None at its end."""
    try:
        return climb.send(took_s)
    except StopIteration:
        return None
