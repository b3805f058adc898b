"""What is asked about a log under sets of levers, whether it was replayed whole or in parts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Protocol

from llmopt.savings.project.ways import At


class Costs(Protocol):
    """What one log costs under sets of the levers of one plan."""

    @property
    def too_many_prompts(self) -> bool:
        """Whether there are too many prompts for the provider's prompt cache to be tried unasked."""
        ...

    def cost(self, on: frozenset[str], at: At = "mid") -> Decimal:
        """Return what the log costs with these levers on, their own costs included, in dollars."""
        ...

    def exact(self, on: frozenset[str]) -> bool:
        """Return whether nothing about these levers is estimated, so that `low` and `high` are the same."""
        ...

    def by_day(self, on: frozenset[str]) -> dict[date, Decimal]:
        """Return UTC day -> what its calls cost with these levers on, their own costs included."""
        ...

    def changed(self, lever: str, on: frozenset[str]) -> int:
        """Return how many calls a lever changes where `on` are on."""
        ...

    def own(self, lever: str, on: frozenset[str]) -> Decimal:
        """Return what running a lever costs over the log by itself where `on` are on."""
        ...

    def unseen(self, lever: str) -> int:
        """Return how many calls a lever could not look at."""
        ...

    def notes(self, lever: str, on: frozenset[str]) -> tuple[str, ...]:
        """Return what else one should know of a lever, in words."""
        ...

    def killed(self, on: frozenset[str]) -> tuple[int, Decimal]:
        """Return how many calls compression takes below the least prefix of the provider's cache, and what that costs.

        The cost is what would be saved if the least prefix were held against prompts as they were before compression.
        """
        ...
