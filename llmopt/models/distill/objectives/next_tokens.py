"""Causal language models: the teacher's likeliest next tokens at each token of a text, and the text itself."""

from __future__ import annotations

from typing import Any

from llmopt.errors import MissingExtraError
from llmopt.models.distill.losses.tokens import causal_lm_loss, top_kd_loss
from llmopt.models.distill.objectives.likeliest import likeliest, little_kept, top_columns
from llmopt.models.distill.values import Batch, Column, Student, Targets, Teacher

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "models") from error


class NextTokens:
    """What a causal language model learns: `soft_weight · top_kd_loss + (1 - soft_weight) · causal_lm_loss`.

    Args:
        teacher: that generates.
        student: with the same tokens.
        temperature: of both in the first part.
        soft_weight: share of the teacher's answers.

    Attributes:
        columns: `top_values` and `top_ids` of each token: what comes next, behind the last one too.
        dropout: off: each text is seen a few times only, and the teacher's answers hold back from learning it by heart.
    """

    dropout = False

    def __init__(self, teacher: Teacher, student: Student, *, temperature: float, soft_weight: float) -> None:
        self.columns: tuple[Column, ...] = top_columns(teacher.known_tokens)
        self._teacher, self._known_tokens = teacher.model, teacher.known_tokens
        self._temperature, self._soft_weight = temperature, soft_weight

    def prepare(self, targets: Targets) -> tuple[str, ...]:
        """Say where little of the teacher's answers is kept."""
        return little_kept(targets, self._known_tokens, self._temperature) if self._soft_weight else ()

    def answers(self, ids: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the teacher's likeliest next tokens, `(tokens, top)`."""
        logits = self._teacher(input_ids=ids, attention_mask=mask, use_cache=False).logits
        return likeliest(logits[mask.bool()], self.columns[0].width, self._temperature)

    def loss(self, model: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the parts `soft` and `text`, and the weighted sum as `total`."""
        logits = model(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False).logits
        wanted = batch.targets["top_values"], batch.targets["top_ids"]
        soft = top_kd_loss(logits[batch.mask.bool()], *wanted, temperature=self._temperature)
        text = causal_lm_loss(logits, batch.ids, batch.mask)
        total = self._soft_weight * soft + (1 - self._soft_weight) * text
        return {"soft": soft, "text": text, "total": total}
