"""A learned score of a prompt: what is lost if the cheap model answers it. Linear and hashed; it calls no model.

    logit = bias + sum(weight of each hashed feature) / sqrt(features) + sum(weight * figure)
    score = 1 / (1 + exp(-(slope * logit + offset)))

What the features are, `llmopt.serving.routing.features` says; where the weights come from,
`llmopt.serving.routing.training`.
"""

from __future__ import annotations

import math
from operator import mul
from pathlib import Path

from llmopt.serving.routing.features import hashes_and_dense
from llmopt.serving.routing.weights import Weights, load_weights


class Scorer:
    """Scores prompts with trained weights; holds nothing that changes, so threads may share it."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self._weight = weights.hashed.get

    def score(self, text: str, *, context_chars: int = 0, turns: int = 1, tools: int = 0) -> float:
        """Return from 0 (the cheap model does as well) to 1 (only the strong one does), calibrated.

        With answers of both models in the log of the training it is the quality that the strong model is expected to
        gain, as a share of the scale; with those of the cheap one alone, the probability that its answer falls short.

        Args:
            text: of the last user message.
            context_chars: characters of all other messages, the system prompt among them.
            turns: user messages, the last one counted.
            tools: how many are offered.
        """
        weights, known = self.weights, self._weight
        hashes, dense = hashes_and_dense(text, context_chars, turns, tools)
        hashed = sum([known(feature, 0.0) for feature in hashes])
        logit = weights.bias + hashed / math.sqrt(len(hashes) or 1) + sum(map(mul, weights.dense, dense))
        logit = weights.slope * logit + weights.offset
        return 1 / (1 + math.exp(-min(max(logit, -700.0), 700.0)))


def load_scorer(path: str | Path) -> Scorer:
    """Return the scorer of a weights file.

    Raises:
        ConfigError: as `llmopt.serving.routing.weights.load_weights`.
    """
    return Scorer(load_weights(path))
