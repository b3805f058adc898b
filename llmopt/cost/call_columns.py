"""The calls of a log as columns of whole numbers: what a replay runs over. No texts are kept.

The text of a request is looked at once, when it is first seen; whoever looks gives it a number, and keeps what was
found out by that number. All money comes from sums of tokens at the price of a `Kind`, so it is exact however calls are
grouped.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from llmopt.core.rate import Price
from llmopt.cost.result import Rejected

NO_TIME = -(2**63)
"""In `at_us`: the log does not say when. Such calls stand at the end."""
KEPT, COUNTED, UNTIMED = 1, 2, 4
"""Bits of `flags`: a cache keeps the answer; the tokens were counted from text; there is no time in the record."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What calls of one price row share."""

    model: str | None
    """As logged."""
    provider: str | None
    """As logged."""
    tier: str
    epoch: date | None
    """As in `llmopt.core.ledger.Key`."""
    minute: int
    price: Price | None
    """None: these calls have no price; they count in no dollars."""
    unpriced: str = ""
    """Why."""


@dataclass(slots=True)
class CallColumns:
    """Calls by time; all columns are of one length."""

    at_us: array[int]
    """`q`, microseconds since 1970."""
    kind: array[int]
    """`i`, index in `kinds`."""
    request: array[int]
    """`i`, what `see` said of the request; -1: not logged."""
    usage: dict[str, array[int]]
    """Bucket -> `q`, tokens; a bucket that no call uses is missing."""
    took_us: array[int]
    """`q`, from the request to the end of the answer; 0 where nobody knows."""
    answer_bytes: array[int]
    """`q`, of the answer in a cache."""
    flags: array[int]
    """`B`, bits above."""
    label: array[int]
    """`i`, index in `labels`."""
    kinds: list[Kind]
    labels: list[Mapping[str, str]]
    """Distinct sets of groups (`team`, `user` …) and extra columns that are set."""
    files: tuple[str, ...] = ()
    aggregated: int = 0
    aggregated_usd: Decimal = Decimal(0)
    free: int = 0
    duplicates: int = 0
    skipped: int = 0
    hashed: bool = False
    """Requests are known by hashes of their prompts only: nobody can look into them."""
    sizes_estimated: bool = True
    """Some of `answer_bytes` are estimated from output tokens."""
    rejected: tuple[Rejected, ...] = ()
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.at_us)
