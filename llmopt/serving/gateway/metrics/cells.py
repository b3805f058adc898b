"""Where numbers are kept between two looks at them: one cell a number, found once and then added to.

Adding to a cell of an array takes a tenth of the time of a metric object, and the array can as well lie in a file that
other workers read (`workers`).
"""

from __future__ import annotations

import time
from array import array
from collections.abc import MutableSequence
from typing import Protocol

from llmopt.serving.gateway.metrics.families import FAMILIES, WIDEST, Series

MOST_CELLS = 2**17
"""1 MiB: 4,000 histograms. A series beyond finds no room."""
NO_ROOM = 0
"""Place of what finds no room; its cells are told to nobody."""
YOUNG_S = 120.0
"""A count that is no older is first told as 0, as `rate` and `increase` of Prometheus see a series from its second
number on, and never what it began with. An older one is told as it is: else it would seem to have happened just now."""
Numbers = dict[Series, tuple[float, ...]]
"""Series -> its numbers, as many as `Family.width`."""


class Cells(Protocol):
    """Numbers of this process, and how to read them together with those of others."""

    @property
    def values(self) -> MutableSequence[float]:
        """All cells of this process."""
        ...

    def place(self, series: Series) -> int:
        """Return where the numbers of a series begin in `values`; `NO_ROOM` where all are taken."""
        ...

    def read(self, *, scraped: bool = False) -> Numbers:
        """Return all numbers, of all workers together.

        Args:
            scraped: whether somebody keeps them. A count that is new is then 0, once (`YOUNG_S`).
        """
        ...

    def workers(self) -> int:
        """Return how many processes are alive."""
        ...

    def close(self) -> None:
        """Let go of files; the numbers stay."""
        ...


class OwnCells:
    """Numbers of one process alone."""

    def __init__(self) -> None:
        self._values: array[float] = array("d", [0.0] * WIDEST)
        self._places: dict[Series, int] = {}
        self._made_s: dict[Series, float] = {}

    @property
    def values(self) -> MutableSequence[float]:
        """All cells."""
        return self._values

    def place(self, series: Series) -> int:
        """Return where the numbers of a series begin in `values`; `NO_ROOM` where all are taken."""
        found = self._places.get(series)
        if found is None:
            found, width = len(self._values), FAMILIES[series[0]].width
            if found + width > MOST_CELLS:
                return NO_ROOM
            self._values.extend([0.0] * width)
            self._made_s[series] = time.monotonic()
            self._places[series] = found
        return found

    def read(self, *, scraped: bool = False) -> Numbers:
        """Return all numbers; those of new counts as 0 if they are kept."""
        numbers = cut(self._values, self._places.copy())
        if scraped:
            for series in numbers:
                made_s = self._made_s.pop(series, None)
                if made_s is not None and time.monotonic() - made_s <= YOUNG_S:
                    numbers[series] = begun(series, numbers[series])
        return numbers

    def workers(self) -> int:
        """Return 1."""
        return 1

    def close(self) -> None:
        """Do nothing."""


def cut(values: MutableSequence[float], places: dict[Series, int]) -> Numbers:
    """Return the numbers of each series."""
    return {series: tuple(values[place : place + FAMILIES[series[0]].width]) for series, place in places.items()}


def begun(series: Series, numbers: tuple[float, ...]) -> tuple[float, ...]:
    """Return what a new series is first told as."""
    return numbers if FAMILIES[series[0]].kind == "gauge" else (0.0,) * len(numbers)
