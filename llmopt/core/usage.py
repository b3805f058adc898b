"""Token usage as disjoint buckets.

Providers disagree on whether cached tokens stand inside the input count and reasoning tokens inside the
output count. Everything behind the log readers speaks only of the buckets below: each token is in exactly
one of them, so adding them up never counts one twice.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

TIERS = ("default", "batch", "flex", "priority", "fast")
"""Service tiers a price can have. A name outside this set is an error, never read as `default`."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request, or of many added up; disjoint, every field >= 0."""

    input_uncached: int = 0
    """Text (or unspecified) input tokens that were neither read from nor written to a prompt cache."""
    input_cache_read: int = 0
    """Input tokens served from the provider's prompt cache."""
    input_cache_write_5m: int = 0
    """Input tokens written to a cache that lives five minutes (or the provider's only lifetime)."""
    input_cache_write_1h: int = 0
    """Input tokens written to a cache that lives one hour."""
    input_audio: int = 0
    """Uncached audio input tokens, where the log tells them apart."""
    input_image: int = 0
    """Uncached image input tokens, where the log tells them apart."""
    output_text: int = 0
    """Output tokens that are neither reasoning nor audio nor image."""
    output_reasoning: int = 0
    """Hidden reasoning ("thinking") tokens."""
    output_audio: int = 0
    """Audio output tokens."""
    output_image: int = 0
    """Image output tokens."""

    @property
    def input_tokens(self) -> int:
        """Everything the model read: uncached, cached and written to the cache."""
        return sum(getattr(self, name) for name in INPUT_BUCKETS)

    @property
    def cache_write_tokens(self) -> int:
        """Tokens written to a prompt cache of any lifetime."""
        return self.input_cache_write_5m + self.input_cache_write_1h

    @property
    def output_tokens(self) -> int:
        """Everything the model wrote, reasoning included."""
        return sum(getattr(self, name) for name in OUTPUT_BUCKETS)

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, name) + getattr(other, name) for name in BUCKETS))


BUCKETS: tuple[str, ...] = tuple(field.name for field in fields(Usage))
"""Names of all buckets, in the order of `Usage`."""
INPUT_BUCKETS: tuple[str, ...] = tuple(name for name in BUCKETS if name.startswith("input_"))
OUTPUT_BUCKETS: tuple[str, ...] = tuple(name for name in BUCKETS if name.startswith("output_"))
