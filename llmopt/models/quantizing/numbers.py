"""How the numbers of a weight are stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Layout = Literal["int8", "packed"]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Whole numbers with a scale for a row, or for each group of its columns."""

    bits: int
    """8 or 4."""
    group_size: int | None
    """Columns that share a scale; None: a whole row."""
    layout: Layout
    """`int8`: a byte each. `packed`: words of 32 bits, the first number lowest, `2^(bits-1)` added to each."""

    @property
    def pack(self) -> int:
        """Columns must be a multiple of it."""
        return 32 // self.bits if self.layout == "packed" else 1

    def __str__(self) -> str:
        """Return it in words."""
        return f"int{self.bits} {'per channel' if self.group_size is None else f'group {self.group_size}'}"
