"""Which objective goes with a teacher."""

from __future__ import annotations

from llmopt.errors import UsageError
from llmopt.models.distill.config import DistillConfig
from llmopt.models.distill.objectives.classes import Classes
from llmopt.models.distill.objectives.masked import Masked
from llmopt.models.distill.objectives.next_tokens import NextTokens
from llmopt.models.distill.objectives.vectors import Vectors
from llmopt.models.distill.values import DistillTask, Objective, Student, Teacher

TEMPERATURES: dict[DistillTask, float] = {"classify": 3.0, "fill": 2.0, "generate": 1.0}
"""Unless the user says otherwise: the tutorial's, DistilBERT's, and none, since only the likeliest tokens are kept: the
softer, the more of the probability is on the others."""


def objective_of(teacher: Teacher, student: Student, config: DistillConfig, *, tokens: int) -> Objective:
    """Return what a student is to learn.

    Args:
        teacher: that it learns from.
        student: that learns.
        config: of the run.
        tokens: of all texts, for what is kept of each token.

    Raises:
        UsageError: the student cannot learn from this teacher.
    """
    if teacher.task == "embed":
        return Vectors(teacher, student, tokens=tokens)
    temperature = TEMPERATURES[teacher.task] if config.temperature is None else config.temperature
    settings = {"temperature": temperature, "soft_weight": config.soft_weight}
    if teacher.task == "classify":
        return Classes(teacher, student, **settings)
    if student.own_tokens:
        raise UsageError(
            "the student has tokens of its own: what the teacher says of each of its tokens means nothing to it",
            "take a student with the teacher's tokenizer, such as --student layers=half",
        )
    if teacher.task == "generate":
        return NextTokens(teacher, student, **settings)
    return Masked(teacher, student, **settings, tokens=tokens)
