"""What compressing yields: the shorter text, and an account of every removal.

Tokens are counted when they are asked for: shortening megabytes is faster than counting them.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from llmopt.prompts.edits import Change
from llmopt.tokens.result import TokenCount
from llmopt.tokens.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class Removal:
    """One place where the result differs from the original."""

    rules: tuple[str, ...]
    """Why, in the order in which the rules applied."""
    start: int
    """Offset into the original."""
    end: int
    first_line: int
    """Line of the original, from 1."""
    last_line: int
    text: str
    """What was there."""
    replacement: str
    """What is there now; empty where it only went."""
    tokens: int
    """Fewer tokens of the lines it stands in by this change alone. Tokens of joined text do not add up exactly, so the
    sum over all removals may differ a little from the saving of the whole."""


class Compressed:
    """A text made shorter."""

    def __init__(self, original: str, text: str, changes: Sequence[Change], tokenizer: Tokenizer) -> None:
        """Hold a result.

        Args:
            original: the text as it was.
            text: the text as it is.
            changes: of the original, sorted; made, they give `text`.
            tokenizer: counts both.
        """
        self.original = original
        self.text = text
        self.changes = tuple(changes)
        self.tokenizer = tokenizer

    def __repr__(self) -> str:
        return f"Compressed({len(self.original):,} -> {len(self.text):,} characters, {len(self.changes):,} removals)"

    @cached_property
    def count_before(self) -> TokenCount:
        """Tokens of the original, with their interval where the tokenizer is an estimate."""
        return self.tokenizer.count(self.original)

    @cached_property
    def count_after(self) -> TokenCount:
        """Tokens of the result."""
        return self.count_before if self.text == self.original else self.tokenizer.count(self.text)

    @property
    def tokens_before(self) -> int:
        """Tokens of the original."""
        return self.count_before.tokens

    @property
    def tokens_after(self) -> int:
        """Tokens of the result."""
        return self.count_after.tokens

    @property
    def tokens_saved(self) -> int:
        """Tokens fewer; never below 0."""
        return self.tokens_before - self.tokens_after

    @property
    def saved_share(self) -> float:
        """Share of the original's tokens that went, 0 to 1."""
        return self.tokens_saved / self.tokens_before if self.tokens_before else 0.0

    @cached_property
    def removals(self) -> tuple[Removal, ...]:
        """Every place where the result differs from the original, in order."""
        return _removals(self.original, self.changes, self.tokenizer)


def _removals(text: str, changes: Sequence[Change], tokenizer: Tokenizer) -> tuple[Removal, ...]:
    breaks = [found.start() for found in re.finditer("\n", text)] if changes else []
    texts: list[str] = []
    for change in changes:
        first = bisect_left(breaks, change.start - 1)  # a line break and what follows it may be one token
        last = bisect_left(breaks, max(change.end - 1, change.start))
        start = breaks[first - 1] + 1 if first else 0
        end = breaks[last] + 1 if last < len(breaks) else len(text)
        texts += (text[start:end], text[start : change.start] + change.text + text[change.end : end])
    counts = [count.tokens for count in tokenizer.count_many(texts)]
    return tuple(
        Removal(
            change.rules,
            change.start,
            change.end,
            bisect_left(breaks, change.start) + 1,
            bisect_right(breaks, max(change.end - 1, change.start) - 1) + 1,
            text[change.start : change.end],
            change.text,
            before - after,
        )
        for change, before, after in zip(changes, counts[::2], counts[1::2], strict=True)
    )
