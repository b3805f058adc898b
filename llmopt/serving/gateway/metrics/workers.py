"""Numbers of several workers, so that whichever answers a scrape tells those of all.

Each worker has a file: its numbers, mapped into memory, those of a series followed by the time when it was made, or 0
once a scrape has seen it; and behind them the names of its series, one JSON list a line,
only ever added to. A worker that ends leaves its file, so that nothing that was counted is lost; the next one takes the
file over and counts on. Who has a file is told by a lock on it, which the system lets go when a process ends, however
it ends.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import time
from collections.abc import Iterable, Iterator, Mapping, MutableSequence
from itertools import count
from pathlib import Path
from typing import cast

from llmopt.serving.gateway.metrics.cells import MOST_CELLS, NO_ROOM, YOUNG_S, Cells, Numbers, begun, cut
from llmopt.serving.gateway.metrics.families import FAMILIES, WIDEST, Series

_NAMES_AT = MOST_CELLS * 8
_SUFFIX = ".numbers"


class SharedCells(Cells):
    """Numbers of this worker, in a file of a folder where other workers have theirs.

    Args:
        folder: exists, and holds nothing else.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own = _take(folder)
        self._others: dict[str, _File] = {}
        for series, place in self._own.places.items():
            family = FAMILIES[series[0]]
            if family.kind == "gauge" and not family.least:
                self._own.values[place] = 0.0

    @property
    def values(self) -> MutableSequence[float]:
        """All cells of this worker."""
        return self._own.values

    def place(self, series: Series) -> int:
        """Return where the numbers of a series begin in `values`; `NO_ROOM` where all are taken."""
        found = self._own.places.get(series)
        return self._own.add(series) if found is None else found

    def read(self, *, scraped: bool = False) -> Numbers:
        """Return all numbers: gauges of the living, counts of all who ever were; new ones as 0 if they are kept."""
        told: Numbers = {}
        old: set[Series] = set()
        for file, lives in self._files():
            places = file.places.copy()
            if scraped:
                old |= file.mark_told(places)
            for series, numbers in cut(file.values, places).items():
                family = FAMILIES[series[0]]
                if lives or family.kind != "gauge" or family.least:
                    before = told.get(series)
                    told[series] = numbers if before is None else _merged(before, numbers, least=family.least)
        if scraped:
            told.update((series, begun(series, told[series])) for series in told.keys() - old)
        return told

    def workers(self) -> int:
        """Return how many processes have a file."""
        return sum(lives for _, lives in self._files())

    def close(self) -> None:
        """Let go of the file; the next worker takes it over."""
        for file in (self._own, *self._others.values()):
            file.close()

    def _files(self) -> Iterator[tuple[_File, bool]]:
        """Yield each file, and whether its worker lives."""
        yield self._own, True
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            if path == self._own.path:
                continue
            file = self._others.get(path.name) or self._others.setdefault(path.name, _File(path))
            if file.refresh():
                yield file, file.is_taken()


class _File:
    """Numbers and names of one worker."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.places: dict[Series, int] = {}
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._names_end = _NAMES_AT
        self._cells_end = WIDEST
        self._map: mmap.mmap | None = None
        self.values: MutableSequence[float] = []

    def take(self) -> bool:
        """Make it this process's own; False where another one has it."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if os.fstat(self._descriptor).st_size < _NAMES_AT:
            os.ftruncate(self._descriptor, _NAMES_AT)
        self.refresh()
        os.ftruncate(self._descriptor, self._names_end)  # of a worker that ended while it wrote a name
        return True

    def is_taken(self) -> bool:
        """Return whether another process has it."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return False

    def refresh(self) -> bool:
        """Read the names that are new; False while the file is being made."""
        size = os.fstat(self._descriptor).st_size
        if size < _NAMES_AT:
            return False
        if self._map is None:
            self._map = mmap.mmap(self._descriptor, _NAMES_AT)
            self.values = cast("MutableSequence[float]", memoryview(self._map).cast("d"))
        lines = os.pread(self._descriptor, size - self._names_end, self._names_end)
        whole = lines[: lines.rfind(b"\n") + 1]
        self._names_end += len(whole)
        self._put(tuple(json.loads(line)) for line in whole.splitlines())
        return True

    def add(self, series: Series) -> int:
        """Give a series its place; `NO_ROOM` where all are taken."""
        width = FAMILIES[series[0]].width
        if self._cells_end + width + 1 > MOST_CELLS:
            return NO_ROOM
        self.values[self._cells_end + width] = time.time()
        line = json.dumps(series, separators=(",", ":")).encode() + b"\n"
        self._names_end += os.pwrite(self._descriptor, line, self._names_end)
        self._put([series])
        return self.places[series]

    def mark_told(self, places: Mapping[Series, int]) -> set[Series]:
        """Return which series have been told before, or are too old to be new; from now on all have."""
        now, old = time.time(), set()
        for series, place in places.items():
            made = place + FAMILIES[series[0]].width
            if now - self.values[made] > YOUNG_S:
                old.add(series)
            self.values[made] = 0.0
        return old

    def close(self) -> None:
        """Let go of it; the memory stays mapped, as a call may still end."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)  # the map has a descriptor of its own, which holds the lock too
        os.close(self._descriptor)

    def _put(self, names: Iterable[Series]) -> None:
        for series in names:
            self.places[series] = self._cells_end
            self._cells_end += FAMILIES[series[0]].width + 1


def _take(folder: Path) -> _File:
    """Return the first file that nobody has.

    A scrape looks whether a file is taken by taking it for a moment; then this goes on to the next, and nothing is
    lost.
    """
    for number in count():
        file = _File(folder / f"{number}{_SUFFIX}")
        if file.take():
            return file
        file.close()
    raise AssertionError("unreachable")


def _merged(one: tuple[float, ...], other: tuple[float, ...], *, least: bool) -> tuple[float, ...]:
    return tuple((min if least else float.__add__)(*pair) for pair in zip(one, other, strict=True))
