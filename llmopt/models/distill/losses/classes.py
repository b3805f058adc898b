"""Losses of classifiers: the teacher's distribution over the classes, softened, and the labels."""

from __future__ import annotations

from llmopt.errors import MissingExtraError
from llmopt.models.distill.losses.terms import (
    IGNORED,
    check_same,
    check_share,
    check_temperature,
    divergences,
    hard_loss,
    mean,
    wide,
)

try:
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits
except ImportError as error:
    raise MissingExtraError("torch", "models") from error


def kd_loss(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    labels: torch.Tensor | None = None,
    *,
    temperature: float = 3.0,
    soft_weight: float = 0.9,
) -> torch.Tensor:
    """Return how far a classifier is from its teacher and from the labels.

    `soft_weight · T² · KL(teacher ‖ student)`, both softened by the temperature T, plus `(1 - soft_weight) · cross
    entropy` of the labels. The first is a mean over all rows, the second over those with a label. Where no row of the
    batch has one, the first counts with its whole weight, so that a batch without labels teaches as much as any; only
    with a `soft_weight` of 0 it teaches nothing.

    Source: Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015 (arXiv 1503.02531).

    Args:
        student_logits: `(rows, classes)`.
        teacher_logits: `(rows, classes)`; gets no gradient unless it asks for one.
        labels: `(rows,)`, int64: the class, -100 where there is none; None: no row has a label.
        temperature: of both distributions.
        soft_weight: share of the teacher's answers, from 0 to 1.

    Raises:
        UsageError: shapes differ, or a number makes no sense.
    """
    check_share(soft_weight)
    soft = mean(divergences(student_logits, teacher_logits, temperature))
    if labels is None or not bool((labels != IGNORED).any()):
        return soft if soft_weight > 0 else 0 * soft
    return soft_weight * soft + (1 - soft_weight) * hard_loss(student_logits, labels)


def multi_label_kd_loss(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    targets: torch.Tensor | None = None,
    *,
    temperature: float = 3.0,
    soft_weight: float = 0.9,
) -> torch.Tensor:
    """Return the same for a classifier whose classes do not exclude each other: each is a yes or no of its own.

    Mean over rows and classes of `T² · KL` of the two probabilities (`sigmoid(logit / T)`), plus the binary cross
    entropy of the targets, weighted as in `kd_loss`; without targets the first part alone.

    Source: Yang and others, "Multi-label knowledge distillation", ICCV 2023 (arXiv 2308.06453): one against all,
    each class by the divergence of its two probabilities.

    Args:
        student_logits: `(rows, classes)`.
        teacher_logits: `(rows, classes)`.
        targets: `(rows, classes)`: 1 where the class applies, else 0; None: not known.
        temperature: of both.
        soft_weight: share of the teacher's answers, from 0 to 1.

    Raises:
        UsageError: shapes differ, or a number makes no sense.
    """
    check_same(student_logits, teacher_logits)
    check_temperature(temperature)
    check_share(soft_weight)
    student, teacher = wide(student_logits) / temperature, wide(teacher_logits) / temperature
    wanted = teacher.sigmoid()
    crossed, own = (binary_cross_entropy_with_logits(each, wanted, reduction="none") for each in (student, teacher))
    soft = temperature**2 * mean(crossed - own)
    if targets is None:
        return soft if soft_weight > 0 else 0 * soft
    check_same(student_logits, targets)
    logits = wide(student_logits)
    hard = mean(binary_cross_entropy_with_logits(logits, targets.to(logits.dtype), reduction="none"))
    return soft_weight * soft + (1 - soft_weight) * hard
