"""Find the log files behind the paths a user gives, and open each as a stream of lines.

What a file is, is told by its bytes, not by its name: gzip and Zstandard by their magic numbers, Parquet by its
own, JSON by what its first lines parse as. Names only decide which files of a directory are looked at.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Literal

from llmopt.errors import InputError
from llmopt.files import DAMAGE as DAMAGE  # what opening a source may raise belongs to its readers
from llmopt.files import Compression, compression_of, ends_with, expand, files_in, open_unpacked

Kind = Literal["lines", "document", "csv", "parquet", "other"]
HEAD_BYTES = 256 * 1024
MAX_LINE_BYTES = 16 * 2**20
"""How far a file is looked into for the end of its first line."""
SAMPLED_LINES = 24
"""Lines looked at from the start of a file; a quarter as many from its middle and its end."""
_SUFFIXES = (".jsonl", ".ndjson", ".json", ".log", ".csv", ".tsv", ".parquet", ".txt")


@dataclass(frozen=True, slots=True)
class Source:
    """One log file."""

    path: str
    """Where to read it: the user's file, or a temporary copy in a form that duckdb takes."""
    shown: str
    """What to call it."""
    compression: Compression
    delimiter: str = ""
    """Of a CSV file."""
    trimmed: str = ""
    """A copy for duckdb without lines that are too long for it; empty when there are none."""
    line_map: tuple[int, ...] = ()
    """Line of the shown file that each line of `path` starts at; empty when they are the same lines."""

    @property
    def size_bytes(self) -> int:
        """Size of the file as it lies on the disk."""
        return os.path.getsize(self.path)

    def line_of(self, number: int) -> int:
        """Return the line of the shown file for a 1-based line of `path`."""
        return self.line_map[number - 1] if number <= len(self.line_map) else number


def find_files(paths: Sequence[str | os.PathLike[str]], spool: Path) -> list[Source]:
    """Return the files behind `paths`, each once, in the order given (directories and globs sorted).

    Args:
        paths: files, directories (recursive), quoted globs, pipes, `-` for standard input.
        spool: a directory for copies of standard input and pipes; files in it are shown by their bare names.

    Raises:
        InputError: a path that does not exist, a directory or glob that holds no log.
    """
    found: dict[str, Source] = {}
    for path in paths:
        for file in expand(os.fspath(path), spool, _logs_in):
            real = os.path.realpath(file.path)
            shown = Path(file.shown).name if file.shown.startswith(str(spool)) else file.shown
            found.setdefault(real, Source(real, shown, compression_of(real)))
    return list(found.values())


def open_bytes(source: Source) -> IO[bytes]:
    """Open a source, unpacked. Reading may raise one of `DAMAGE`."""
    return open_unpacked(source.path, source.compression)


def numbered_lines(source: Source) -> Iterator[tuple[int, bytes]]:
    """Yield (1-based line, bytes) of every line that is not blank, as duckdb counts them."""
    with open_bytes(source) as file:
        for number, line in enumerate(file, 1):
            if line.strip() and not (number == 1 and line.strip() == b"\xef\xbb\xbf"):
                yield number, line


def without_long_lines(source: Source, longest: int, target: Path) -> Source:
    """Copy a file with every line longer than `longest` bytes emptied to `{}`; duckdb reads the copy.

    The empty records are of no format, so they are read again, from the file itself.
    """
    with open_bytes(source) as file, target.open("wb") as out:
        while line := file.readline(longest + 1):
            if len(line) <= longest:
                out.write(line)
                continue
            out.write(b"{}\n")
            while line and not line.endswith(b"\n"):
                line = file.readline(longest)
    return replace(source, trimmed=str(target))


def head(source: Source, size: int = HEAD_BYTES) -> bytes:
    """Return the first unpacked bytes; what could be read of a damaged file."""
    parts: list[bytes] = []
    try:
        with open_bytes(source) as file:
            while size > 0 and (part := file.read(min(size, 65536))):
                parts.append(part)
                size -= len(part)
    except DAMAGE:
        pass
    return b"".join(parts)


def samples(source: Source, size: int = 65536) -> list[bytes]:
    """Return some whole lines from the start and, of a plain file, from its middle and end."""
    total = source.size_bytes
    start = head(source, size)
    if b"\n" not in start:
        start = head(source, MAX_LINE_BYTES)
    lines = start.split(b"\n", SAMPLED_LINES)[:SAMPLED_LINES]
    if total <= size and source.compression == "none" and len(lines) < SAMPLED_LINES:
        return lines
    lines = lines[:-1] or lines
    if source.compression == "none" and total > 2 * size:
        with open(source.path, "rb") as file:
            for place in (total // 2, total - size):
                file.seek(place)
                lines += file.read(size).split(b"\n")[1:-1][: SAMPLED_LINES // 4]
    return lines


def _logs_in(directory: str) -> list[str]:
    names = files_in(directory, lambda name: ends_with(name, _SUFFIXES))
    if not names:
        endings = " ".join(_SUFFIXES)
        raise InputError(f"{directory}: no log in this directory", f"logs end in {endings}, also .gz and .zst")
    return names
