"""What a user wants of a run: the grid of batches, the requests to expect, the bound, the price, the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from pathlib import Path
from typing import Literal

from llmopt.bench.arrivals import Workload, workload
from llmopt.cost.traffic import Traffic
from llmopt.errors import UsageError

DEFAULT_SEQ_LEN = 128
_QUANTILES = (0.25, 0.5, 0.9, 0.99)
_STEP = 8
"""Lengths of the grid are rounded up to multiples of this: tensor cores and kernels like it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """All of it, with the defaults of the command line."""

    batch_sizes: Sequence[int] | Literal["auto"] = "auto"
    seq_lens: Sequence[int] = ()
    """Tokens of requests; empty: those of `lengths`, else 128 or what the model takes."""
    lengths: Traffic | None = None
    """A log whose requests have the lengths to expect."""
    arrivals: Traffic | None = None
    """A log whose requests come as is to be expected."""
    rate_per_s: float | None = None
    """The user's own rate of requests; None: not known."""
    slo_p99_s: float | None = None
    """Bound of the p99 from arrival to answer; None: no bound."""
    price_per_hour: Decimal | None = None
    """Dollars for the device."""
    verify: bool = False
    """Run the recommendation open loop."""
    min_samples: int = 30
    """Batches of each shape before it may be enough."""
    max_time_s: float = 60.0
    """For the whole run."""
    ci: float = 0.02
    """Half the width of the throughput's 95 % interval, relative to it, that is narrow enough."""
    baseline: Path | None = None
    """The JSON report of an earlier run."""
    threshold: float = 0.05
    """Slow-down against the baseline that is let pass."""
    resume: Path | None = None
    """A file that keeps raw samples, so that a sweep that was stopped goes on."""
    sized: bool = True
    """Whether requests can be made as long as asked; False where they come from a file of the user's."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what makes no sense together."""
        if self.seq_lens and self.lengths is not None:
            raise UsageError("sequence lengths and a log of lengths exclude each other", "give one of them")
        if not self.sized and (self.seq_lens or self.lengths is not None):
            raise UsageError("requests from a file have the lengths that they have", "leave the lengths out")
        if self.rate_per_s is not None and self.arrivals is not None:
            raise UsageError("a rate and a log of arrivals exclude each other", "give one of them")


@dataclass(frozen=True, slots=True)
class Grid:
    """The lengths to measure, and the requests to simulate."""

    seq_lens: tuple[int, ...]
    workload: Workload
    notes: tuple[str, ...]
    """What was assumed or left out, a sentence each."""


def grid_of(asked: Asked, max_tokens: int | None) -> Grid:
    """Return the lengths to measure and the requests to expect.

    Args:
        asked: by the user.
        max_tokens: what the model takes; None: no limit.

    Raises:
        InputError: a log lacks what is needed of it.
        UsageError: no sequence length that the model takes.
    """
    own = not asked.seq_lens and asked.sized and _has_lengths(asked.arrivals)
    if asked.lengths is not None or own:
        expected = workload(
            lengths=asked.lengths, arrivals=asked.arrivals, rate_per_s=asked.rate_per_s, max_tokens=max_tokens
        )
        return Grid(quantile_lengths(expected.lengths, max_tokens), expected, expected.notes)
    seq_lens, notes = _fitting(asked.seq_lens or (_default(max_tokens) if asked.sized else 1,), max_tokens)
    expected = workload(
        seq_len=seq_lens[-1], arrivals=asked.arrivals, rate_per_s=asked.rate_per_s, max_tokens=max_tokens
    )
    notes += expected.notes
    mixed = Workload(seq_lens, expected.rate_per_s, expected.pattern_s, notes=expected.notes)
    if len(seq_lens) > 1:
        each = " or ".join(f"{length:,}" for length in seq_lens)
        notes += (f"requests are taken to be {each} long, equally often; --lengths LOG takes those of a log",)
    return Grid(seq_lens, mixed, notes)


def quantile_lengths(lengths: Sequence[int], max_tokens: int | None) -> tuple[int, ...]:
    """Return the p25, p50, p90 and p99 of lengths, rounded up to multiples of 8, each once."""
    ascending = sorted(lengths)
    found = {ascending[min(ceil(share * len(ascending)), len(ascending)) - 1] for share in _QUANTILES}
    rounded = {-(-length // _STEP) * _STEP for length in found}
    return tuple(sorted({min(length, max_tokens) if max_tokens is not None else length for length in rounded}))


def _default(max_tokens: int | None) -> int:
    return DEFAULT_SEQ_LEN if max_tokens is None else min(DEFAULT_SEQ_LEN, max_tokens)


def _fitting(seq_lens: Sequence[int], max_tokens: int | None) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return the lengths that the model takes, and a note on those that it does not."""
    fits = tuple(sorted({length for length in seq_lens if max_tokens is None or length <= max_tokens}))
    longer = sorted(set(seq_lens) - set(fits))
    if not fits:
        raise UsageError(
            f"no request of {longer[0]:,} tokens: the model takes {max_tokens:,} at most", "a smaller --seq-len"
        )
    if not longer:
        return fits, ()
    said = ", ".join(f"{length:,}" for length in longer)
    return fits, (f"requests of {said} tokens are left out: the model takes {max_tokens:,} at most",)


def _has_lengths(log: Traffic | None) -> bool:
    return log is not None and any(request.input_tokens for request in log.requests)
