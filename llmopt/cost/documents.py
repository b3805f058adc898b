"""Turn a JSON document (an array, a pretty-printed object, several in a row) into one record a line.

Only the structure is looked at: strings are jumped over, newlines outside of them become blanks, and top-level
values, or the elements of a top-level array, are cut apart. Memory does not grow with the file.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from llmopt.cost.sources import DAMAGE, Source, open_bytes

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|["{}\[\],\n]', re.DOTALL)
_CHUNK = 1 << 20


def as_lines(source: Source, target: Path) -> Source:
    """Write the records of a JSON document to `target`, one a line; return the source that reads them.

    The last record of a damaged or cut-off file is written as far as it goes, to be rejected with its line.
    """
    with target.open("wb") as out:
        splitter = _Splitter(out)
        rest = b""
        try:
            with open_bytes(source) as file:
                rest = file.read(3).removeprefix(b"\xef\xbb\xbf")
                while chunk := file.read(_CHUNK):
                    rest = splitter.feed(rest + chunk, last=False)
        except DAMAGE:
            pass
        splitter.feed(rest, last=True)
        splitter.finish()
    return replace(source, path=str(target), compression="none", line_map=tuple(splitter.lines), stored=None)


@dataclass(slots=True)
class _Splitter:
    """Where in the document we are."""

    out: IO[bytes]
    lines: array[int] = field(default_factory=lambda: array("q"))
    """Line that each record starts at."""
    line: int = 1
    depth: int = 0
    base: int = 0
    """Depth at which records stand: 1 inside a top-level array."""
    started: bool = False
    """Has the current record begun?"""

    def feed(self, data: bytes, *, last: bool) -> bytes:
        """Copy `data`, cutting records apart; return what must wait for more (a string without its end)."""
        position = 0
        for found in _TOKEN.finditer(data):
            token = found.group()
            self._copy(data[position : found.start()])
            position = found.end()
            if token == b'"' and not last:
                return data[found.start() :]
            if len(token) == 1:
                self._structure(token)
            else:
                self._copy(token)
        self._copy(data[position:])
        return b""

    def finish(self) -> None:
        """End the current record."""
        if self.started:
            self.out.write(b"\n")
            self.started = False

    def _copy(self, part: bytes) -> None:
        if self.started or part.strip():
            if not self.started:
                self.started = True
                self.lines.append(self.line)
            self.out.write(part.replace(b"\n", b" "))
        self.line += part.count(b"\n")

    def _structure(self, token: bytes) -> None:
        if token == b"\n":
            self.line += 1
            if self.started:
                self.out.write(b" ")
        elif token in b"{[":
            if token == b"[" and self.depth == 0 and not self.started:
                self.base = 1
            else:
                self._copy(token)
            self.depth += 1
        elif token in b"}]":
            self._close(token)
        elif token == b"," and self.depth == self.base:
            self.finish()
        else:
            self._copy(token)

    def _close(self, token: bytes) -> None:
        self.depth -= 1
        if token == b"]" and self.depth < self.base:
            self.finish()
            self.base = 0
            return
        self._copy(token)
        if self.depth <= self.base:
            self.depth = max(self.depth, self.base)
            self.finish()
