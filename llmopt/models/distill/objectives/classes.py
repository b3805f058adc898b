"""Classifiers: the teacher's logits of each class, and labels where there are any."""

from __future__ import annotations

from typing import Any

from llmopt.errors import MissingExtraError, UsageError
from llmopt.models.distill.losses.classes import kd_loss, multi_label_kd_loss
from llmopt.models.distill.values import Batch, Column, Student, Targets, Teacher

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "models") from error

SEVERAL = "multi_label_classification"
"""Of transformers: a text may have several labels."""


class Classes:
    """What a classifier learns: `kd_loss`, or `multi_label_kd_loss` where a text may have several labels.

    Args:
        teacher: that classifies.
        student: with the same classes in the same order.
        temperature: of both.
        soft_weight: share of the teacher's answers; the rest is of the labels.

    Attributes:
        columns: `logits` of each text.
        dropout: on, as in any training of a classifier: labels are few.

    Raises:
        UsageError: another number of classes.
    """

    dropout = True

    def __init__(self, teacher: Teacher, student: Student, *, temperature: float, soft_weight: float) -> None:
        classes, own = len(teacher.labels), student.model.config.num_labels
        if own != classes:
            raise UsageError(
                f"the student has {own} classes, the teacher {classes}", "take a student with the same classes"
            )
        self.columns: tuple[Column, ...] = (Column("logits", "text", classes, "float32"),)
        self._teacher = teacher.model
        self._several = teacher.model.config.problem_type == SEVERAL
        self._temperature, self._soft_weight = temperature, soft_weight

    def prepare(self, targets: Targets) -> tuple[str, ...]:
        """Say that labels are not used where a text may have several."""
        if not self._several:
            return ()
        return ("a text may have several labels: the student learned from the teacher's answers alone",)

    def answers(self, ids: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the teacher's `logits`, `(texts, classes)`."""
        return {"logits": self._teacher(input_ids=ids, attention_mask=mask).logits.float()}

    def loss(self, model: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the loss as `total`."""
        found = model(input_ids=batch.ids, attention_mask=batch.mask).logits.float()
        wanted = batch.targets["logits"]
        if self._several:
            return {"total": multi_label_kd_loss(found, wanted, temperature=self._temperature)}
        weights = {"temperature": self._temperature, "soft_weight": self._soft_weight}
        return {"total": kd_loss(found, wanted, batch.labels, **weights)}
