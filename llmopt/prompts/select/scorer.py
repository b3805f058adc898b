"""What can say how much a passage has to do with a query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Scorer(Protocol):
    """Scores passages against a query; BM25 is built in, a sentence model comes with the `semantic` extra."""

    def score(self, query: str, passages: Sequence[str]) -> Sequence[float]:
        """Return one number a passage; higher is closer. Any scale."""
