"""One file that is followed: how far it was read, where its lines end, and whether it still is the file it was."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Literal

Mode = Literal["undecided", "lines", "copied", "together", "whole"]
"""How a file is read: `lines`: its new lines alone; `copied`: all its lines again, from a copy without a half one, and
`together` with those of other files; `whole`: as it lies there. While it is `undecided` it is read as `copied`.
"""
_EDGE_BYTES = 256
_BLOCK = 1 << 20
_BACK = 1 << 16


@dataclass(frozen=True, slots=True)
class Edges:
    """What was read of a file, by its first and last bytes."""

    offset: int = 0
    lines: int = 0
    head: bytes = b""
    tail: bytes = b""


@dataclass(slots=True)
class Followed:
    """One file, and how far it was read."""

    number: int
    """Counts files from 0, in the order in which they were found."""
    path: str
    shown: str
    mode: Mode = "undecided"
    edges: Edges = field(default_factory=Edges)
    """Of what was taken: up to the end of a line."""
    searched: int = 0
    """No line ends between what was taken and here."""
    stamp: tuple[int, int] = (-1, -1)
    """Size and time of the last change when it was last looked at."""
    handle: FileIO | None = None
    silent: int = 0
    """Looks since it lost its name and said nothing."""

    @property
    def offset(self) -> int:
        """Bytes that were taken."""
        return self.edges.offset

    def open(self) -> FileIO:
        """Return the file, opened where it is not.

        Raises:
            OSError: it cannot be read.
        """
        if self.handle is None:
            self.handle = FileIO(self.path)  # a buffer would give back what the file was
        return self.handle

    def close(self) -> None:
        """Let go of the file."""
        if self.handle is not None:
            self.handle.close()
            self.handle = None

    def holds(self, edges: Edges, size: int) -> bool:
        """Does the file begin with what these edges are of?"""
        if size < edges.offset:
            return False
        file = self.open()
        file.seek(0)
        head = file.read(len(edges.head))
        file.seek(edges.offset - len(edges.tail))
        return head == edges.head and file.read(len(edges.tail)) == edges.tail

    def line_end(self, size: int, most_bytes: int) -> int:
        """Return where the last whole line ends that is within `most_bytes`; at least one line where there is any."""
        limit = min(size, self.offset + max(most_bytes, 0))
        end = self._last_end(limit)
        return end if end > self.offset or limit >= size else self._first_end(size)

    def take(self, end: int, target: Path) -> None:
        """Append what lies between the offset and `end` to a file, and move on."""
        file, offset, lines, last = self.open(), self.offset, self.edges.lines, self.edges.tail
        file.seek(offset)
        with target.open("ab") as out:
            while offset < end and (block := file.read(min(_BLOCK, end - offset))):
                out.write(block)
                offset += len(block)
                lines += block.count(b"\n")
                last = (last + block)[-_EDGE_BYTES:]
        file.seek(0)
        self.edges = Edges(offset, lines, file.read(min(_EDGE_BYTES, offset)), last)
        self.searched = max(self.searched, offset)

    def _last_end(self, limit: int) -> int:
        file, place, floor = self.open(), limit, max(self.offset, self.searched)
        self.searched = max(self.searched, limit)
        while place > floor:
            start = max(floor, place - _BACK)
            file.seek(start)
            found = file.read(place - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            place = start
        return self.offset

    def _first_end(self, size: int) -> int:
        file, place = self.open(), max(self.offset, self.searched)
        while place < size:
            file.seek(place)
            block = file.read(min(_BLOCK, size - place))
            found = block.find(b"\n")
            if found >= 0:
                return place + found + 1
            place += len(block) or size
        self.searched = size
        return self.offset
