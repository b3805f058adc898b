"""What counting yields: a number of tokens, the interval it lies in, and where it came from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Method = Literal["exact", "reconstructed", "estimated"]
METHODS: tuple[Method, ...] = ("exact", "reconstructed", "estimated")
"""From the surest to the least sure; a sum is as sure as its least sure part."""
COVERAGE = 0.95
"""Share of texts whose true count lies within `low` and `high` of an estimate; measured on held-out text."""


@dataclass(frozen=True, slots=True)
class TokenCount:
    """How many tokens a text is."""

    tokens: int
    low: int
    """Lower end of the interval; equals `tokens` where the count is exact."""
    high: int
    """Upper end of the interval; equals `tokens` where the count is exact."""
    method: Method
    """`exact`: the model's own tokenizer; `reconstructed`: a rebuilt one; `estimated`: from features of the text."""
    tokenizer: str
    """Name of the vocabulary, estimator or file that counted."""

    @classmethod
    def exact(cls, tokens: int, tokenizer: str) -> TokenCount:
        """Return a count that is known."""
        return cls(tokens, tokens, tokens, "exact", tokenizer)

    @property
    def estimated(self) -> bool:
        """Whether the count is anything but exact."""
        return self.method != "exact"

    def __add__(self, other: TokenCount) -> TokenCount:
        """Add counts of one tokenizer; ends of intervals add, as errors of one estimator go the same way."""
        return TokenCount(
            self.tokens + other.tokens,
            self.low + other.low,
            self.high + other.high,
            max(self.method, other.method, key=METHODS.index),
            self.tokenizer,
        )


def total(counts: Iterable[TokenCount], tokenizer: str) -> TokenCount:
    """Add counts up; nothing to add is exactly 0 tokens."""
    result = TokenCount.exact(0, tokenizer)
    for count in counts:
        result += count
    return result
