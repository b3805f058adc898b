"""What training and evaluating a router gives: values only, no arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

from llmopt.savings.routing_curve import Chosen, Curve
from llmopt.savings.routing_log import LeftOut
from llmopt.savings.routing_ranking import Found
from llmopt.serving.routing.weights import Weights


@dataclass(frozen=True, slots=True)
class RouterAsked:
    """How to train and to evaluate."""

    cheap: str | None = None
    """None: found in the log."""
    strong: str | None = None
    keep: float = 0.9
    """Share of what the strong model is better that the recommended threshold is to keep."""
    held_out: float = 0.2
    """Share of the prompts that training never sees."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Parts:
    """Distinct prompts by what they are for."""

    fit: int
    validation: int
    held_out: int
    unpriced: int
    """Answered by both, left out because a call has no price."""
    alone: int
    """Answered by the cheap model only."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a policy under test does with the held-out prompts."""

    chosen: Chosen
    elsewhere: int
    """Prompts that it sends to neither model; they are not in `chosen`."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the score gives on held-out prompts that both models answered."""

    cheap: str
    strong: str
    low: float
    """Smallest quality in the log."""
    high: float
    parts: Parts
    threshold: float
    """Recommended, from prompts that are not held out; infinite: none to the strong model."""
    keep: float | None
    """What the threshold was chosen to keep; None where the weights brought it along."""
    curve: Curve
    chosen: Chosen
    """At the threshold."""
    policy: Policy | None
    """None: no policy under test."""
    others: tuple[str, ...]
    """Further models of the log; their answers are not used."""
    files: tuple[str, ...]
    calls: int
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Training:
    """A trained score."""

    weights: Weights
    cheap: str
    strong: str
    """Empty where the score learned from the cheap model's answers alone."""
    parts: Parts
    rounds: int
    loss: float
    """Mean on the validation part."""
    base_loss: float
    """Of the same score for every prompt."""
    evaluation: Evaluation | None
    """None where no prompts were answered by both models."""
    found: Found | None
    """How many short answers of the cheap model the score finds; None where `evaluation` says more."""
    files: tuple[str, ...]
    calls: int
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]
