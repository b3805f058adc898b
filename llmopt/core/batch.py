"""Values of one batch that a model ran: its shape, and what was measured of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Shape:
    """The shape of a batch: `(batch_size, seq_len)`."""

    batch_size: int
    """Requests in the batch."""
    seq_len: int
    """Tokens of each request; of the longest one where their lengths differ."""


@dataclass(frozen=True, slots=True)
class BatchTiming:
    """What was measured of one batch, from the call until its results were on the host."""

    wall_s: float
    """By the monotonic clock, after the device was synchronised."""
    cpu_s: float
    """CPU time of the process during the call, all threads together; 0 where the work runs elsewhere."""
    useful_tokens: int
    """Tokens of the requests themselves; for generation those that were generated."""
    padded_tokens: int
    """Tokens that the model had to process, padding included; equal to `useful_tokens` without padding."""
    device_s: float | None = None
    """Between events on the device's own clock; None where it has none."""
    prefill_s: float | None = None
    """Until the first new token (TTFT); None unless tokens are generated."""
    decode_s: float | None = None
    """From the first new token to the last; None unless tokens are generated."""
    peak_memory_bytes: int | None = None
    """Most memory that the device (on a CPU: the process) held; None where it cannot be told."""
