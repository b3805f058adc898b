"""What is asked of a model to compare it: vectors or scores of all texts, in batches of texts that are as long.

Texts are sorted by length first, so that almost nothing is padded; each answer is looked at before it is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from llmopt.core.target import TargetFacts
from llmopt.errors import InputError, MissingExtraError
from llmopt.models.quality.data import Sample

try:
    import torch
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "semantic") from error

MOST_TOKENS = 8_192
"""Of a batch, padding included."""


class Answering(Protocol):
    """What is needed of a model; `llmopt.models.loaded.LoadedModel` is one."""

    @property
    def facts(self) -> TargetFacts:
        """Its name, its task, and how long a request may be."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes; empty unless it classifies."""
        ...

    @property
    def known_tokens(self) -> int:
        """Token ids from 0 up to this one, itself left out, are valid."""
        ...

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, cut to what the model reads."""
        ...

    def count(self, text: str) -> int:
        """Return how many tokens a text has before it is cut."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of token ids, special ones left out."""
        ...

    def predict(self, requests: list[list[int]]) -> list[Any]:
        """Return a vector or a row of scores for each request."""
        ...

    def token_logits(self, requests: list[list[int]]) -> list[torch.Tensor]:
        """Return logits of the next token, `(tokens, vocabulary)` in float32, for each request (generate only)."""
        ...


def answers(
    model: Answering, requests: Sequence[list[int]], samples: Sequence[Sample], batch_size: int
) -> torch.Tensor:
    """Return one row for each request, in float32 on the CPU.

    Args:
        model: to embed or to classify.
        requests: token ids; one or more.
        samples: what they are of, to name the one that fails.
        batch_size: requests of a batch at most.

    Raises:
        InputError: an answer that is not finite.
    """
    rows: list[torch.Tensor] = [torch.empty(0)] * len(requests)
    for batch in batches([len(request) for request in requests], batch_size, MOST_TOKENS):
        for at, row in zip(batch, model.predict([requests[at] for at in batch]), strict=True):
            rows[at] = torch.as_tensor(row).float()
    found = torch.stack(rows)
    broken = (~found.isfinite().all(1)).nonzero()
    if len(broken):
        raise not_finite(model, samples[int(broken[0])])
    return found


def batches(lengths: Sequence[int], most: int, most_tokens: int) -> Iterator[list[int]]:
    """Yield places of requests, longest first, whose lengths are near to each other.

    Args:
        lengths: tokens of each request.
        most: requests of a batch.
        most_tokens: of a batch, padding included; a request that has more is alone.
    """
    order = sorted(range(len(lengths)), key=lambda at: -lengths[at])
    start = 0
    while start < len(order):
        rows = max(1, min(most, most_tokens // max(1, lengths[order[start]])))
        yield order[start : start + rows]
        start += rows


def cut_texts(model: Answering, samples: Sequence[Sample], requests: Sequence[list[int]]) -> list[int]:
    """Return the places of texts that are longer than the model reads; those that fill it are counted again, whole."""
    longest = max(map(len, requests))
    full = [at for at, request in enumerate(requests) if len(request) == longest]
    return [at for at in full if model.count(samples[at].text) > longest]


def not_finite(model: Answering, sample: Sample) -> InputError:
    """Return the error of an answer with a number that is none."""
    return InputError(
        f"{model.facts.name}: what it computes for {sample.where} is not finite",
        "its weights are damaged, or its numbers too small for them: take another scheme or dtype",
    )
