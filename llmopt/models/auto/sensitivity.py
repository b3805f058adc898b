"""In which order to keep layers in floating point: those first that cost the most quality for the work they do.

Each linear layer is computed in 8 bits alone, and what that does to the answers is measured on the user's texts. Shares
of changed answers are far too coarse for one layer, so its error is a continuous one: 1 - cosine for vectors, the
square of the total variation distance for scores, divergence for language models. All three go with the power of the
noise, and the noise of layers adds up, so what is left when some are kept is about the sum over the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmopt.core.target import TargetFacts
from llmopt.models.cpu.build import quantized_alone
from llmopt.models.loaded import LoadedModel
from llmopt.models.quality.result import Quality

if TYPE_CHECKING:
    import torch

LEAST = 1e-12
"""Errors below are nothing but rounding."""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What one linear layer in 8 bits does to the answers."""

    name: str
    """Of the layer."""
    error: float
    """Of the answers: see `answer_error`."""
    work: int
    """Multiplications a token: what is lost when it stays in floating point."""


def sensitivities(
    works: Sequence[tuple[str, int]],
    alone: Callable[[str], Quality],
    more: Callable[[], bool] = lambda: True,
) -> tuple[Sensitivity, ...]:
    """Measure each layer alone.

    Args:
        works: name and work of each layer.
        alone: quality with that layer in 8 bits.
        more: asked before each; after a False the others count as if they had no error.
    """
    errors: dict[str, float] = {}
    for name, _ in works:
        if not more():
            break
        errors[name] = answer_error(alone(name))
    return tuple(Sensitivity(name, errors.get(name, 0.0), work) for name, work in works)


def answer_error(quality: Quality) -> float:
    """Return how far answers are off, as a number that one layer moves: about the power of the noise."""
    if quality.cosine is not None:
        return max(1 - quality.cosine, 0.0)
    if quality.kl_nats is not None:
        return max(quality.kl_nats, 0.0)
    if quality.score_error is not None:
        return quality.score_error**2
    return max(quality.drop, 0.0)


def order(layers: Sequence[Sensitivity]) -> tuple[str, ...]:
    """Return the names in the order in which to keep them: most error for the work first; of equals, the later."""
    places = sorted(range(len(layers)), key=lambda at: (-layers[at].error / max(layers[at].work, 1), -at))
    return tuple(layers[at].name for at in places)


def remaining(layers: Sequence[Sensitivity]) -> tuple[float, ...]:
    """Return the share of the error that is left with none, one, two ... layers kept, in their order."""
    errors = {layer.name: max(layer.error, LEAST) for layer in layers}
    left = [errors[name] for name in order(layers)]
    total = math.fsum(left)
    return tuple(math.fsum(left[kept:]) / total if total else 1.0 for kept in range(len(left) + 1))


class Alone:
    """A model that answers as `source` would with one linear layer in 8 bits.

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
