"""What a batcher tells while it works, for metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Reason = Literal["queue_full", "deadline", "cancelled", "closed"]
"""Why a request was given up without an answer from `predict`."""


@dataclass(frozen=True, slots=True)
class BatchDone:
    """One batch that has run."""

    size: int
    """Requests in it."""
    useful_tokens: int
    """Tokens of the requests together; 0 where the batcher was given no `length`."""
    padded_tokens: int
    """Requests times the longest of them; 0 where the batcher was given no `length`."""
    waited_s: float
    """From the arrival of its oldest request until it was formed."""
    service_s: float
    """From when it was formed until its results were back in the loop, calls to find a poison request included."""
    queued: int
    """Requests left in the queue when it was formed."""
    calls: int
    """Calls of `predict`; more than 1 where a failing batch was bisected."""
    failed: int
    """Requests that `predict` failed for."""


class Hooks(Protocol):
    """Called in the loop, after each event. What they raise is logged once and harms no request."""

    def batch_done(self, batch: BatchDone) -> None:
        """Take note of a batch."""
        ...

    def dropped(self, reason: Reason) -> None:
        """Take note of a request that was refused or given up."""
        ...
