"""Which requests the models get: all as long as asked, or as long as real texts are for each model's own tokenizer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from llmopt.bench.asked import DEFAULT_SEQ_LEN
from llmopt.bench.comparing.result import Lengths
from llmopt.core.batch import Shape
from llmopt.core.stats import median
from llmopt.core.target import TargetFacts
from llmopt.errors import UsageError

MOST_TEXTS = 5_000
"""Whose lengths are drawn from."""


@dataclass(frozen=True, slots=True)
class Requests:
    """The batches of one shape."""

    shape: Shape
    lengths: tuple[tuple[int, ...], ...] = ()
    """For each model, in their order, the tokens of each text; empty: all requests are as long as the shape says."""

    def batch(self, model: int, seed: str) -> tuple[int, ...]:
        """Return the tokens of each request of a batch.

        Args:
            model: its place.
            seed: the same one draws the same texts for every model.
        """
        size = self.shape.batch_size
        if not self.lengths:
            return (self.shape.seq_len,) * size
        drawn = random.Random(seed).choices(range(len(self.lengths[model])), k=size)
        return tuple(self.lengths[model][at] for at in drawn)


def requests_of(
    batch_sizes: Sequence[int],
    seq_lens: Sequence[int],
    counted: Sequence[Sequence[int]],
    facts: Sequence[TargetFacts],
) -> tuple[Requests, ...]:
    """Return what to send, a shape each, in the order asked for.

    Args:
        batch_sizes: requests in a batch.
        seq_lens: tokens of a request; none: those of texts, else a default that all models take.
        counted: tokens of each text, for each model, the base first; none without texts.
        facts: of the models.

    Raises:
        UsageError: a length that one of the models does not take.
    """
    if not seq_lens and counted:
        longest = max(counted[0])
        lengths = tuple(tuple(tokens) for tokens in counted)
        return tuple(Requests(Shape(size, longest), lengths) for size in dict.fromkeys(batch_sizes))
    most = min((fact.max_tokens for fact in facts if fact.max_tokens is not None), default=None)
    wanted = tuple(dict.fromkeys(seq_lens)) or (min(DEFAULT_SEQ_LEN, most or DEFAULT_SEQ_LEN),)
    for fact in facts:
        if fact.max_tokens is not None and max(wanted) > fact.max_tokens:
            beside = f" beside {fact.new_tokens:,} new ones" if fact.new_tokens else ""
            raise UsageError(
                f"{fact.name} takes {fact.max_tokens:,} tokens at most{beside}, not {max(wanted):,}",
                "a smaller --seq-len" + (" or --new-tokens" if beside else ""),
            )
    return tuple(Requests(Shape(size, length)) for size in dict.fromkeys(batch_sizes) for length in wanted)


def lengths_told(requests: Sequence[Requests]) -> Lengths | None:
    """Return the lengths of the texts for the base, which is the first model; None where they are as asked."""
    if not requests[0].lengths:
        return None
    base = requests[0].lengths[0]
    return Lengths(len(base), min(base), round(median(base)), max(base))


def some(texts: Sequence[str], most: int = MOST_TEXTS) -> list[str]:
    """Return at most so many of the texts, from all parts of the file."""
    return [texts[at * len(texts) // most] for at in range(most)] if len(texts) > most else list(texts)
