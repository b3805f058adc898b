"""A deadline for a pipeline of stages: `LatencyBudget`."""

from llmopt.serving.budget.budget import LatencyBudget
from llmopt.serving.budget.deadline import remaining_s
from llmopt.serving.budget.errors import BudgetError, BudgetExhausted, StageFailed
from llmopt.serving.budget.report import Outcome, StageReport

__all__ = [
    "BudgetError",
    "BudgetExhausted",
    "LatencyBudget",
    "Outcome",
    "StageFailed",
    "StageReport",
    "remaining_s",
]
