"""The settings of a batcher, as a benchmark recommends them and a server takes them."""

from __future__ import annotations

from dataclasses import dataclass

from llmopt.errors import UsageError


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """When a batch is formed and how large it may be."""

    max_batch_size: int = 32
    """Requests at most."""
    max_wait_s: float = 0.0
    """How long a free device waits for the batch to fill, from the arrival of the oldest request; 0: not at all."""
    max_batch_tokens: int | None = None
    """Padded tokens at most (requests times the longest of them); a longer request runs alone. None: no limit."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.max_batch_size < 1:
            raise UsageError(f"max_batch_size is {self.max_batch_size}; at least 1 is needed")
        if not 0 <= self.max_wait_s < float("inf"):
            raise UsageError(f"max_wait_s is {self.max_wait_s}; seconds from 0 on are needed")
        if self.max_batch_tokens is not None and self.max_batch_tokens < 1:
            raise UsageError(f"max_batch_tokens is {self.max_batch_tokens}; at least 1 is needed")
