"""A model with one linear layer in 8 bits, as a model of its own: the source is as before between its calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llmopt.core.target import TargetFacts
from llmopt.models.cpu.build import quantized_alone
from llmopt.models.loaded import LoadedModel

if TYPE_CHECKING:
    import torch


class Alone:
    """Answers as `source` would with one linear layer in 8 bits.

    Args:
        source: the model; others may use it between calls, as the reference of a language model is.
        layer: name of the layer.
    """

    def __init__(self, source: LoadedModel, layer: str) -> None:
        self._source = source
        self._layer = layer

    @property
    def facts(self) -> TargetFacts:
        """Those of the source."""
        return self._source.facts

    @property
    def labels(self) -> tuple[str, ...]:
        """Those of the source."""
        return self._source.labels

    @property
    def known_tokens(self) -> int:
        """As of the source."""
        return self._source.known_tokens

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """As the source."""
        return self._source.encode(texts)

    def count(self, text: str) -> int:
        """As the source."""
        return self._source.count(text)

    def decode(self, ids: Sequence[int]) -> str:
        """As the source."""
        return self._source.decode(ids)

    def predict(self, requests: list[list[int]]) -> list[Any]:
        """Answer with the layer in 8 bits."""
        with quantized_alone(self._source, [self._layer]):
            return self._source.predict(requests)

    def token_logits(self, requests: list[list[int]]) -> list[torch.Tensor]:
        """Answer with the layer in 8 bits."""
        with quantized_alone(self._source, [self._layer]):
            return self._source.token_logits(requests)
