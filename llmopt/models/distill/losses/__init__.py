"""Losses of distillation: pure functions of tensors, each with its source; a training loop of your own can use them.

Each returns a scalar, the mean over what it compares, and is computed in float32 at least, whatever it is given. Of
nothing (no labelled row, no masked token) it is 0 and still has a gradient, so that no batch is a special case.
"""

from __future__ import annotations

from llmopt.models.distill.losses.classes import kd_loss, multi_label_kd_loss
from llmopt.models.distill.losses.tokens import (
    causal_lm_loss,
    hidden_cosine_loss,
    masked_lm_loss,
    token_kd_loss,
    top_kd_loss,
    triple_loss,
)
from llmopt.models.distill.losses.vectors import cosine_loss, neighbour_loss, relation_loss, similarity_loss

__all__ = [
    "causal_lm_loss",
    "cosine_loss",
    "hidden_cosine_loss",
    "kd_loss",
    "masked_lm_loss",
    "multi_label_kd_loss",
    "neighbour_loss",
    "relation_loss",
    "similarity_loss",
    "token_kd_loss",
    "top_kd_loss",
    "triple_loss",
]
