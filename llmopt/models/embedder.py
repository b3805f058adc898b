"""A sentence model of this machine as an embedder: texts in, normalised vectors out.

What is longer than the model reads gets no vector: cut text would be compared by its beginning alone.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from llmopt.errors import InputError
from llmopt.models.checkpoint import open_model
from llmopt.models.layout import layout_of
from llmopt.models.located import located

_BATCH_TOKENS = 2_048
"""Padded tokens at once."""
_CHARACTERS_A_TOKEN = 64
"""Text that has more of them for each token that the model reads is not even counted; no language comes near."""


class SentenceEmbedder:
    """Embeds by a checkpoint from a folder; a `llmopt.serving.cache.semantic.embedding.Embedder`.

    Safe to share between threads; one computes at a time.

    Args:
        path: folder of a plain encoder, or as sentence-transformers saves it; or its name in the hub's local cache.
        device: `cpu`, `cuda`, `cuda:N`, `mps`, or `auto`.

    Raises:
        InputError: no such model here, damaged weights, or no sentence model.
        UsageError: no such device.
        MissingExtraError: torch or transformers is not installed (when the module is imported).
    """

    def __init__(self, path: str | os.PathLike[str], *, device: str = "cpu") -> None:
        self._model = open_model(path, device=device, task="embed")
        # questions are compared with each other, so each is read as a query
        self._prompt = layout_of(located(path)).query_prompt
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """What the user calls the model."""
        return self._model.facts.name

    def __call__(self, texts: Sequence[str]) -> list[list[float] | None]:
        """Return the vector of each text, of length 1; None for a text that is longer than the model reads."""
        vectors: list[list[float] | None] = [None] * len(texts)
        prompted = [self._prompt + text for text in texts]
        with self._lock:  # one thread at a time may predict
            readable = [at for at, text in enumerate(prompted) if self._reads(text)]
            requests = self._model.encode([prompted[at] for at in readable])
            for batch in _batches(requests):
                found = self._model.predict([requests[place] for place in batch])
                for place, vector in zip(batch, found, strict=True):
                    vectors[readable[place]] = _finite(vector, self.name)
        return vectors

    def _reads(self, text: str) -> bool:
        limit = self._model.max_text_tokens
        if limit is None:
            return True
        return len(text) <= limit * _CHARACTERS_A_TOKEN and self._model.count(text) <= limit


def _finite(vector: Any, name: str) -> list[float]:
    values: list[float] = vector.tolist()
    if not all(-1.1 < value < 1.1 for value in values):
        raise InputError(f"{name}: its vectors are not finite", "fetch the weights again")
    return values


def _batches(requests: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Yield the places of requests of about the same length, few enough to be padded together."""
    batch: list[int] = []
    for at in sorted(range(len(requests)), key=lambda at: len(requests[at])):
        if batch and (len(batch) + 1) * len(requests[at]) > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch
