"""Several plans look at the requests of one reading."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace

from llmopt.cost.call import Call
from llmopt.cost.call_columns import CallColumns
from llmopt.savings.project.looking import Looker
from llmopt.savings.project.requests import Requests


class LookingTogether:
    """Shows each request to the looker of every plan, and gives it one number for all of them."""

    def __init__(self, lookers: Sequence[Looker]) -> None:
        """Begin with nothing seen."""
        self._lookers = tuple(lookers)
        self._known: dict[tuple[int, ...], int] = {}
        self._numbers = [array("i") for _ in self._lookers]
        """Plan -> our number -> that of its looker."""
        alone = self._lookers[0] if len(self._lookers) == 1 else None
        self.see = alone.see if alone else self._see
        """As `Looker.see`."""
        self.see_hashed = alone.see_hashed if alone else self._see_hashed
        """As `Looker.see_hashed`."""
        self.by_label = any(looker.by_label for looker in self._lookers)
        """Whether requests have to be shown for each label."""
        self.columns = tuple(dict.fromkeys(column for looker in self._lookers for column in looker.columns))
        """Further columns that the levers need in the labels."""
        self.groups = tuple(dict.fromkeys(group for looker in self._lookers for group in looker.groups))
        """The groups that they need there."""

    def split(self, plan: int, columns: CallColumns) -> tuple[CallColumns, Requests]:
        """Return the log with the numbers that one plan gave its requests, and what that plan saw in them.

        Calls without a request have one, too, where the plan routes them all the same.

        Args:
            plan: its number.
            columns: as read with `see`.
        """
        looker = self._lookers[plan]
        if len(self._lookers) > 1:
            own = array("i", [*self._numbers[plan], -1])
            columns = replace(columns, request=array("i", map(own.__getitem__, columns.request)))
        columns = looker.place(columns)
        return columns, looker.finish()

    def _see(self, call: Call) -> int:
        seen = tuple(looker.see(call) for looker in self._lookers)
        if max(seen) < 0:
            return -1
        number = self._known.setdefault(seen, len(self._numbers[0]))
        if number == len(self._numbers[0]):
            for own, their in zip(self._numbers, seen, strict=True):
                own.append(their)
        return number

    def _see_hashed(self, call: Call, count: int) -> int:
        first = len(self._numbers[0])
        for own, looker in zip(self._numbers, self._lookers, strict=True):
            their = looker.see_hashed(call, count)
            own.extend(range(their, their + count))
        return first
