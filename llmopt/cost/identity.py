"""By what records are told to be of one response, the same on each machine and in each run."""

from __future__ import annotations

from hashlib import blake2b
from typing import TypeAlias

import msgspec

from llmopt.cost.pairs import Kept, absorb
from llmopt.cost.spec.row import Row
from llmopt.cost.spec.values import epoch_micros

Identity: TypeAlias = tuple[str | None, ...] | bytes
"""The key of a format that repeats by nature, else a digest of what `identity_of` reads."""


def identity_of(row: Row) -> bytes:
    """Return the identity of a record of a format without a key: same request id and same content.

    Python's own `hash` of a text is another in each process, so parts read by several could not be compared by it.
    """
    content = (row.request_id, row.model, epoch_micros(row.timestamp), row.usage, row.prompt, row.response)
    return blake2b(msgspec.msgpack.encode(content), digest_size=16).digest()


def number_of(identity: Identity) -> int:
    """Return 64 bits of an identity, never 0: two of a billion records that differ share them once in 40 logs."""
    text = (
        identity if isinstance(identity, bytes) else blake2b(msgspec.msgpack.encode(identity), digest_size=8).digest()
    )
    return int.from_bytes(text[:8], "little") or 1


def better(known: Kept, other: Kept) -> Kept:
    """Put two records of one response together: the one that says more stays; changes and returns `known`."""
    known.copies += 1 + other.copies
    stamps = [stamp for stamp in (known.first, other.first) if stamp is not None]
    known.first = min(stamps, default=None)
    if _rank(other.row) > _rank(known.row):
        absorb(other.row, known.row)
        known.row, known.file = other.row, other.file
    else:
        absorb(known.row, other.row)
    return known


def _rank(row: Row) -> tuple[int, bool, tuple[float, ...]]:
    """Return how much a copy of a response says: its usage, else its text, else what comes last."""
    return -row.outcome, row.has_text or row.counted is not None, row.order
