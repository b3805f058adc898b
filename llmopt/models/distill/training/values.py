"""What a training is given beside the student: texts with the teacher's answers, and whom to tell how far it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmopt.models.distill.values import Item, Targets

Progress = Callable[[int, int, str], None]
"""Called with (done, total, what is being done)."""


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Texts as token ids, and what the teacher says to them."""

    items: Sequence[Item]
    targets: Targets
    """Of the first so many of `items`; the rest is not used."""

    def __len__(self) -> int:
        """Return how many texts can be used."""
        return min(len(self.items), self.targets.texts)
