"""What the losses share: the divergence of two softened distributions, cross entropy, and the checks of arguments."""

from __future__ import annotations

from llmopt.errors import MissingExtraError, UsageError

try:
    import torch
    from torch.nn.functional import cross_entropy, log_softmax
except ImportError as error:
    raise MissingExtraError("torch", "models") from error

IGNORED = -100
"""Class of a row without a label; what torch leaves out of a cross entropy."""


def wide(values: torch.Tensor) -> torch.Tensor:
    """Return numbers in float32, or in float64 where they are so: sums in half precision lose what is to be learned."""
    return values if values.dtype == torch.float64 else values.float()


def mean(values: torch.Tensor) -> torch.Tensor:
    """Return the mean; of nothing 0, which still has a gradient."""
    return values.sum() / max(1, values.numel())


def divergences(student_logits: torch.Tensor, teacher_logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return `temperature² · KL(softmax(teacher / temperature) ‖ softmax(student / temperature))` of each row.

    The factor keeps the size of gradients: those of softened logits shrink with the square of the temperature (Hinton,
    Vinyals and Dean, "Distilling the knowledge in a neural network", 2015, section 2).

    Args:
        student_logits: `(..., classes)`.
        teacher_logits: of the same shape.
        temperature: above 0.

    Raises:
        UsageError: shapes differ, or the temperature makes no sense.
    """
    check_same(student_logits, teacher_logits)
    check_temperature(temperature)
    student = log_softmax(wide(student_logits) / temperature, -1)
    teacher = log_softmax(wide(teacher_logits) / temperature, -1).exp()
    return temperature**2 * against(teacher, student).sum(-1)


def against(wanted: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
    """Return the terms `p log(p / q)` of a divergence; what has no probability in the teacher adds nothing.

    Args:
        wanted: the teacher's probabilities `p`.
        found: logarithms of the student's, `log q`; -inf where both models are kept from a class.
    """
    return torch.xlogy(wanted, wanted) - wanted * found.masked_fill(wanted == 0, 0.0)


def hard_loss(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Return the cross entropy, mean over the rows that have a class.

    Args:
        logits: `(rows, classes)`.
        classes: `(rows,)`, int64; `IGNORED` where there is none.

    Raises:
        UsageError: not as many rows as classes.
    """
    if classes.shape != logits.shape[:-1]:
        raise UsageError(
            f"logits of {tuple(logits.shape[:-1])} rows, classes of {tuple(classes.shape)}", "give a class of each row"
        )
    known = (classes != IGNORED).sum().clamp(min=1)
    return cross_entropy(wide(logits), classes, ignore_index=IGNORED, reduction="sum") / known


def check_same(student: torch.Tensor, teacher: torch.Tensor) -> None:
    """Refuse tensors whose shapes differ; torch would repeat the smaller one.

    Raises:
        UsageError: they differ.
    """
    if student.shape != teacher.shape:
        raise UsageError(
            f"the student gives {tuple(student.shape)}, the teacher {tuple(teacher.shape)}",
            "both must have the same rows and classes",
        )


def check_rows(student: torch.Tensor, teacher: torch.Tensor) -> None:
    """Refuse vectors of another number of texts; sizes of vectors may differ.

    Raises:
        UsageError: the numbers differ.
    """
    if len(student) != len(teacher):
        raise UsageError(
            f"{len(student)} vectors of the student, {len(teacher)} of the teacher", "give one of each text"
        )


def check_temperature(temperature: float) -> None:
    """Refuse a temperature that makes no sense.

    Raises:
        UsageError: it is not above 0.
    """
    if not 0 < temperature < float("inf"):
        raise UsageError(f"a temperature of {temperature:g} makes no sense", "above 0; 2 to 10 are usual")


def check_share(share: float) -> None:
    """Refuse a weight of the teacher's answers that is no share.

    Raises:
        UsageError: it is not from 0 to 1.
    """
    if not 0 <= share <= 1:
        raise UsageError(f"a soft weight of {share:g} makes no sense", "from 0 to 1, such as 0.9")
