"""How a run of a pipeline fails: its time is used up, or a required stage raised. Two errors, never one for the other.

BudgetError
├── BudgetExhausted     also a TimeoutError
└── StageFailed         `__cause__` is what the stage raised, a TimeoutError of its own included
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmopt.errors import LlmoptError
from llmopt.serving.budget.report import StageReport


class BudgetError(LlmoptError):
    """A required stage has no value.

    Args:
        message: what happened.
        hint: the next step.
        stage: name of the stage.
        report: what became of each stage, in the order of definition.
    """

    def __init__(self, message: str, hint: str, stage: str, report: Mapping[str, StageReport]) -> None:
        super().__init__(message, hint)
        self.stage = stage
        self.report = report

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what copies it and carries it to another process."""
        return type(self), (self.message, self.hint, self.stage, self.report), self.__dict__


class BudgetExhausted(BudgetError, TimeoutError):
    """The time was used up before a required stage was done.

    Args:
        message: what happened.
        hint: the next step.
        stage: name of the stage.
        report: what became of each stage.
        inherited: whether the time was that of an outer budget, of which less was left than this one has.
    """

    def __init__(
        self, message: str, hint: str, stage: str, report: Mapping[str, StageReport], *, inherited: bool = False
    ) -> None:
        super().__init__(message, hint, stage, report)
        self.inherited = inherited


class StageFailed(BudgetError):
    """A required stage raised, and has no fallback or one that raised too."""
