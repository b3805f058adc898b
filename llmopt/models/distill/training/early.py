"""When a student is looked at on texts that it does not train on, and when it has stopped getting better.

Early stopping with patience, and the best weights kept: Prechelt 1998, "Early Stopping - But When?".
"""

from __future__ import annotations

from dataclasses import dataclass

CHECKS = 10
"""Looks in a run, beside the one before it."""


@dataclass(frozen=True, slots=True)
class Best:
    """The best that was seen so far."""

    step: int = 0
    loss: float | None = None
    """On the validation texts; None before the first look."""
    stale: int = 0
    """Looks since then."""

    def after(self, step: int, loss: float) -> Best:
        """Return the best after another look."""
        if self.loss is None or loss < self.loss:
            return Best(step, loss)
        return Best(self.step, self.loss, self.stale + 1)

    def is_over(self, patience: int | None) -> bool:
        """Return whether there was no gain for too long.

        Args:
            patience: looks in a row without a gain; None: any number.
        """
        return patience is not None and self.stale >= patience


def is_due(before: float, after: float) -> bool:
    """Return whether a look is due between two shares of a run that are done."""
    return int(before * CHECKS) < int(after * CHECKS)
