"""Answers of a teacher that are on disk, read in any order; only the rows that are asked for come into memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llmopt.errors import MissingExtraError
from llmopt.models.distill.targets.columns import by_shape, dtype_of, row_bytes, rows_of_texts
from llmopt.models.distill.training.precision import Precision
from llmopt.models.distill.values import Column

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "models") from error


class Answers:
    """Answers of a teacher; a `llmopt.models.distill.values.Targets`.

    Args:
        folder: with a file for each column.
        columns: that are kept there.
        tokens: that the teacher reads of each text that has an answer, `(texts,)` of int64.
        precision: in which the answers were computed.
        found: texts whose answers an earlier run had left.

    Attributes:
        precision: `float32` or `bfloat16`.
        found: texts whose answers an earlier run had left.

    Raises:
        OSError: a file cannot be read.
    """

    def __init__(
        self, folder: Path, columns: Sequence[Column], tokens: torch.Tensor, *, precision: Precision, found: int
    ) -> None:
        self.precision = precision
        self.found = found
        self._texts = len(tokens)
        self._columns = tuple(columns)
        self._rows: dict[str, torch.Tensor] = {}
        self._starts: dict[str, torch.Tensor] = {}
        for column in sorted(columns, key=by_shape):
            self._starts[column.name] = _starts(rows_of_texts(columns, column, tokens, self._rows))
            self._rows[column.name] = _mapped(folder / f"{column.name}.bin", column, int(self._starts[column.name][-1]))

    @property
    def texts(self) -> int:
        """How many texts from the first on have answers."""
        return self._texts

    @property
    def size_bytes(self) -> int:
        """What they take on disk."""
        return sum(len(self._rows[column.name]) * row_bytes(column) for column in self._columns)

    def rows(self, places: Sequence[int]) -> dict[str, torch.Tensor]:
        """Return the answers to some texts by the name of their column, on the CPU.

        Args:
            places: of the texts, in any order; one may come twice.

        Returns:
            `(texts, width)`, or `(tokens, width)` in the order of `places`, without padding.

        Raises:
            IndexError: a text has no answer.
        """
        if places and not 0 <= min(places) <= max(places) < self._texts:
            raise IndexError(f"answers are there for the texts from 0 to {self._texts - 1}, not for all of {places}")
        return {column.name: self._chosen(column, places) for column in self._columns}

    def counts(self, column: str, places: Sequence[int]) -> list[int]:
        """Return how many rows of a column each of some texts has."""
        starts = self._starts[column]
        return [int(starts[place + 1] - starts[place]) for place in places]

    def _chosen(self, column: Column, places: Sequence[int]) -> torch.Tensor:
        rows, starts = self._rows[column.name], self._starts[column.name]
        if column.shape == "text":
            return rows[torch.tensor(places, dtype=torch.int64)]
        pieces = [rows[starts[place] : starts[place + 1]] for place in places]
        return torch.cat(pieces) if pieces else rows[:0].clone()


def _starts(counts: torch.Tensor) -> torch.Tensor:
    """Return where each text begins, and where the last one ends."""
    return torch.cat((counts.new_zeros(1), counts.cumsum(0)))


def _mapped(path: Path, column: Column, rows: int) -> torch.Tensor:
    """Return the rows of a file as a tensor that reads them when they are looked at."""
    dtype = dtype_of(column)
    if not rows:
        return torch.empty((0, column.width), dtype=dtype)  # an empty file cannot be mapped
    mapped: torch.Tensor = torch.from_file(str(path), shared=False, size=rows * column.width, dtype=dtype)
    return mapped.reshape(rows, column.width)
