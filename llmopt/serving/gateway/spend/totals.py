"""Sums by name, in integers of 1e-12 USD: what a store of spending does, and the one that forgets at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Totals(Protocol):
    """Adds up; others may add to the same sums."""

    @property
    def errors(self) -> int:
        """How often a store could not be asked; what was spent meanwhile is kept, and added later."""
        ...

    def get(self, name: str) -> int | None:
        """Return a sum as it is known here; None: `ask` first."""
        ...

    def last(self, name: str) -> int | None:
        """Return a sum as it was known last, however long ago; None: nobody asked."""
        ...

    async def ask(self, names: Sequence[str]) -> None:
        """Learn sums; waits a short time only, and without an answer they are what was counted here."""
        ...

    def add(self, amounts: Mapping[str, int]) -> None:
        """Add to sums."""
        ...

    def seen(self, names: Sequence[str]) -> None:
        """Say that somebody asks for these, so that they are kept up to date."""
        ...

    def forget(self, but: tuple[str, ...]) -> None:
        """Forget sums whose names begin with none of these."""
        ...

    async def close(self) -> None:
        """Write down what is left to write."""
        ...


class MemoryTotals:
    """Sums of this process."""

    errors = 0

    def __init__(self) -> None:
        self._sums: dict[str, int] = {}

    def get(self, name: str) -> int | None:
        """Return a sum."""
        return self._sums.get(name, 0)

    def last(self, name: str) -> int | None:
        """Return a sum."""
        return self._sums.get(name, 0)

    async def ask(self, names: Sequence[str]) -> None:
        """Do nothing: all are known."""

    def add(self, amounts: Mapping[str, int]) -> None:
        """Add to sums."""
        for name, amount in amounts.items():
            self._sums[name] = self._sums.get(name, 0) + amount

    def seen(self, names: Sequence[str]) -> None:
        """Do nothing: nobody else adds."""

    def forget(self, but: tuple[str, ...]) -> None:
        """Forget sums of other periods."""
        self._sums = {name: amount for name, amount in self._sums.items() if name.startswith(but)}

    async def close(self) -> None:
        """Do nothing."""
