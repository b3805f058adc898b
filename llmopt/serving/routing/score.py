"""A learned score of a prompt: what is lost if the cheap model answers it. Linear and hashed; it calls no model.

    logit = bias + sum(weight of each hashed feature) / sqrt(features) + sum(weight * figure)
    score = 1 / (1 + exp(-(slope * logit + offset)))

What the features are, `llmopt.serving.routing.features` says; where the weights come from,
`llmopt.serving.routing.training`.
"""

from __future__ import annotations

import math
from itertools import repeat
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

        The cheap answer is expected to lose `floor + (1 - floor) * score` (`Weights.floor`), as a share of the scale of
        qualities: against the strong model's, or, trained on the cheap one's alone, against the best there is.

        Args:
            text: of the last user message.
            context_chars: characters of all other messages, the system prompt among them.
            turns: user messages, the last one counted.
            tools: how many are offered.
        """
        weights, known = self.weights, self._weight
        hashes, dense = hashes_and_dense(text, context_chars, turns, tools)
        hashed = math.fsum(map(known, hashes, repeat(0.0)))  # `sum` rounds otherwise from Python 3.12 on
        logit = weights.bias + hashed / math.sqrt(len(hashes) or 1) + math.fsum(map(mul, weights.dense, dense))
        logit = weights.slope * logit + weights.offset
        return 1 / (1 + math.exp(-min(max(logit, -700.0), 700.0)))


def load_scorer(path: str | Path) -> Scorer:
    """Return the scorer of a weights file.

    Raises:
        ConfigError: as `llmopt.serving.routing.weights.load_weights`.
    """
    return Scorer(load_weights(path))
