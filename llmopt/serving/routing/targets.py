"""What a caller is handed for each attempt, and what it gets back in the end: values of fallbacks and cascades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from llmopt.serving.routing.failures import Failure

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask now."""

    route: str
    model: str
    timeout_s: float | None
    """How long this attempt may take; None: as long as it does."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call that was made, or a route that was passed over."""

    route: str
    model: str
    failure: Failure | None
    """None where it answered."""
    took_s: float
    passed_over: bool = False
    """Whether it was not even asked, since it had said that it needs a rest."""

    @property
    def said(self) -> str:
        """In words: `strong (gpt-4o): overloaded (HTTP 429)`."""
        what = "answered" if self.failure is None else self.failure.said
        return f"{self.route} ({self.model}): {'resting' if self.passed_over else what}"


@dataclass(frozen=True, slots=True)
class Served(Generic[T]):
    """An answer, and who gave it after how many attempts."""

    value: T
    """As the call returned it; for streams an iterator over all of its chunks."""
    route: str
    model: str
    attempts: tuple[Attempt, ...]
    """In order; the last one answered."""
