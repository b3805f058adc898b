"""Followed files that are read again whole when they have changed: what each said before is forgotten.

Files that are new at the same look are read together, since most of them will never change again (the sessions of
last week); one that does gets a part of its own, and its former company is read once more without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from llmopt.cost.follow.tail import Piece
from llmopt.cost.partial import Partial
from llmopt.cost.sources import Source
from llmopt.files import compression_of

MOST_TOGETHER = 64
"""Files of one part."""
TRACES = "traces"
"""The part of files whose records may belong to those of any other file."""


class Wholes:
    """The parts of such files.

    Args:
        read: reads files as one part of the log.
    """

    def __init__(self, read: Callable[[Sequence[Source]], Partial]) -> None:
        self._read = read
        self._parts: dict[str, Partial] = {}
        self._sources: dict[str, dict[int, Source]] = {}
        self._homes: dict[int, str] = {}
        """Number of a file -> its part."""
        self._stale: dict[str, None] = {}
        self._groups = 0

    @property
    def parts(self) -> list[Partial]:
        """What all of them say now."""
        return list(self._parts.values())

    def forget(self, number: int) -> None:
        """Forget what a file said, where it is one of these: it is read otherwise from now on."""
        home = self._homes.pop(number, None)
        if home is not None:
            del self._sources[home][number]
            self._stale[home] = None

    def take(self, pieces: Iterable[Piece]) -> list[Source]:
        """Read what has changed, and return it."""
        self._groups += 1
        for piece in (piece for piece in pieces if piece.path.exists()):
            number = piece.file.number
            home = self._home_of(piece)
            self.forget(number)
            source = Source(str(piece.path), piece.file.shown, compression_of(str(piece.path)))
            self._sources.setdefault(home, {})[number] = source
            self._homes[number] = home
            self._stale[home] = None
        found: list[Source] = []
        for home in self._stale:
            found += self._read_again(home)
        self._stale = {}
        return found

    def _home_of(self, piece: Piece) -> str:
        """Return the part of a file: of its own where it was read before, or lies where it may be deleted."""
        if piece.file.mode == "together":
            return TRACES
        if piece.file.mode == "whole" or piece.file.number in self._homes:
            return f"file {piece.file.number}"
        if len(self._sources.get(self._group, ())) >= MOST_TOGETHER:
            self._groups += 1
        return self._group

    @property
    def _group(self) -> str:
        return f"group {self._groups}"

    def _read_again(self, home: str) -> list[Source]:
        before = self._parts.pop(home, None)
        for path in before.rows if before is not None else ():
            Path(path).unlink()
        sources = list(self._sources[home].values())
        if sources:
            self._parts[home] = self._read(sources)
        else:
            del self._sources[home]
        return sources
