"""Fewer numbers for the same vectors: the directions in which a teacher's vectors differ most from zero.

The best approximation of all products of two vectors (their cosines) in so many numbers is the projection on the
eigenvectors of `Xᵀ X` with the largest eigenvalues, without taking the mean away first (Eckart and Young, "The
approximation of one matrix by another of lower rank", Psychometrika, 1936).
"""

from __future__ import annotations

from llmopt.errors import MissingExtraError
from llmopt.models.distill.values import Targets

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "models") from error

_MOST_TEXTS = 20_000
"""That directions are found from."""
_PIECE = 2_048


class Projection:
    """Projects vectors on fewer directions.

    Args:
        width: of the result.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._directions = torch.empty(0)

    def fit(self, targets: Targets) -> str:
        """Find the directions of a teacher's vectors, and say how much of them they hold.

        Args:
            targets: with the column `vectors`.
        """
        texts = min(targets.texts, _MOST_TEXTS)
        products: torch.Tensor | float = 0.0
        for start in range(0, texts, _PIECE):
            rows = targets.rows(range(start, min(start + _PIECE, texts)))["vectors"].double()
            products = products + rows.T @ rows
        values, vectors = torch.linalg.eigh(torch.as_tensor(products))
        chosen = vectors.flip(1)[:, : self._width]
        largest = chosen.abs().argmax(0, keepdim=True)  # an eigenvector may come with either sign
        self._directions = (chosen * chosen.gather(0, largest).sign()).float()
        held = float(values.flip(0)[: self._width].clamp(min=0).sum() / values.clamp(min=0).sum())
        return (
            f"the student's vectors have {self._width:,} numbers, the teacher's {len(values):,}: it learned those "
            f"directions that hold {held:.1%} of the teacher's"
        )

    def __call__(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return vectors in these directions, `(texts, width)`."""
        return vectors @ self._directions.to(vectors.device)
