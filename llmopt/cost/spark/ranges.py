"""Ranges of bytes of large files of lines. A range owns the lines that begin in it, so each line has one owner."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

_CHUNK = 4 * 2**20


def ranges(size_bytes: int, target_bytes: int) -> list[tuple[int, int]]:
    """Cut a file into ranges of nearly the same size, of about `target_bytes`: (start, end) of each."""
    count = max(1, round(size_bytes / target_bytes))
    cuts = [size_bytes * number // count for number in range(count + 1)]
    return list(pairwise(cuts))


def copy_range(file: BinaryIO, start: int, end: int, target: Path) -> int:
    """Copy the lines that begin in a range; return how many newlines they have.

    The copy of a range that does not begin the file begins with an empty line: what is special about the first line
    of a file (a byte order mark) is not so in the middle of it.
    """
    with target.open("wb") as out:
        if start:
            out.write(b"\n")
            file.seek(start - 1)
            _rest_of_line(file, None)
        newlines, last = 0, b"\n"
        while (left := end - file.tell()) > 0 and (chunk := file.read(min(_CHUNK, left))):
            out.write(chunk)
            newlines += chunk.count(b"\n")
            last = chunk[-1:]
        return newlines if last == b"\n" else newlines + _rest_of_line(file, out)


def _rest_of_line(file: BinaryIO, out: BinaryIO | None) -> int:
    """Read to the end of the line, however long it is; return 1, or 0 where the file ends without a newline."""
    while chunk := file.readline(_CHUNK):
        if out is not None:
            out.write(chunk)
        if chunk.endswith(b"\n"):
            return 1
    return 0
